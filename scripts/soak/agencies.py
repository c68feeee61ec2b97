"""Agencies' systems over HTTP: they send, read their inbox, fetch and confirm, and tell the oracle what they were told.

A sender repeats a submission with the same octets until it has an answer. A recipient's system misbehaves a little at
all times, and more while a fault makes it: none of that may lose or double anything. Thrifty ones save trips: they take
what comes with the inbox, and say many words in one request.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
import pybase64

from scripts.soak.oracle import Oracle, Sent
from scripts.soak.words import Speaker, Word
from scripts.web import Way
from trunk.load.wire import GoneError

_PAUSE: Final = 0.3
_WAIT_SECONDS: Final = 5
_SMALL: Final = 65_536  #: octets of what comes with the inbox of thrifty systems
_LOOK_AGAIN_SECONDS: Final = 20.0  #: from the start of the inbox, in any case
_COME_AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})

Item = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Letter:
    """Something to send."""

    octets: bytes
    sent: Sent
    number: str


@dataclass(eq=False)
class Party:
    """One agency's system: what all kinds of them can do."""

    agency: str
    way: Way
    oracle: Oracle
    at_once: int = 2
    thrifty: bool = False
    unanswered: set[str] = field(default_factory=set)  #: SHA-256 of what was sent and nobody knows the fate of

    async def send(self, letter: Letter, *, until: float = float("inf")) -> bool:
        """Until there is an answer that says what became of it; whether it was accepted."""
        self.oracle.submitted(letter.sent)
        self.unanswered.add(letter.sent.sha256)
        while time.monotonic() < until:
            accepted = await self._try(letter)
            if accepted is not None:
                self.unanswered.discard(letter.sent.sha256)
                return accepted
            await asyncio.sleep(_PAUSE)
        return False

    async def _try(self, letter: Letter) -> bool | None:
        try:
            reply = await self.way.post("/api/v1/envelopes", letter.octets, "application/xml")
        except GoneError:
            self.oracle.not_heard(letter.sent.sha256)
            return None
        if reply.status == 201:
            self.oracle.accepted(letter.sent.sha256, reply.json["envelope_id"])
            return True
        if reply.status in _COME_AGAIN:
            return None
        self.oracle.turned_down(letter.sent.sha256, reply.octets[:300].decode(errors="replace"))
        return False

    async def read(self, take: Callable[[Item], Awaitable[bool]]) -> None:
        """For ever: hand every item of the inbox to ``take``; what it does not settle is looked at again."""
        inbox = _Inbox(self.way, octets=_SMALL if self.thrifty else 0)
        gate = asyncio.Semaphore(self.at_once)

        async def one(item: Item) -> None:
            async with gate:
                if not await take(item):
                    inbox.unsettled = True

        while True:
            items = await inbox.page()
            if items:
                await asyncio.gather(*(one(item) for item in items))

    def __post_init__(self) -> None:
        self._speaker = Speaker(self.way)

    async def whole(self, item: Item) -> tuple[bytes, str] | None:
        """What came with the inbox, or is fetched, and its envelope's id; if it is whole: every client is told to
        compare the digest. A notice of AMQP is believed nothing: whoever has the password may have written it."""
        if item.get("octets") is None:
            return await self.fetch(item["delivery_id"])
        octets, envelope = pybase64.b64decode(item["octets"]), item["envelope"]
        return (octets, envelope["envelope_id"]) if hashlib.sha256(octets).hexdigest() == envelope["sha256"] else None

    async def fetch(self, delivery_id: str) -> tuple[bytes, str] | None:
        """The octets, if they came whole, and the envelope's id."""
        try:
            reply = await self.way.get(f"/api/v1/deliveries/{delivery_id}/envelope")
        except GoneError:
            return None
        whole = reply.status == 200 and reply.header("ETag") == f'"{hashlib.sha256(reply.octets).hexdigest()}"'
        return (reply.octets, reply.header("Trunk-Envelope-Id")) if whole else None

    async def confirm(self, delivery_id: str, sha256: str) -> bool:
        return await self.say(delivery_id, {"outcome": "taken", "sha256": sha256})

    async def say(self, delivery_id: str, word: Word) -> bool:
        """Whether the trunk took it."""
        if self.thrifty:
            return await self._speaker.say(delivery_id, word)
        try:
            reply = await self.way.post(f"/api/v1/deliveries/{delivery_id}/confirmation", orjson.dumps(word))
        except GoneError:
            return False
        return reply.status == 200

    async def keep(self, item: Item) -> str:
        """Take and store; the digest of what was stored, or nothing."""
        found = await self.whole(item)
        if found is None:
            return ""
        octets, envelope_id = found
        digest = hashlib.sha256(octets).hexdigest()
        self.oracle.stored(self.agency, item["delivery_id"], envelope_id, digest)
        return digest


