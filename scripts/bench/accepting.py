"""Acceptance: as fast as it goes, then at 70 % of that.

The second at fixed times, whatever the trunk does: what it answers late counts against it (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from rich.progress import track

from scripts import floor, load
from scripts.agency_system import AgencySystem
from scripts.bench.doors import Door
from scripts.bench.figures import Accepting, Turn, percentiles
from scripts.bench.show import console
from scripts.bench.stages import seconds
from scripts.bench.stand import Stand
from scripts.province import FIRST, SENDER
from trunk.load.wire import Reply

SIZES: Final = {"25k": 25_000, "200k": 200_000, "2m": 2_000_000}
_CONNECTIONS: Final = 48
_PACE: Final = 0.7
_PATIENCE_SECONDS: Final = 120
_MARKUP: Final = 7_000  #: octets of an envelope that are not its attachment
_WARM: Final = 200
_METRICS_SECONDS: Final = 1.1  #: the trunk counts its outbox once a second


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What to send, and how often."""

    size: str
    envelopes: int  #: of each run
    runs: int
    paced: bool = False  #: an open run at the end
    recipients: Sequence[str] = (FIRST,)


def measure(stand: Stand, wish: Wish) -> Accepting:
    """Closed runs of fresh envelopes, then an open one. Raises ``SystemExit`` if anything was refused."""
    octets = content(wish.size)
    sample = signed(stand, wish, "sample", 1, octets)[0]
    _run(stand, signed(stand, wish, "warm", min(_WARM, wish.envelopes), octets))
    bare = floor_milliseconds(sample)
    written, begun = stand.written(), seconds(stand.url, processes=stand.workers)
    turns = [once(stand, signed(stand, wish, str(number), wish.envelopes, octets)) for number in range(wish.runs)]
    rates = [turn.per_second for turn in turns]
    ended, sent = seconds(stand.url, processes=stand.workers), wish.runs * wish.envelopes
    written = (stand.written() - written) / (sent * len(sample))
    pace, opened, queued = _open(stand, wish, rates, octets) if wish.paced else (0.0, {}, 0.0)
    return Accepting(
        stack=stand.stack,
        size=wish.size,
        octets=len(sample),
        recipients=len(wish.recipients),
        per_second=rates,
        cpu_ms=[turn.trunk_ms for turn in turns],
        parties_ms={party: statistics.median(one.parties_ms[party] for one in turns) for party in turns[0].parties_ms},
        stages_ms={stage: (now - begun.get(stage, 0.0)) * 1000 / sent for stage, now in ended.items()},
        floor_ms=bare,
        written=written,
        paced_at=pace,
        open=opened,
        queued_after=queued,
    )


def content(size: str) -> bytes:
    """An attachment that makes envelopes of this size."""
    return os.urandom((SIZES[size] - _MARKUP) * 3 // 4)


def insist(result: load.Result) -> None:
    """``SystemExit`` if anything was refused."""
    if result.refused:
        raise SystemExit(f"not everything was accepted: {result.refused}")


def once(
    stand: Stand,
    envelopes: Sequence[bytes],
    *,
    judge: Callable[[load.Result], None] = insist,
    door: Door | None = None,
) -> Turn:
    """A closed run by that door (None: the native API), to the end of all that it leaves to be done."""
    prepared = door.requests(envelopes) if door else _native(stand, envelopes)
    before = stand.processor()
    result = _send(stand, prepared, judge, door.accepted if door else load.created)
    time.sleep(_METRICS_SECONDS)
    _wait_until_queued(stand.url)
    return stand.turn(before, len(envelopes), seconds=result.seconds)


def floor_milliseconds(envelope: bytes) -> float:
    """The floor with every core at it, as the trunk has it: cores that share a unit are slower together."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        return statistics.mean(pool.map(floor.accept_milliseconds, [envelope] * cores))


def _open(stand: Stand, wish: Wish, rates: Sequence[float], content: bytes) -> tuple[float, dict[str, float], float]:
    pace = _PACE * statistics.median(rates)
    batch = _native(stand, signed(stand, wish, "open", wish.envelopes, content))
    result = asyncio.run(load.opened(stand.url, batch, per_second=pace, connections=2 * _CONNECTIONS))
    insist(result)
    return pace, percentiles(result), _wait_until_queued(stand.url)


def signed(stand: Stand, wish: Wish, prefix: str, count: int, content: bytes) -> list[bytes]:
    """Each with a number of its own; the attachment may be the same."""
    name = f"{wish.size}-{len(wish.recipients)}-{prefix}"
    numbers = track(range(count), description=f"signing {name}", console=console, transient=True)
    province = stand.province
    return [province.signed(f"{name}-{n}", recipients=wish.recipients, content=content) for n in numbers]


def _run(stand: Stand, envelopes: Sequence[bytes]) -> load.Result:
    return _send(stand, _native(stand, envelopes), insist, load.created)


def _native(stand: Stand, envelopes: Sequence[bytes]) -> list[bytes]:
    return load.requests(stand.url, stand.province.keys[SENDER], envelopes)


def _send(
    stand: Stand,
    prepared: Sequence[bytes],
    judge: Callable[[load.Result], None],
    accepted: Callable[[Reply], bool],
) -> load.Result:
    result = asyncio.run(load.closed(stand.url, prepared, connections=_CONNECTIONS, accepted=accepted))
    judge(result)
    return result


def _wait_until_queued(url: str) -> float:
    """Until the metrics of the trunk show an empty outbox; seconds."""
    started = time.perf_counter()
    anybody = AgencySystem(base_url=url, key="")
    while time.perf_counter() - started < _PATIENCE_SECONDS:
        lines = anybody.call("GET", "/metrics").octets.decode().splitlines()
        waiting = [float(line.split()[-1]) for line in lines if line.startswith("trunk_outbox")]
        if waiting and max(waiting) == 0:
            return time.perf_counter() - started
        time.sleep(0.1)
    raise SystemExit("the outbox does not empty")
