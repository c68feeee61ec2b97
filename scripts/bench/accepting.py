"""Acceptance: as fast as it goes, then at 70 % of that.

The second at fixed times, whatever the trunk does: what it answers late counts against it (no coordinated omission).
"""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Final

from rich.progress import track

from scripts import floor, load
from scripts.agency_system import AgencySystem
from scripts.bench.figures import Accepting, percentiles
from scripts.bench.show import console
from scripts.bench.stages import seconds
from scripts.bench.stand import WORKERS, Stand
from scripts.province import FIRST, SENDER

SIZES: Final = {"25k": 25_000, "200k": 200_000, "2m": 2_000_000}
_CONNECTIONS: Final = 48
_PACE: Final = 0.7
_PATIENCE_SECONDS: Final = 120
_MARKUP: Final = 7_000  #: octets of an envelope that are not its attachment
_WARM: Final = 200


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
    content = os.urandom((SIZES[wish.size] - _MARKUP) * 3 // 4)
    sample = _signed(stand, wish, "sample", 1, content)[0]
    _run(stand, _signed(stand, wish, "warm", min(_WARM, wish.envelopes), content))
    bare = floor_milliseconds(sample)
    rates, taken = [], []
    written, begun = stand.written(), seconds(stand.url, processes=WORKERS)
    for number in range(wish.runs):
        batch = _signed(stand, wish, str(number), wish.envelopes, content)
        before = stand.processor()
        rates.append(_run(stand, batch).per_second)
        wait_until_queued(stand.url)
        taken.append({party: (now - before[party]) * 1000 / wish.envelopes for party, now in stand.processor().items()})
    ended, sent = seconds(stand.url, processes=WORKERS), wish.runs * wish.envelopes
    written = (stand.written() - written) / (wish.runs * wish.envelopes * len(sample))
    pace, opened, queued = _open(stand, wish, rates, content) if wish.paced else (0.0, {}, 0.0)
    return Accepting(
        stack=stand.stack,
        size=wish.size,
        octets=len(sample),
        recipients=len(wish.recipients),
        per_second=rates,
        cpu_ms=[sum(ms for party, ms in one.items() if party.startswith("trunk")) for one in taken],
        stages_ms={stage: (now - begun.get(stage, 0.0)) * 1000 / sent for stage, now in ended.items()},
        parties_ms={party: statistics.median(one[party] for one in taken) for party in taken[0]},
        floor_ms=bare,
        written=written,
        paced_at=pace,
        open=opened,
        queued_after=queued,
    )


def floor_milliseconds(envelope: bytes) -> float:
    """The floor with every core at it, as the trunk has it: cores that share a unit are slower together."""
    cores = os.cpu_count() or 1
    with ProcessPoolExecutor(cores) as pool:
        return statistics.mean(pool.map(floor.accept_milliseconds, [envelope] * cores))


def _open(stand: Stand, wish: Wish, rates: Sequence[float], content: bytes) -> tuple[float, dict[str, float], float]:
    pace = _PACE * statistics.median(rates)
    batch = load.requests(stand.url, stand.province.keys[SENDER], _signed(stand, wish, "open", wish.envelopes, content))
    result = asyncio.run(load.opened(stand.url, batch, per_second=pace, connections=2 * _CONNECTIONS))
    _insist(result)
    return pace, percentiles(result), wait_until_queued(stand.url)


def _signed(stand: Stand, wish: Wish, prefix: str, count: int, content: bytes) -> list[bytes]:
    return letters(stand, f"{wish.size}-{prefix}", count, content, recipients=wish.recipients)


def letters(stand: Stand, name: str, count: int, content: bytes, *, recipients: Sequence[str]) -> list[bytes]:
    """Each with a number of its own; the attachment may be the same."""
    numbers = track(range(count), description=f"signing {name}", console=console, transient=True)
    province = stand.province
    return [province.signed(f"{name}-{n}".replace(" ", ""), recipients=recipients, content=content) for n in numbers]


def _run(stand: Stand, envelopes: Sequence[bytes]) -> load.Result:
    prepared = load.requests(stand.url, stand.province.keys[SENDER], envelopes)
    result = asyncio.run(load.closed(stand.url, prepared, connections=_CONNECTIONS))
    _insist(result)
    return result


def _insist(result: load.Result) -> None:
    if result.refused:
        raise SystemExit(f"not everything was accepted: {result.refused}")


def wait_until_queued(url: str) -> float:
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
