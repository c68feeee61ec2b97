"""From submission to the recipient's confirmation and the sender's last acknowledgement.

Recipients that pull wait at their inboxes, take what comes with them, compare the digests and confirm page by page;
those of other modes are in ``scripts.bench.receiving``. The sender's system pulls every acknowledgement; a document is
done when the last of them (delivered) is confirmed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import orjson
import pybase64
from rich.progress import track

from scripts.bench.figures import SHARES, Carrying, Turn
from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.load import Result
from scripts.province import FIRST, SECOND, SENDER
from scripts.web import Reply, Way

_UNDER_WAY: Final = 200  #: documents
_AT_ONCE: Final = 16  #: submissions
_PAGE: Final = 100  #: items
_PAGES_AT_ONCE: Final = 2
_SMALL: Final = 65_536  #: octets of what comes with the inbox
_CONTENT: Final = 13_500  #: octets of the attachment in an envelope of 25 KB
_LEAST_SECONDS: Final = 300.0

Item = Mapping[str, Any]
Receive = Callable[[Stand, Mapping[str, Way], Sequence[str]], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """To whom documents go in turn, and who takes them there as long as it is open."""

    mode: str
    codes: Sequence[str]
    receive: Receive


@asynccontextmanager
async def pulling(_stand: Stand, ways: Mapping[str, Way], codes: Sequence[str]) -> AsyncIterator[None]:
    """Each one's system at its inbox."""
    async with _living([System(ways[code]) for code in codes]):
        yield


PULLING: Final = Recipients(mode="pull", codes=(FIRST, SECOND), receive=pulling)


def measure(stand: Stand, *, documents: int, runs: int, to: Recipients = PULLING) -> Carrying:
    """Closed runs, ``_UNDER_WAY`` documents at most under way."""
    latency = Result()
    batch = signed(stand, "warm", documents // 5, to)
    asyncio.run(_carry(stand, batch, to))
    turns: list[Turn] = []
    for number in range(runs):
        batch = signed(stand, str(number), documents, to)
        turn, latencies = once(stand, batch, to)
        turns.append(turn)
        latency.latencies += latencies
    parties = {party: statistics.median(one.parties_ms[party] for one in turns) for party in turns[0].parties_ms}
    return Carrying(
        stack=stand.stack,
        mode=to.mode,
        octets=round(statistics.mean(map(len, batch))),
        per_second=[turn.per_second for turn in turns],
        latency={name: round(latency.percentile(share), 1) for name, share in SHARES.items()},
        cpu_ms=statistics.median(turn.trunk_ms for turn in turns),
        parties_ms=parties,
    )


def once(stand: Stand, envelopes: Sequence[bytes], to: Recipients = PULLING) -> tuple[Turn, list[float]]:
    """One closed run, and the latencies in seconds."""
    before = stand.processor()
    seconds, latencies = asyncio.run(_carry(stand, envelopes, to))
    return stand.turn(before, len(envelopes), seconds=seconds), latencies


def signed(stand: Stand, prefix: str, count: int, to: Recipients = PULLING) -> list[bytes]:
    """Documents of 25 KB for the recipients in turn."""
    name = f"carry-{to.mode}-{prefix}"
    numbers = track(range(count), description=f"signing {name}", console=console, transient=True)
    whom, content = cycle(to.codes), os.urandom(_CONTENT)
    return [stand.province.signed(f"{name}-{n}", recipients=(next(whom),), content=content) for n in numbers]


async def _carry(stand: Stand, envelopes: Sequence[bytes], to: Recipients) -> tuple[float, list[float]]:
    port = int(stand.url.rpartition(":")[2])
    ways = {agency: Way([port], stand.province.keys[agency], seconds=60) for agency in (SENDER, *to.codes)}
    books = _Books()
    try:
        async with to.receive(stand, ways, to.codes), _living([System(ways[SENDER], books.told)]):
            started = time.perf_counter()
            async with asyncio.timeout(_LEAST_SECONDS + len(envelopes)), asyncio.TaskGroup() as group:
                waiting = iter(envelopes)
                for _ in range(_AT_ONCE):
                    group.create_task(_submit(ways[SENDER], waiting, books))
                group.create_task(books.all_done(len(envelopes)))
            return time.perf_counter() - started, books.latencies
    finally:
        for way in ways.values():
            way.close()


@dataclass(slots=True)
class _Books:
    """When each document was submitted, and when its sender knew the end of it."""

    begun: dict[str, float] = field(default_factory=dict)
    done: dict[str, float] = field(default_factory=dict)
    latencies: list[float] = field(default_factory=list)
    room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_UNDER_WAY))
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def submitted(self, envelope_id: str, at: float) -> None:
        self.begun[envelope_id] = at
        self._settle(envelope_id)

    def told(self, item: Item) -> None:
        """An item was taken and confirmed."""
        envelope = item["envelope"]
        if envelope["acknowledges"] == "delivered":
            self.done[envelope["about"]] = time.perf_counter()
            self._settle(envelope["about"])

    def _settle(self, envelope_id: str) -> None:
        """The end may be known before the answer to the submission has been read."""
        if envelope_id in self.begun and envelope_id in self.done:
            self.latencies.append(self.done[envelope_id] - self.begun[envelope_id])
            self.room.release()
            self.changed.set()

    async def all_done(self, count: int) -> None:
        while len(self.latencies) < count:
            self.changed.clear()
            await self.changed.wait()


