"""A system at its inbox: it takes what is its own, and trouble does not end it."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from trunk.load import mailbox
from trunk.load.mailbox import Mailbox
from trunk.load.wire import GoneError, Reply

LETTER = b"<letter/>"


def item(number: int, *, octets: bytes | None = LETTER, document: str = "ours") -> dict[str, Any]:
    inline = None if octets is None else base64.b64encode(octets).decode()
    envelope = {"sha256": hashlib.sha256(LETTER).hexdigest(), "document_id": document}
    return {"delivery_id": f"D{number}", "octets": inline, "content": f"/{number}", "envelope": envelope}


@dataclass
class Inbox:
    """Pages that are given out one after the other; then nothing more comes."""

    pages: list[list[dict[str, Any]] | Reply | GoneError]
    cursors: list[str] = field(default_factory=list)
    words: list[dict[str, Any]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    read: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, path: str) -> Reply:
        if not path.startswith("/api/v1/inbox"):
            return Reply(200, b"", LETTER)
        self.cursors.append(path.partition("&cursor=")[2])
        if not self.pages:
            self.read.set()
            await asyncio.Event().wait()
        page = self.pages.pop(0)
        if isinstance(page, GoneError):
            raise page
        answer = {"items": page, "cursor": str(len(self.pages))}
        return page if isinstance(page, Reply) else Reply(200, b"", orjson.dumps(answer))

    async def post(self, path: str, octets: bytes) -> Reply:
        words = orjson.loads(octets)["words"]
        self.words += words
        heard = [
            {"delivery_id": word["delivery_id"], "confirmation": None, "faults": [{"code": "TRK-113"}]}
            if word["delivery_id"] in self.refused
            else {"delivery_id": word["delivery_id"], "confirmation": {"state": "delivered"}, "faults": []}
            for word in words
        ]
        return Reply(200, b"", orjson.dumps({"items": heard}))


def live(inbox: Inbox, mine: Callable[[Any], bool] = lambda _: True) -> tuple[list[str], list[str]]:
    """What was told, and what was trouble."""
    told: list[str] = []
    troubles: list[str] = []

    async def run() -> None:
        box = Mailbox(inbox, lambda one: told.append(one["delivery_id"]), troubles.append, mine)
        task = asyncio.create_task(box.live())
        await inbox.read.wait()
        await asyncio.sleep(0.05)  # what is left to do needs no waiting
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(run())
    return told, troubles


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mailbox, "_PAUSE_SECONDS", 0.0)


def test_what_comes_with_the_inbox_and_what_is_fetched_is_confirmed_by_its_digest() -> None:
    inbox = Inbox([[item(1), item(2, octets=None)], [item(3)]])
    assert live(inbox) == (["D1", "D2", "D3"], [])
    assert {word["sha256"] for word in inbox.words} == {hashlib.sha256(LETTER).hexdigest()}
    assert inbox.cursors[:2] == ["", "1"]


def test_others_mail_is_left_where_it_is() -> None:
    inbox = Inbox([[item(1), item(2, document="others")]])
    assert live(inbox, lambda one: one["envelope"]["document_id"] == "ours") == (["D1"], [])
    assert [word["delivery_id"] for word in inbox.words] == ["D1"]


def test_octets_that_are_not_those_that_were_sent_are_never_confirmed() -> None:
    inbox = Inbox([[item(1, octets=b"another"), item(2)]])
    told, troubles = live(inbox)
    assert told == ["D2"]
    assert troubles == ["the octets are not those that were sent"]
    assert [word["delivery_id"] for word in inbox.words] == ["D2"]


def test_a_confirmation_that_is_refused_is_told_by_its_code() -> None:
    assert live(Inbox([[item(1), item(2)]], refused=frozenset({"D1"}))) == (["D2"], ["TRK-113"])


@pytest.mark.parametrize("trouble", [GoneError("TimeoutError"), Reply(503, b"", b"TRK-107")])
def test_after_trouble_the_inbox_is_read_from_the_start(trouble: GoneError | Reply) -> None:
    inbox = Inbox([[item(1)], trouble, [item(2)]])
    told, troubles = live(inbox)
    assert told[-1] == "D2"
    assert len(troubles) == 1
    assert inbox.cursors[:3] == ["", "2", ""]
