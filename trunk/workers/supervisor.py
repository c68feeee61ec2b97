"""The parent of several trunk processes on one port: starts them, restarts one that dies, stops them in order.

It does no work of its own, so there is little that could bring it down. Each child is a whole trunk process
(HTTP server and loops); they share the port by SO_REUSEPORT and the loops by leases.
"""

from __future__ import annotations

import signal
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import FrameType

import structlog

log = structlog.get_logger()

RESTART_PAUSE_SECONDS = 1.0


@dataclass(slots=True, kw_only=True)
class Supervisor:
    """Keeps ``workers`` copies of ``command`` running until SIGTERM or SIGINT."""

    command: Sequence[str]
    workers: int
    grace_seconds: float
    _children: list[subprocess.Popen[bytes]] = field(default_factory=list, init=False)
    _stopping: threading.Event = field(default_factory=threading.Event, init=False)

    def run(self) -> int:
        """Returns the exit code of the whole: 0 after an orderly stop."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        self._children = [self._start() for _ in range(self.workers)]
        while not self._stopping.wait(RESTART_PAUSE_SECONDS):
            self._children = [self._kept_or_new(child) for child in self._children]
        return self._finish()

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(self.command)  # noqa: S603  our own command
        log.info("worker_started", worker=child.pid)
        return child

    def _kept_or_new(self, child: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        if child.poll() is None:
            return child
        log.error("worker_died", worker=child.pid, code=child.returncode)
        return self._start()

    def _finish(self) -> int:
        for child in self._children:
            child.terminate()
        codes = [self._wait(child) for child in self._children]
        return max(codes, default=0)

    def _wait(self, child: subprocess.Popen[bytes]) -> int:
        try:
            return abs(child.wait(self.grace_seconds))
        except subprocess.TimeoutExpired:
            log.warning("worker_killed", worker=child.pid)
            child.kill()
            return abs(child.wait())
