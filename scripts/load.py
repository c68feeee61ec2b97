"""Prebuilt requests over kept connections, for the bench: closed, or open as ``trunk load`` does it.

Two models: *closed* (each connection sends its next request when the last is answered: what the trunk can take)
and *open* (requests start at fixed times whatever the trunk does, ``trunk.load.open_model``).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from trunk.load.client import Lane
from trunk.load.figures import percentile
from trunk.load.open_model import OpenModel, Timing
from trunk.load.run import PATH, XML
from trunk.load.wire import Address, Reply, head_of

_CREATED = 201
_SECONDS = 600.0  #: a bench waits for every answer


@dataclass(slots=True)
class Result:
    """What a run of the client saw; times in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    refused: dict[int, int] = field(default_factory=dict)  #: status -> how often it was no acceptance

    @property
    def per_second(self) -> float:
        return len(self.latencies) / self.seconds if self.seconds else 0.0

    def percentile(self, share: float) -> float:
        """Latency in milliseconds below which ``share`` of the answers came."""
        return percentile(sorted(self.latencies), share) * 1000

    def count(self, status: int, latency: float, *, accepted: bool) -> None:
        if accepted:
            self.latencies.append(latency)
        else:
            self.refused[status] = self.refused.get(status, 0) + 1


def requests(url: str, key: str, envelopes: Sequence[bytes]) -> list[bytes]:
    """The POSTs of ``envelopes``, octets ready for the wire."""
    address = Address.of(url)
    return [head_of(address, f"POST {PATH}", key=key, length=len(one), content_type=XML) + one for one in envelopes]


def created(reply: Reply) -> bool:
    """What the native API says of an acceptance."""
    return reply.status == _CREATED


async def closed(
    url: str, prepared: Sequence[bytes], *, connections: int, accepted: Callable[[Reply], bool] = created
) -> Result:
    """Send everything as fast as ``connections`` answers allow."""
    result, waiting = Result(), iter(prepared)
    started = time.perf_counter()
    await asyncio.gather(*(_drain(lane, waiting, result, accepted) for lane in _lanes(url, connections)))
    result.seconds = time.perf_counter() - started
    return result


async def opened(url: str, prepared: Sequence[bytes], *, per_second: float, connections: int) -> Result:
    """Start a request every ``1/per_second``; latency counts from when it was due."""
    result = Result()

    async def perform(number: int, lane: Lane) -> int:
        return (await lane.ask([prepared[number]])).status

    def told(_: int, status: int, timing: Timing) -> None:
        result.count(status, timing.latency, accepted=status == _CREATED)

    lanes = _lanes(url, connections)
    model = OpenModel(lanes, perform, told, clock=time.perf_counter)
    result.seconds = await model.run([number / per_second for number in range(len(prepared))])
    for lane in lanes:
        lane.close()
    return result


async def _drain(lane: Lane, waiting: Iterator[bytes], result: Result, accepted: Callable[[Reply], bool]) -> None:
    for request in waiting:
        started = time.perf_counter()
        reply = await lane.ask([request])
        result.count(reply.status, time.perf_counter() - started, accepted=accepted(reply))
    lane.close()


def _lanes(url: str, connections: int) -> list[Lane]:
    address = Address.of(url)
    return [Lane(address, _SECONDS) for _ in range(connections)]
