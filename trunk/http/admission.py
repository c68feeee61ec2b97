"""Who may begin to send now: room on the disk, a fair share for each system, a bound on octets that are under way.

What was accepted goes on in any case: only the bodies of submissions pass here. Everything is counted in this process.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog
from aiohttp import web

from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import OverloadedError
from trunk.http.problems import RefusedError
from trunk.settings import Http

log = structlog.get_logger()

_DISK_RETRY_SECONDS: Final = 60
_SHARE_RETRY_SECONDS: Final = 2
_MEBIBYTE: Final = 1 << 20


def free_octets(folder: Path) -> int:
    """Room on the file system of ``folder``; of one that is not there yet nothing is known."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return 1 << 60


@dataclass(slots=True, kw_only=True)
class Gate:
    """One for each process; used on the loop alone, so nothing is locked."""

    settings: Http
    folder: Path
    free: Callable[[Path], int] = free_octets
    _held: Counter[str] = field(default_factory=Counter, init=False)
    _octets: int = field(default=0, init=False)

    @property
    def octets(self) -> int:
        """Of bodies that are under way."""
        return self._octets

    @property
    def share(self) -> int:
        """How many submissions one system may have under way."""
        places = self.settings.threads + self.settings.waiting
        return max(int(places * self.settings.sender_share), 1)

    @contextmanager
    def passing(self, system: str) -> Iterator[Callable[[int], None]]:
        """Around one submission; the function that it gives counts octets as they come.

        Leaves by ``RefusedError`` (no room on the disk, more than its share) before an octet is asked for; the
        function raises ``OverloadedError`` where all bodies together grow too large.
        """
        self._require_disk()
        if self._held[system] >= self.share:
            log.warning("sender_held_back", system=system, under_way=self._held[system])
            raise _unread(Code.SENDER_SHARE, f"at most {self.share} at once", _SHARE_RETRY_SECONDS)
        self._held[system] += 1
        taken = 0

        def take(octets: int) -> None:
            nonlocal taken
            if self._octets + octets > self.settings.spool_mib * _MEBIBYTE:
                raise OverloadedError("too many octets are under way")
            taken += octets
            self._octets += octets

        try:
            yield take
        finally:
            self._octets -= taken
            self._held[system] -= 1
            if not self._held[system]:
                del self._held[system]

    def _require_disk(self) -> None:
        floor = self.settings.free_disk_mib
        if floor and (free := self.free(self.folder) // _MEBIBYTE) < floor:
            log.error("disk_nearly_full", free_mib=free, floor_mib=floor)
            raise _unread(Code.DISK_FULL, f"{floor} MiB free", _DISK_RETRY_SECONDS)


def _unread(code: Code, expected: str, seconds: int) -> RefusedError:
    return RefusedError(refuse(code, expected=expected, retry_after=seconds), unread=expected)


GATE: Final = web.AppKey("gate", Gate)
