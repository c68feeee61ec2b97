"""From submission to the recipient's confirmation and the sender's last acknowledgement, over the native API.

The recipients' systems wait at their inboxes, take what comes with them, compare the digests and confirm page by page.
The sender's does so with every acknowledgement; a document is done when the last of them (delivered) is confirmed.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Final

from rich.progress import track

from scripts.bench.figures import Carrying
from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.load import Result
from scripts.province import FIRST, SECOND, SENDER
from trunk.load.answers import Answer
from trunk.load.client import Client
from trunk.load.figures import SHARES
from trunk.load.following import Following
from trunk.load.mailbox import Mailbox
from trunk.load.run import PATH, XML
from trunk.load.wire import Address

_UNDER_WAY: Final = 200  #: documents
_AT_ONCE: Final = 16  #: submissions
_CONTENT: Final = 13_500  #: octets of the attachment in an envelope of 25 KB
_LEAST_SECONDS: Final = 300.0


def measure(stand: Stand, *, documents: int, runs: int) -> Carrying:
    """Closed runs, ``_UNDER_WAY`` documents at most under way."""
    content = os.urandom(_CONTENT)
    rates: list[float] = []
    latency = Result()
    batch = _signed(stand, "warm", documents // 5, content)
    asyncio.run(_carry(stand, batch))
    taken: list[dict[str, float]] = []
    for number in range(runs):
        batch = _signed(stand, str(number), documents, content)
        before = stand.processor()
        seconds, latencies = asyncio.run(_carry(stand, batch))
        taken.append({party: (now - before[party]) * 1000 / documents for party, now in stand.processor().items()})
        rates.append(len(batch) / seconds)
        latency.latencies += latencies
    parties = {party: statistics.median(one[party] for one in taken) for party in taken[0]}
    return Carrying(
        stack=stand.stack,
        octets=round(statistics.mean(map(len, batch))),
        per_second=rates,
        latency={name: round(latency.percentile(share), 1) for name, share in SHARES.items()},
        cpu_ms=sum(value for party, value in parties.items() if party.startswith("trunk")),
        parties_ms=parties,
    )


def _signed(stand: Stand, prefix: str, count: int, content: bytes) -> list[bytes]:
    numbers = track(range(count), description=f"signing {prefix}", console=console, transient=True)
    to = cycle((FIRST, SECOND))
    return [stand.province.signed(f"carry-{prefix}-{n}", recipients=(next(to),), content=content) for n in numbers]


async def _carry(stand: Stand, envelopes: Sequence[bytes]) -> tuple[float, list[float]]:
    address, keys = Address.of(stand.url), stand.province.keys
    clients = {agency: Client(address, keys[agency]) for agency in (FIRST, SECOND, SENDER)}
    room = asyncio.Semaphore(_UNDER_WAY)
    following = Following(clock=time.perf_counter, ended=room.release)
    mailboxes = [Mailbox(client, following.told, _give_up) for client in clients.values()]
    reading = [asyncio.create_task(mailbox.live()) for mailbox in mailboxes]
    started = time.perf_counter()
    try:
        async with asyncio.timeout(_LEAST_SECONDS + len(envelopes)):
            waiting = iter(envelopes)
            await asyncio.gather(*(_submit(clients[SENDER], waiting, room, following) for _ in range(_AT_ONCE)))
            await following.all_ended()
        return time.perf_counter() - started, following.to_last_acknowledgement
    finally:
        for task in reading:
            task.cancel()
        await asyncio.gather(*reading, return_exceptions=True)
        for client in clients.values():
            client.close()


async def _submit(client: Client, waiting: Iterator[bytes], room: asyncio.Semaphore, following: Following) -> None:
    for octets in waiting:
        await room.acquire()
        at = time.perf_counter()
        answer = Answer.of(await client.post(PATH, octets, XML))
        if not answer.accepted:
            _give_up(f"{answer.status} {answer.code}")
        following.submitted(answer.envelope_id, since=at, deliveries=answer.deliveries)


def _give_up(trouble: str) -> None:
    raise SystemExit(trouble)
