"""Where examiners come from, seen from the service: the nursery's other end, and each examiner's pipe."""

from __future__ import annotations

import dataclasses
import io
import pickle
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

import structlog

from trunk.errors import ConfigurationError
from trunk.workers.nursery import DATAGRAM, READY, STOPS, Task, Work

log = structlog.get_logger()

_READY_SECONDS: Final = 60.0  #: to load the trust store and everything else
_PLAIN: Final = ("datetime", "envelopes.", "signing.", "trunk.")  #: modules whose classes an answer is made of


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The examiner is gone, and we do not know why."""


class Ward:
    """Keeps a nursery alive and asks it for examiners. Thread-safe."""

    def __init__(self, make: Callable[[], Work]) -> None:
        """Returns when the nursery has loaded everything. Raises ``ConfigurationError`` where ``make`` does."""
        self._make = pickle.dumps(make)
        self._lock = threading.Lock()
        self._fault = ""
        self._open()

    def born(self) -> Examiner:
        """A new examiner. Raises ``OSError`` if there can be none now."""
        with self._lock:
            try:
                examiner = self._bear()
            except OSError as error:
                self._fault = str(error)
                raise
            self._fault = ""
            return examiner

    def check(self) -> None:
        """Raise ``RuntimeError`` that says why no examiner can be born, or return."""
        if self._fault:
            raise RuntimeError(f"no examiner can be started: {self._fault}")

    def close(self) -> None:
        """The nursery ends, and with it whoever is left."""
        with self._lock:
            self._shut()

    def _bear(self) -> Examiner:
        ours, theirs = Pipe()
        try:
            with theirs:
                if self._control.fileno() < 0:  # the last one did not get as far as being ready
                    self._open()
                try:
                    reply = self._order(b"new", theirs.fileno())
                except ConnectionError:  # it was killed; whom it had borne died with it
                    self._shut()
                    self._open()
                    reply = self._order(b"new", theirs.fileno())
            return Examiner(pid=int(reply), pipe=ours, end_child=self._end)
        except ConfigurationError as error:
            ours.close()
            raise OSError(str(error)) from error
        except OSError:
            ours.close()
            raise

    def _open(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        kept = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
        try:
            with theirs:
                self._nursery = subprocess.Popen(  # noqa: S603  our own command
                    [sys.executable, "-P", "-W", "ignore", "-m", "trunk.workers.nursery", str(theirs.fileno())],
                    pass_fds=(theirs.fileno(),),
                    stdin=subprocess.DEVNULL,
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, kept)
        reply = self._first_word()
        if reply != READY:
            self._shut()
            raise ConfigurationError(reply[1:].decode() or "the nursery of examiners does not start")

    def _first_word(self) -> bytes:
        """Nothing, if it dies or does not get ready."""
        self._control.settimeout(_READY_SECONDS)
        try:
            self._control.sendall(self._make)
            return self._control.recv(DATAGRAM)
        except OSError:
            self._nursery.kill()
            return b""
        finally:
            self._control.settimeout(None)

    def _shut(self) -> None:
        self._control.close()
        self._nursery.wait()

    def _end(self, pid: int) -> str:
        with self._lock:
            try:
                return self._order(b"end %d" % pid).decode()
            except OSError:  # its nursery is gone, and it was gone before
                return "unknown"

    def _order(self, order: bytes, handle: int | None = None) -> bytes:
        socket.send_fds(self._control, [order], [] if handle is None else [handle])
        reply = self._control.recv(DATAGRAM)
        if not reply:
            raise ConnectionResetError("the nursery of examiners is gone")
        if reply.startswith(b"!"):
            raise OSError(reply[1:].decode())
        return reply


@dataclass(slots=True, kw_only=True)
class Examiner:
    """One of them, as its keeper sees it."""

    pid: int
    pipe: Connection
    end_child: Callable[[int], str]
    _poll: select.poll = field(default_factory=select.poll, init=False)
    _asked_at: float = field(default=0.0, init=False)
    _worked_before: float = field(default=0.0, init=False)

    def __post_init__(self) -> None:
        self._poll.register(self.pipe, select.POLLIN)

    def ask(self, tasks: Sequence[Task]) -> None:
        """Put them before it."""
        self._asked_at, self._worked_before = time.monotonic(), self._cpu_seconds()
        try:
            self.pipe.send(list(tasks))
        except OSError:
            return  # it is gone, as the missing answer will tell

    def answers_within(self, seconds: float) -> bool:
        """Whether there is an answer, or nobody left to give one."""
        return bool(self._poll.poll(seconds * 1000))

    def answers(self) -> list[Any] | Lost:
        """What it says, to each task; ``Lost`` if it says nothing any more, or nothing that could be an answer."""
        try:
            told = _Plain(io.BytesIO(self.pipe.recv_bytes())).load()
        except Exception as fault:  # noqa: BLE001  unpickling raises what it likes; no keeper may die of an answer
            if not isinstance(fault, EOFError | OSError):
                log.warning("examiner_not_understood", examiner=self.pid, fault=type(fault).__name__)
            return Lost()
        return told if isinstance(told, list) else Lost()

    @property
    def asked_for(self) -> float:
        """Seconds since it was asked."""
        return time.monotonic() - self._asked_at

    @property
    def worked_for(self) -> float:
        """Seconds of a processor that it had since: little where the machine has no time for it."""
        return self._cpu_seconds() - self._worked_before

    def end(self) -> str:
        """Kill and bury it; returns how it had ended."""
        self.pipe.close()
        return self.end_child(self.pid)

    def _cpu_seconds(self) -> float:
        try:
            return time.clock_gettime(~self.pid << 3 | 2)  # CPUCLOCK_SCHED of that process: clock_getcpuclockid(3)
        except OSError:
            return 0.0


class _Plain(pickle.Unpickler):
    """Reads plain data only: an examiner that was taken over from within gets no further than a wrong answer."""

    def find_class(self, module: str, name: str) -> Any:
        """Data classes, enumerations and times that ``module`` itself defines: protocol 4 would walk dotted names."""
        plain = f"{module}.".startswith(_PLAIN) and "." not in name
        found = super().find_class(module, name) if plain else None
        if not isinstance(found, type) or found.__module__ != module:
            raise pickle.UnpicklingError(f"{module}.{name} is no plain data")
        if not (module == "datetime" or dataclasses.is_dataclass(found) or issubclass(found, Enum)):
            raise pickle.UnpicklingError(f"{module}.{name} is no plain data")
        return found
