"""Has a folder changed? Looked at at most once a second, by names, sizes and times."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PAUSE_SECONDS: Final = 1.0
_DEEPEST: Final = 3
_MOST_FILES: Final = 10_000

State = tuple[tuple[str, int, int, int], ...]


class Watched:
    """A folder under watch. ``clock`` gives seconds that only grow."""

    def __init__(self, folder: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.folder = folder
        self._clock = clock
        self._lock = threading.Lock()
        self._looked = -_PAUSE_SECONDS - 1
        self._state: State | None = None

    def changed(self) -> bool:
        """Whether it is not as it was when somebody was told so last; the first look always says yes."""
        if self._clock() - self._looked < _PAUSE_SECONDS:  # the usual way, without a lock
            return False
        with self._lock:
            if self._state is not None and self._clock() - self._looked < _PAUSE_SECONDS:
                return False
            state = look(self.folder)
            changed, self._state, self._looked = state != self._state, state, self._clock()
            return changed


def look(folder: Path) -> State:
    """Every file below ``folder`` with its time, size and number. What cannot be read is not there."""
    found: list[tuple[str, int, int, int]] = []
    waiting = [(str(folder), 0)]
    while waiting and len(found) < _MOST_FILES:
        place, depth = waiting.pop()
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.is_dir():
                        if depth < _DEEPEST:
                            waiting.append((entry.path, depth + 1))
                    else:
                        told = entry.stat()
                        found.append((entry.path, told.st_mtime_ns, told.st_size, told.st_ino))
        except OSError:
            continue
    return tuple(sorted(found))
