"""A loop: one use case called again and again in a thread of its own, until the trunk stops.

It works while there is work, sleeps when there is none until somebody wakes it, and backs off when a step
fails. A failing loop is seen (``trouble``, /readyz, the log), never silently dead.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

import structlog

log = structlog.get_logger()


class Went(Enum):
    """How a step went."""

    WORKED = auto()  #: there may be more at once
    IDLE = auto()  #: nothing to do
    HELD_UP = auto()  #: something it needs is away; wait longer each time


@dataclass(slots=True, kw_only=True)
class Loop:
    """``step`` in a thread. ``pause_seconds``: longest sleep when idle; ``backoff_seconds``: longest in trouble."""

    name: str
    step: Callable[[], Went]
    chance: Callable[[], float]
    pause_seconds: float = 1.0
    gather_seconds: float = 0.0  #: after work, how long to let more of it come together
    backoff_seconds: float = 15.0
    finish: Callable[[], object] | None = None  #: called once, after the last step of an orderly stop
    trouble: str = field(default="", init=False)  #: what failed last; empty while all is well
    _wake: threading.Event = field(default_factory=threading.Event, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _failures: int = field(default=0, init=False)

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name=f"loop-{self.name}", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """There is work: do not sleep on. From any thread."""
        self._wake.set()

    def stop(self, *, timeout: float = 30.0) -> bool:
        """Finish the step at hand and end; True if it did within ``timeout`` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._thread is None:
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def check(self) -> None:
        """Raise ``RuntimeError`` that says what ails the loop, or return."""
        if self._thread is None or not self._thread.is_alive():
            raise RuntimeError(f"the {self.name} loop does not run")
        if self.trouble:
            raise RuntimeError(f"the {self.name} loop is held up: {self.trouble}")

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            went = self._try()
            if went is Went.WORKED:
                self._stopping.wait(self.gather_seconds)
                continue
            if went is Went.HELD_UP:
                self._stopping.wait(self._backoff())
            else:
                self._wake.wait(self.pause_seconds)
        if self.finish is not None:
            self._finish(self.finish)

    def _finish(self, finish: Callable[[], object]) -> None:
        try:
            finish()
        except Exception as fault:  # noqa: BLE001  it is over either way, and what is left undone runs out
            log.warning("loop_not_finished", loop=self.name, fault=type(fault).__name__)

    def _try(self) -> Went:
        try:
            went = self.step()
        except Exception as fault:  # a loop outlives any fault of one step; it is logged, shown and tried again
            self.trouble = type(fault).__name__
            temporary = getattr(fault, "temporary", False)
            log.warning(
                "loop_step_failed", loop=self.name, fault=self.trouble, temporary=temporary, exc_info=not temporary
            )
            went = Went.HELD_UP
        else:
            self.trouble = "waiting for what it needs" if went is Went.HELD_UP else ""
        self._failures = self._failures + 1 if went is Went.HELD_UP else 0
        return went

    def _backoff(self) -> float:
        longest = min(0.25 * 2.0 ** min(self._failures, 10), self.backoff_seconds)
        return longest * (0.5 + self.chance() / 2)
