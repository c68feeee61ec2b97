"""From submission to the recipient's confirmation and the sender's last acknowledgement.

Recipients that pull wait at their inboxes, take what comes with them, compare the digests and confirm page by page;
those of other modes are in ``scripts.bench.receiving``. The sender's system pulls every acknowledgement; a document is
done when the last of them (delivered) is confirmed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from typing import Final

from rich.progress import track

from scripts.bench.figures import Carrying, Turn
from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.load import Result
from scripts.province import FIRST, SECOND, SENDER
from trunk.load.answers import Answer
from trunk.load.client import Client
from trunk.load.figures import SHARES
from trunk.load.following import Following
from trunk.load.mailbox import Item, Mailbox
from trunk.load.run import PATH, XML
from trunk.load.wire import Address

_UNDER_WAY: Final = 200  #: documents
_AT_ONCE: Final = 16  #: submissions
_CONTENT: Final = 13_500  #: octets of the attachment in an envelope of 25 KB
_LEAST_SECONDS: Final = 300.0

Receive = Callable[[Stand, Mapping[str, Client]], AbstractAsyncContextManager[None]]
"""Takes what comes, by the systems of the recipients (by code), as long as it is open."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipients:
    """To whom documents go in turn, and who takes them there."""

    mode: str
    codes: Sequence[str]
    receive: Receive


@asynccontextmanager
async def pulling(_stand: Stand, clients: Mapping[str, Client]) -> AsyncIterator[None]:
    """Each one's system at its inbox."""
    async with _living([Mailbox(client, _remember_nothing, give_up) for client in clients.values()]):
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
    address, keys = Address.of(stand.url), stand.province.keys
    sender, receiving = Client(address, keys[SENDER]), {code: Client(address, keys[code]) for code in to.codes}
    room = asyncio.Semaphore(_UNDER_WAY)
    following = Following(clock=time.perf_counter, ended=room.release)
    try:
        async with to.receive(stand, receiving), _living([Mailbox(sender, following.told, give_up)]):
            started = time.perf_counter()
            async with asyncio.timeout(_LEAST_SECONDS + len(envelopes)):
                waiting = iter(envelopes)
                await asyncio.gather(*(_submit(sender, waiting, room, following) for _ in range(_AT_ONCE)))
                await following.all_ended()
            return time.perf_counter() - started, following.to_last_acknowledgement
    finally:
        for client in (sender, *receiving.values()):
            client.close()


@asynccontextmanager
async def _living(mailboxes: Sequence[Mailbox]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(mailbox.live()) for mailbox in mailboxes]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _submit(client: Client, waiting: Iterator[bytes], room: asyncio.Semaphore, following: Following) -> None:
    for octets in waiting:
        await room.acquire()
        at = time.perf_counter()
        answer = Answer.of(await client.post(PATH, octets, XML))
        if not answer.accepted:
            give_up(f"{answer.status} {answer.code}")
        following.submitted(answer.envelope_id, since=at, deliveries=answer.deliveries)


def _remember_nothing(_: Item) -> None:
    """What recipients take is theirs."""


def give_up(trouble: str) -> None:
    """Ends the measurement: what went wrong has no figure."""
    raise SystemExit(trouble)
