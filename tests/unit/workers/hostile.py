"""Examiners that do what their octets say: the test's own, since no production code has such a door."""

from __future__ import annotations

import hashlib
import mmap
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from trunk.errors import ConfigurationError


def make() -> Callable[[bytes | mmap.mmap, datetime], Any]:
    return obey


def make_for(_: object) -> Callable[[bytes | mmap.mmap, datetime], Any]:
    return obey


def make_nothing() -> Callable[[bytes | mmap.mmap, datetime], Any]:
    raise ConfigurationError("nobody is trusted")


def make_unless(broken: Path) -> Callable[[bytes | mmap.mmap, datetime], Any]:
    return make_nothing() if broken.exists() else obey


def obey(octets: bytes | mmap.mmap, at: datetime) -> Any:
    word, _, rest = bytes(octets[:200]).decode().partition(" ")
    return _WORDS[word](rest) if word in _WORDS else ("seen", len(octets), at)


def _spin(_: str) -> None:
    while True:
        pass


def _spin_in_c(_: str) -> None:
    """No signal handler in Python would be called before it ends."""
    hashlib.pbkdf2_hmac("sha256", b"x", b"y", 2_000_000_000)


def _eat(mib: str) -> str:
    held = bytearray(int(mib) * 2**20)
    return f"ate {len(held)}"


def _die(_: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _die_once(mark: str) -> str:
    if not Path(mark).exists():
        Path(mark).touch()
        _die("")
    return "lived"


def _sleep(mark: str) -> None:
    """As one that the machine does not let work."""
    Path(mark).touch()
    time.sleep(60)


def _announce(place: str) -> None:
    """Tell who we are, then spin."""
    with socket.create_connection(("127.0.0.1", int(place))) as door:
        door.sendall(f"{os.getpid()} {os.getppid()}".encode())
    _spin("")


def _announce_once(place_and_mark: str) -> None:
    place, _, mark = place_and_mark.partition(" ")
    if not Path(mark).exists():
        Path(mark).touch()
        _announce(place)


def _fault(_: str) -> None:
    raise ZeroDivisionError("SECRET of a document")


_WORDS: dict[str, Callable[[str], Any]] = {
    "spin": _spin,
    "spin-in-c": _spin_in_c,
    "eat": _eat,
    "die": _die,
    "die-once": _die_once,
    "sleep": _sleep,
    "announce": _announce,
    "announce-once": _announce_once,
    "fault": _fault,
    "pid": lambda _: os.getpid(),
    "stops": lambda _: [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, ())],
    "evil": lambda _: _Evil(),
}


class _Evil:
    """What an examiner that was taken over might answer."""

    def __reduce__(self) -> Any:
        return subprocess.Popen, (["touch", "taken-over"],)
