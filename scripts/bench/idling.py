"""What a trunk takes that nobody asks anything of: one process, embedded, a while after its start."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from scripts import processes
from scripts.bench.figures import Idle
from scripts.province import make_province
from scripts.trunk_process import TrunkProcess

_SETTLE_SECONDS: Final = 10
_LOOK_SECONDS: Final = 20
_MIB: Final = 2**20


def measure() -> Idle:
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="edoc-bench-")))
        trunk = held.enter_context(TrunkProcess(make_province(folder).config))
        trunk.url()
        time.sleep(_SETTLE_SECONDS)
        serving, *others = processes.family(trunk.pid)
        before = processes.processor_seconds([serving, *others])
        time.sleep(_LOOK_SECONDS)
        taken = processes.processor_seconds([serving, *others]) - before
        found = Idle(
            resident=processes.whole_octets(serving) / _MIB,
            proportional=processes.resident_octets([serving]) / _MIB,
            beside=processes.resident_octets(others) / _MIB,
            cpu=taken * 1000 / _LOOK_SECONDS,
        )
        trunk.stop()
    return found