async def _submit(way: Way, waiting: Iterator[bytes], books: _Books) -> None:
    for octets in waiting:
        await books.room.acquire()
        at = time.perf_counter()
        reply = insist(await way.post("/api/v1/envelopes", octets, "application/xml"), 201)
        books.submitted(reply.json["envelope_id"], at)


@asynccontextmanager
async def _living(systems: Sequence[System]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(system.live()) for system in systems]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass(slots=True)
class System:
    """An agency's system: waits at its inbox, takes what comes with it, confirms a page in one request."""

    way: Way
    told: Callable[[Item], None] = lambda _: None

    async def live(self) -> None:
        cursor = ""
        taking: set[asyncio.Task[None]] = set()
        gate = asyncio.Semaphore(_PAGES_AT_ONCE)
        while True:
            await gate.acquire()
            reply = await self.way.get(f"/api/v1/inbox?limit={_PAGE}&octets={_SMALL}&wait=5{cursor}", seconds=60)
            page = insist(reply, 200).json
            cursor = f"&cursor={page['cursor']}"
            task = asyncio.create_task(self._take(page["items"], gate))
            taking.add(task)
            task.add_done_callback(taking.discard)

    async def _take(self, items: Sequence[Item], gate: asyncio.Semaphore) -> None:
        try:
            if items:
                words = [await self._word(item) for item in items]
                body = orjson.dumps({"words": words})
                heard = insist(await self.way.post("/api/v1/confirmations", body), 200).json["items"]
                if not all(one["confirmation"] for one in heard):
                    raise SystemExit(f"not everything was confirmed: {heard}")
            for item in items:
                self.told(item)
        finally:
            gate.release()

    async def _word(self, item: Item) -> dict[str, str]:
        octets = item["octets"] and pybase64.b64decode(item["octets"])
        if octets is None:
            octets = insist(await self.way.get(item["content"]), 200).octets
        digest = hashlib.sha256(octets).hexdigest()
        if digest != item["envelope"]["sha256"]:
            raise SystemExit("the octets are not those that were sent")
        return {"delivery_id": item["delivery_id"], "outcome": "taken", "sha256": digest}


def insist(reply: Reply, status: int) -> Reply:
    if reply.status != status:
        raise SystemExit(f"{reply.status} instead of {status}: {reply.octets[:300]!r}")
    return reply
