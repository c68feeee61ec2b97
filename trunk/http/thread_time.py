"""What each kind of thread of this process has had of the processors: shows which stage of the work is the dear one."""

from __future__ import annotations

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_NUMBER: Final = re.compile(r"[-_]\d+$")
_NANOSECONDS: Final = 1e9


def processor_seconds() -> Mapping[str, float]:
    """Seconds by thread name; those of a pool, told apart by a number only, are one. Who has ended is not counted."""
    seconds: defaultdict[str, float] = defaultdict(float)
    for thread in threading.enumerate():
        # not by the thread's clock (pthread_getcpuclockid): of one that is just ending it may crash the process
        try:
            told = Path(f"/proc/self/task/{thread.native_id}/schedstat").read_text(encoding="ascii")
        except OSError:  # it has ended, or this kernel does not say
            continue
        name = "http" if thread is threading.main_thread() else _NUMBER.sub("", thread.name)
        seconds[name] += int(told.split()[0]) / _NANOSECONDS
    return seconds