class _Inbox:
    """A place in the inbox, which is begun anew where something was left behind."""

    def __init__(self, way: Way, *, octets: int) -> None:
        self._way = way
        self._octets = octets
        self._cursor = ""
        self._begun = time.monotonic()
        self.unsettled = False

    async def page(self) -> list[Item]:
        """What comes next; empty after a while of nothing, and after trouble."""
        wait = 1 if self.unsettled else _WAIT_SECONDS
        path = f"/api/v1/inbox?limit=100&wait={wait}&octets={self._octets}" + (
            f"&cursor={self._cursor}" if self._cursor else ""
        )
        try:
            reply = await self._way.get(path, seconds=wait + 3.0)
        except GoneError:
            await asyncio.sleep(_PAUSE)
            return []
        if reply.status != 200:
            await asyncio.sleep(_PAUSE)
            return []
        page = reply.json
        self._cursor = page["cursor"]
        if not page["items"] and (self.unsettled or time.monotonic() - self._begun > _LOOK_AGAIN_SECONDS):
            self._cursor, self.unsettled, self._begun = "", False, time.monotonic()
        return list(page["items"])


class Sender(Party):
    """Sends, and reads what it is told about it."""

    async def receive(self) -> None:
        await self.read(self._take)

    async def _take(self, item: Item) -> bool:
        delivery_id, envelope = item["delivery_id"], item["envelope"]
        if envelope["kind"] != "acknowledgement":
            digest = await self.keep(item)
            return bool(digest) and await self._confirmed(delivery_id, digest)
        if await self.whole(item) is None:
            return False
        about, delivery = envelope["about"] or "", envelope["about_delivery"] or ""
        self.oracle.acknowledged(about, envelope["acknowledges"], delivery, own=delivery_id)
        return await self.confirm(delivery_id, envelope["sha256"])

    async def _confirmed(self, delivery_id: str, digest: str) -> bool:
        taken = await self.confirm(delivery_id, digest)
        if taken:
            self.oracle.took_word(self.agency, delivery_id)
        return taken


@dataclass(eq=False)
class Recipient(Party):
    """Pulls its mail; ``chance`` and the fault of the hour decide what it does wrong."""

    chance: random.Random = field(default_factory=random.Random)
    report: Callable[[str, Item], Letter] | None = None  #: makes a status 03 of a document
    reports: asyncio.Queue[Letter] = field(default_factory=asyncio.Queue)
    gone: bool = False
    slow_seconds: float = 0.0
    wrong_share: float = 0.01
    mood: str = ""  #: what it does wrong then; empty: anything

    async def receive(self) -> None:
        await self.read(self.take)

    async def send_reports(self) -> None:
        while True:
            await self.send(await self.reports.get())

    async def take(self, item: Item) -> bool:
        """Whether the item is settled."""
        if self.gone:
            await asyncio.sleep(_PAUSE)
            return False
        delivery_id = item["delivery_id"]
        digest = await self.keep(item)
        if not digest:
            return False
        if self.slow_seconds:
            await asyncio.sleep(self.slow_seconds)
        if self.chance.random() < self.wrong_share:
            return await self._misbehave(delivery_id, digest)
        if not await self.confirm(delivery_id, digest):
            return False
        self.oracle.took_word(self.agency, delivery_id)
        self._report(item, digest)
        return True

    def _report(self, item: Item, digest: str) -> None:
        if self.report and item["envelope"]["kind"] == "document" and self.chance.random() < 0.01:
            self.oracle.reported.add((self.agency, digest))
            self.reports.put_nowait(self.report(self.agency, item))

    async def _misbehave(self, delivery_id: str, digest: str) -> bool:
        """It has stored the envelope, and then something happens to it; it will be offered again."""
        match self.mood or self.chance.choice(("wrong", "failed", "forgets", "twice")):
            case "wrong":
                if await self.confirm(delivery_id, "0" * 64):
                    self.oracle.broken.append(f"a wrong digest was taken for {delivery_id}")
            case "failed":
                await self.say(delivery_id, {"outcome": "failed", "reason": "đầy đĩa"})
            case "twice":
                words = await asyncio.gather(*(self.confirm(delivery_id, digest) for _ in range(3)))
                if any(words):
                    self.oracle.took_word(self.agency, delivery_id)
                    return True
            case _:
                pass  # it died between storing and confirming
        return False
