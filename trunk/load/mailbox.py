"""An agency's system at its inbox: waits there, takes what comes with it, confirms a page in one request."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import pybase64

from trunk.load.client import Client
from trunk.load.wire import GoneError, Reply

_PAGE: Final = 100  #: items
_PAGES_AT_ONCE: Final = 2
_SMALL: Final = 65_536  #: octets of what comes with the inbox
_WAIT_SECONDS: Final = 5
_PAUSE_SECONDS: Final = 1.0
_OK: Final = 200

Item = Mapping[str, Any]


class WrongAnswerError(Exception):
    """Not what a system has to be answered."""


def insist(reply: Reply) -> Reply:
    """Raises ``WrongAnswerError`` unless it is 200."""
    if reply.status != _OK:
        raise WrongAnswerError(f"{reply.status} {reply.octets[:300].decode(errors='replace')}")
    return reply


@dataclass(slots=True, eq=False)
class Mailbox:
    """One system's."""

    client: Client
    told: Callable[[Item], None]  #: an item was taken and its confirmation was heard; the same one maybe again
    troubled: Callable[[str], None]  #: something is not as it should be, and it goes on
    mine: Callable[[Item], bool] = lambda _: True  #: others are left where they are

    async def live(self) -> None:
        """Until it is cancelled. After trouble it reads its inbox from the start."""
        while True:
            trouble = ""
            try:
                await self._read()
            except* (GoneError, WrongAnswerError) as group:
                trouble = str(group.exceptions[0])
            self.troubled(trouble)
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _read(self) -> None:
        """Page after page; the next one is asked for while one is being taken."""
        cursor = ""
        gate = asyncio.Semaphore(_PAGES_AT_ONCE)
        async with asyncio.TaskGroup() as group:
            while True:
                await gate.acquire()
                path = f"/api/v1/inbox?limit={_PAGE}&octets={_SMALL}&wait={_WAIT_SECONDS}{cursor}"
                page = insist(await self.client.get(path)).json
                cursor = f"&cursor={page['cursor']}"
                group.create_task(self._take([item for item in page["items"] if self.mine(item)], gate))

    async def _take(self, items: Sequence[Item], gate: asyncio.Semaphore) -> None:
        try:
            words = [word for item in items if (word := await self._word(item))]
            if not words:
                return
            reply = insist(await self.client.post("/api/v1/confirmations", orjson.dumps({"words": words})))
            heard = {one["delivery_id"]: one for one in reply.json["items"]}
            for item in items:
                one = heard.get(item["delivery_id"])
                if one and one["confirmation"]:
                    self.told(item)
                elif one:
                    self.troubled(", ".join(fault["code"] for fault in one["faults"]))
        finally:
            gate.release()

    async def _word(self, item: Item) -> dict[str, str] | None:
        octets = item["octets"] and pybase64.b64decode(item["octets"])
        if octets is None:
            octets = insist(await self.client.get(item["content"])).octets
        digest = hashlib.sha256(octets).hexdigest()
        if digest != item["envelope"]["sha256"]:
            self.troubled("the octets are not those that were sent")
            return None
        return {"delivery_id": item["delivery_id"], "outcome": "taken", "sha256": digest}
