"""Runs cases in a process that may open neither files nor connections nor programs; a try is its death, and noticed.

The kernel watches (seccomp), so that libraries in C are watched too; temporary files without a name are allowed. A
death is the verdict *wrong* on the case in hand; a new process goes on with the next. Where the kernel cannot watch,
cases run all the same and the tally says so.
"""

from __future__ import annotations

import codecs
import ctypes
import faulthandler
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Final, NoReturn

from scripts.vectors_check.frame import Case, Judged, Outcome, Tally, VectorSet, run

#: Python reads these from files when they are first used.
_CODECS: Final = (
    "ascii",
    "latin-1",
    "cp1252",
    "idna",
    "punycode",
    "unicode_escape",
    "utf-16",
    "utf-16-be",
    "utf-32-be",
)
_SECONDS: Final = 60  # a case that takes longer is killed
_NO_NEW_PRIVILEGES, _SECCOMP, _FILTER_MODE = 38, 22, 2
_ALLOW, _TRAP = 0x7FFF0000, 0x00030000
_LOAD, _EQUAL, _AND, _RETURN = 0x20, 0x15, 0x54, 0x06  # of the packet filter's language
_CALL, _ARCHITECTURE, _THIRD_ARGUMENT = 0, 4, 32  # where they stand in what the filter is shown
_NAMELESS: Final = 0o20200000  # O_TMPFILE
#: Architecture -> its number, openat, and the other calls that open files, connections, processes and programs.
_CALLS: Final = {
    "x86_64": (0xC000003E, 257, (2, 85, 437, 41, 42, 56, 57, 58, 435, 59, 322)),
    "aarch64": (0xC00000B7, 56, (437, 198, 203, 220, 435, 221, 281)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def judge_all(vectors: VectorSet) -> Tally:
    """Every case of the set, in a sealed process; in another one after a death."""
    for codec in _CODECS:
        codecs.lookup(codec)
    for warm in vectors.warm:
        warm()
    tally = Tally(vectors)
    if not vectors.sealed:
        tally.judged.extend(map(run, vectors.cases))
    while len(tally.judged) < len(vectors.cases):
        _run_some(tally, vectors.cases[len(tally.judged) :])
    return tally


def _run_some(tally: Tally, cases: Sequence[Case]) -> None:
    """One process: all ``cases``, or up to the one that kills it."""
    reading, writing = os.pipe()
    sys.stdout.flush()
    traced = tempfile.TemporaryFile()  # noqa: SIM115 - closed below, and in the child by its end
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _child(writing, cases, mebibytes=tally.set.mebibytes, traced=traced.fileno())
    os.close(writing)
    started = time.perf_counter()
    heard = 0
    for said in _listen(reading, pid):
        if "watched" in said:
            tally.watched = bool(said["watched"])
            continue
        seconds = float(said["seconds"])
        judged = Judged(case=cases[heard], outcome=Outcome(said["outcome"]), why=said["why"], seconds=seconds)
        tally.judged.append(judged)
        started, heard = time.perf_counter(), heard + 1
    os.close(reading)
    _pid, status = os.waitpid(pid, 0)
    if heard < len(cases):
        seconds = time.perf_counter() - started
        why = f"{_death(status)} {_who_tried(traced)}".strip()
        tally.judged.append(Judged(case=cases[heard], outcome=Outcome.WRONG, why=why, seconds=seconds))
    traced.close()


def _listen(descriptor: int, pid: int) -> Iterator[dict[str, str]]:
    """What the child says, line by line, until it ends; it is ended if it is silent for too long."""
    rest = b""
    while True:
        ready, _, _ = select.select([descriptor], [], [], _SECONDS)
        if not ready:
            os.kill(pid, signal.SIGKILL)
        octets = os.read(descriptor, 65_536)
        if not octets:
            return
        *lines, rest = (rest + octets).split(b"\n")
        yield from map(json.loads, lines)


def _child(descriptor: int, cases: Sequence[Case], *, mebibytes: int, traced: int) -> NoReturn:
    code = 1
    try:
        warnings.simplefilter("ignore")  # wording one opens a file
        faulthandler.register(signal.SIGSYS, file=traced, chain=True)
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (used + mebibytes * 2**20,) * 2)
        _say(descriptor, {"watched": "yes" if _seal() else ""})
        for case in cases:
            one = run(case)
            _say(descriptor, {"outcome": one.outcome.value, "why": one.why, "seconds": str(one.seconds)})
        code = 0
    finally:
        os._exit(code)


def _say(descriptor: int, what: dict[str, str]) -> None:
    octets = json.dumps(what).encode() + b"\n"
    while octets:
        octets = octets[os.write(descriptor, octets) :]


def _seal() -> bool:
    """From here on, opening anything is the end of this process. Whether the kernel agreed."""
    known = _CALLS.get(platform.machine())
    if known is None or sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    instructions = _instructions(*known)
    program = _Program(len(instructions) // 8, instructions)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    return bool(libc.prctl(_SECCOMP, _FILTER_MODE, ctypes.byref(program), 0, 0) == 0)


def _instructions(architecture: int, openat: int, calls: tuple[int, ...]) -> bytes:
    """Trap on ``calls``, on openat unless for a nameless file, on another architecture's calls; allow the rest."""
    code = [(_LOAD, 0, 0, _ARCHITECTURE), (_EQUAL, 0, len(calls) + 6, architecture), (_LOAD, 0, 0, _CALL)]
    code += [(_EQUAL, len(calls) - place + 4, 0, call) for place, call in enumerate(calls)]
    code += [(_EQUAL, 0, 3, openat), (_LOAD, 0, 0, _THIRD_ARGUMENT), (_AND, 0, 0, _NAMELESS)]
    code += [(_EQUAL, 0, 1, _NAMELESS), (_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _TRAP)]
    return b"".join(struct.pack("HBBI", *one) for one in code)


def _who_tried(traced: IO[bytes]) -> str:
    """The innermost line of the dead that is not Python's way to import."""
    traced.seek(0)
    frames = [line.strip() for line in traced.read().decode(errors="replace").splitlines() if line.startswith("  File")]
    return next((frame for frame in frames if "frozen" not in frame and "/encodings/" not in frame), "")


def _death(status: int) -> str:
    if not os.WIFSIGNALED(status):
        return f"the process ended with {os.waitstatus_to_exitcode(status)}"
    number = os.WTERMSIG(status)
    if number == signal.SIGSYS:
        return "tried to open a file, a connection or a program"
    return f"killed after {_SECONDS} s" if number == signal.SIGKILL else f"died of {signal.Signals(number).name}"
