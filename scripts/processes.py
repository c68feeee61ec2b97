"""What processes took, from /proc: processor time, memory of their own, octets written to disks.

Where the kernel does not tell (another user's process), the answer is NaN, not nought.
"""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS: Final = 0.02


def family(pid: int) -> list[int]:
    """The process and all below it; those that end meanwhile are left out."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        threads = [entry.name for entry in Path(f"/proc/{pid}/task").iterdir() if entry.name != str(pid)]
        for thread in threads:
            children += Path(f"/proc/{pid}/task/{thread}/children").read_text(encoding="ascii").split()
    except OSError:
        return [pid]
    return [pid, *(grandchild for child in children for grandchild in family(int(child)))]


def command(pid: int) -> str:
    """How it was started."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def processor_seconds(pids: Iterable[int]) -> float:
    """User and system time of all together, of children that they have buried too."""
    ticks = 0
    for pid in pids:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICKS


def anonymous_octets(pids: Iterable[int]) -> float:
    """Memory that is no file's, what several share counted once (proportional set size)."""
    return sum(_told(pid, "smaps_rollup", "Pss_Anon:") * 1024 for pid in pids)


def resident_octets(pids: Iterable[int]) -> float:
    """Resident memory, what several share counted once."""
    return sum(_told(pid, "smaps_rollup", "Pss:") * 1024 for pid in pids)


def whole_octets(pid: int) -> float:
    """Resident memory of one, as ``ps`` shows it: with everything that it shares."""
    return _told(pid, "status", "VmRSS:") * 1024


def written_octets(pids: Iterable[int]) -> float:
    """What they had the kernel write to disks."""
    return sum(_told(pid, "io", "write_bytes:") for pid in pids)


def _told(pid: int, file: str, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text(encoding="ascii").splitlines()
    except PermissionError:
        return math.nan
    except OSError:  # it has ended
        return 0.0
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), math.nan)


class Peak:
    """Samples ``look`` in a thread of its own while it is open; ``value`` is the most that was seen."""

    def __init__(self, look: Callable[[], float]) -> None:
        self._look = look
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.value = look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _fault: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.is_set():
            self.value = max(self.value, self._look())
            time.sleep(_LOOK_SECONDS)
