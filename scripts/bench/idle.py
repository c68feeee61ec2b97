"""What a trunk holds and takes while nobody wants anything of it."""

from __future__ import annotations

import time
from typing import Final

from scripts import processes
from scripts.bench.figures import CLIENT, Idle
from scripts.bench.show import console
from scripts.bench.stand import WORKERS, Ground, Stand, ground, trunk_on

_SETTLE_SECONDS: Final = 10
_SECONDS: Final = 10
_MIB: Final = 2**20


def measure() -> list[Idle]:
    """One process, as ``trunk serve`` is by default, on both stacks; and as many as the other stages have."""
    with ground("embedded") as place:
        found = [_look(place, workers=1)]
    with ground("production") as place:
        return [*found, *(_look(place, workers=workers) for workers in (1, WORKERS))]


def _look(place: Ground, *, workers: int) -> Idle:
    with trunk_on(place, f"idle-{workers}", workers=workers) as stand, console.status("leaving the trunk alone"):
        time.sleep(_SETTLE_SECONDS)
        before, started = stand.processor(), time.perf_counter()
        time.sleep(_SECONDS)
        seconds = time.perf_counter() - started
        taken = {party: (now - before[party]) * 1000 / seconds for party, now in stand.processor().items()}
        return Idle(
            stack=place.stack,
            workers=workers,
            processes=_resident(stand),
            resident_mib=processes.resident_octets(stand.ours()) / _MIB,
            cpu_ms_per_s=sum(ms for party, ms in taken.items() if party.startswith("trunk")),
            servers_ms_per_s=sum(
                ms for party, ms in taken.items() if not party.startswith("trunk") and party != CLIENT
            ),
        )


def _resident(stand: Stand) -> list[tuple[str, float]]:
    """What several share is counted once, in parts."""
    ours = {party: pids for party, pids in stand.parties().items() if party.startswith("trunk")}
    return [(party, processes.resident_octets([pid]) / _MIB) for party, pids in ours.items() for pid in pids]
