"""The parent of several trunk processes on one port: starts them, restarts one that dies, stops them in order.

It does no work of its own, so there is little that could bring it down. Each child is a whole trunk process
(HTTP server and loops); they share the port by SO_REUSEPORT and the loops by leases. A child's standard input is a
pipe that only the parent can write to: when it ends, the parent has, and the child stops (``end_with_parent``).
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Final

import structlog

log = structlog.get_logger()

_LOOK_SECONDS: Final = 1.0
_LONGEST_PAUSE_SECONDS: Final = 15.0
_STEADY_SECONDS: Final = 60.0
"""Who lived for so long did not die of its start."""
_STANDARD_INPUT: Final = 0


@dataclass(slots=True)
class _Place:
    """One of the children, and whoever comes after it."""

    child: subprocess.Popen[bytes]
    born: float
    deaths: int = 0  #: one soon after the other
    due: float | None = None  #: when the next one starts; None: this one lives


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps ``workers`` copies of ``command`` running until SIGTERM or SIGINT. ``seconds``: a clock that goes on."""

    command: Sequence[str]
    workers: int
    grace_seconds: float
    seconds: Callable[[], float] = time.monotonic
    _places: list[_Place] = field(default_factory=list, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self) -> int:
        """Returns the exit code of the whole: 0 after an orderly stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self.start()
        while not self._stopping.wait(_LOOK_SECONDS):
            self.look()
        return self.finish()

    def start(self) -> None:
        """All of them."""
        self._places = [_Place(child=self._born(), born=self.seconds()) for _ in range(self.workers)]

    def look(self) -> None:
        """Start anew what has died: the first time soon, then after longer and longer pauses."""
        for place in self._places:
            if place.due is None and place.child.poll() is not None:
                self._bury(place)
            elif place.due is not None and place.due <= self.seconds():
                self._replace(place)

    def finish(self) -> int:
        """Stop all, and give them ``grace_seconds`` together; the worst of their exit codes."""
        for place in self._places:
            place.child.terminate()
        deadline = self.seconds() + self.grace_seconds
        return max((self._end(place.child, deadline) for place in self._places if place.due is None), default=0)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _born(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(self.command, stdin=subprocess.PIPE)  # noqa: S603  our own command
        log.info("worker_started", worker=child.pid)
        return child

    def _replace(self, place: _Place) -> None:
        try:
            place.child = self._born()
        except OSError as error:  # no memory for one more: those that live go on
            place.due = self.seconds() + _LONGEST_PAUSE_SECONDS
            log.error("worker_not_started", reason=error.strerror, again_in_seconds=_LONGEST_PAUSE_SECONDS)  # noqa: TRY400
            return
        place.born, place.due = self.seconds(), None

    def _bury(self, place: _Place) -> None:
        steady = self.seconds() - place.born >= _STEADY_SECONDS
        place.deaths = 1 if steady else place.deaths + 1
        pause = _pause(place.deaths)
        place.due = self.seconds() + pause
        log.error("worker_died", worker=place.child.pid, code=place.child.returncode, again_in_seconds=pause)
        _close(place.child)

    def _end(self, child: subprocess.Popen[bytes], deadline: float) -> int:
        try:
            code = child.wait(max(deadline - self.seconds(), 0))
        except subprocess.TimeoutExpired:
            log.warning("worker_killed", worker=child.pid)
            child.kill()
            code = child.wait()
        _close(child)
        return 0 if code == -signal.SIGTERM else abs(code)  # told to stop before it had begun: it held nothing


def _pause(deaths: int) -> float:
    return float(min(2.0 ** min(deaths - 1, 10), _LONGEST_PAUSE_SECONDS))


def end_with_parent() -> None:
    """In a child: stop in order when the parent is gone, for nobody else would tell it to."""
    threading.Thread(target=_outlive_no_parent, name="parent", daemon=True).start()


def _outlive_no_parent() -> None:
    while os.read(_STANDARD_INPUT, 1):  # unbuffered: a thread inside a buffer spoils the interpreter's end
        pass
    log.warning("supervisor_gone")
    os.kill(os.getpid(), signal.SIGTERM)


def _close(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
