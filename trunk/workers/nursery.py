"""A process that does nothing but bear examiners and bury them. It holds everything loaded: a birth takes milliseconds.

Law: it looks at nothing that a caller sent, so nothing a caller sends can stop it. It and its children end when
the process that started it does, however that one dies: it reads the end of its control socket, they get SIGKILL
from the kernel. Signals for an orderly stop are not for them: whoever started them ends them.

Run by ``trunk.workers.examiners`` as ``python -P -m trunk.workers.nursery FD``. One datagram each way at a time:
first a pickled maker → ``ready`` or ``!reason``; then ``new`` with a socket → process id; ``end PID`` → status.
"""

from __future__ import annotations

import ctypes
import errno
import io
import mmap
import os
import pickle
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final, NamedTuple

from trunk.errors import ConfigurationError
from trunk.workers import thrifty

DATAGRAM: Final = 2**16
READY: Final = b"ready"
STOPS: Final = (signal.SIGINT, signal.SIGTERM)  #: never heard by a nursery and its children

Work = Callable[[bytes | mmap.mmap, datetime], Any]
"""What an examiner does with octets and a time. Its answer is plain data."""

_PR_SET_PDEATHSIG: Final = 1
_PAGE: Final = resource.getpagesize()


class Task(NamedTuple):
    """What an examiner is asked."""

    octets: bytes | Path
    at: datetime
    memory: int  #: octets of address space that it may take beside what the examiner has


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfMemory:
    """The answer of an examiner that was refused memory; it is not asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Our own fault: where it happened, and nothing of what was examined."""

    fault: str
    place: str


def main(control: socket.socket) -> None:
    """Serve ``control`` until its other end is closed."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    make: Callable[[], Work] = pickle.loads(control.recv(DATAGRAM))  # noqa: S301  from the process that started us
    try:
        work = make()
    except ConfigurationError as error:
        control.send(b"!" + str(error).encode()[: DATAGRAM // 2])
        return
    thrifty.collect_seldom()
    nursery = _Nursery(work)
    with suppress(ConnectionError):  # whoever started us may be gone before we are ready
        control.send(READY)
        while (order := socket.recv_fds(control, DATAGRAM, 1))[0]:
            control.send(nursery.obey(order[0], order[1]))


class _Nursery:
    def __init__(self, work: Work) -> None:
        self._work = work
        self._children: set[int] = set()

    def obey(self, order: bytes, handles: list[int]) -> bytes:
        verb, _, pid = order.partition(b" ")
        try:
            return str(self._end(int(pid)) if verb == b"end" else self._bear(handles[0])).encode()
        except OSError as error:  # no more processes, or none of that number
            return f"!{error.strerror}".encode()

    def _bear(self, handle: int) -> int:
        nursery = os.getpid()
        pid = os.fork()
        if pid == 0:
            _live(handle, self._work, nursery)
        self._children.add(pid)
        os.close(handle)
        return pid

    def _end(self, pid: int) -> int:
        """Nobody else reaps: until now the number is that child's alone."""
        if pid not in self._children:
            raise ProcessLookupError(errno.ESRCH, "no child of this nursery")
        os.kill(pid, signal.SIGKILL)
        self._children.discard(pid)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _live(handle: int, work: Work, nursery: int) -> None:
    """An examiner's life: it never returns."""
    status = 1
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() == nursery:
            _serve(Connection(handle), work)
        status = 0
    finally:
        os._exit(status)


def _serve(pipe: Connection, work: Work) -> None:
    while True:
        try:
            tasks: list[Task] = pipe.recv()
        except EOFError:
            return
        pipe.send_bytes(spelled([_answer(task, work) for task in tasks]))


class _Spelling(pickle.Pickler):
    def reducer_override(self, obj: object) -> Any:
        return (type(obj), (obj.value,)) if isinstance(obj, Enum) else NotImplemented


def spelled(answer: object) -> bytes:
    """An answer for the pipe. Enumerations by class and value: Python 3.11.2 would have ``getattr`` called for them."""
    octets = io.BytesIO()
    _Spelling(octets, pickle.HIGHEST_PROTOCOL).dump(answer)
    return octets.getvalue()


def _answer(task: Task, work: Work) -> Any:
    try:
        _allow(task.memory)
        with opened(task.octets) as octets:
            return work(octets, task.at)
    except MemoryError:
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        return OutOfMemory()
    except Exception as fault:  # noqa: BLE001  the process that asked says what becomes of it
        trace = fault.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        code = trace.tb_frame.f_code if trace is not None else None
        place = f"{Path(code.co_filename).name}:{trace.tb_lineno}" if trace is not None and code is not None else ""
        return Failed(fault=type(fault).__name__, place=place)


def _allow(memory: int) -> None:
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
    resource.setrlimit(resource.RLIMIT_AS, (taken + memory, resource.RLIM_INFINITY))


@contextmanager
def opened(octets: bytes | Path) -> Iterator[bytes | mmap.mmap]:
    """What to look at; a file is mapped, not read."""
    if isinstance(octets, bytes):
        yield octets
    elif octets.stat().st_size == 0:
        yield b""
    else:
        with octets.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            yield mapped


if __name__ == "__main__":
    from trunk.workers import nursery  # noqa: PLW0406  what it pickles must be known by the module's own name

    nursery.main(socket.socket(fileno=int(sys.argv[1])))
