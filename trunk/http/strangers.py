"""Who has not shown yet who he is waits in a line of his own: those whom nobody knows hold up each other alone.

A look at credentials costs a look into the ledger, whoever shows them. Whoever was known here before has that look in
the line of all others, within his share.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from trunk.http.offload import Offload

THREADS: Final = 2
_KEPT: Final = 10_000


@dataclass(slots=True, kw_only=True)
class Lines:
    """In which line credentials are looked at. One for each process; used on the loop alone, so nothing is locked."""

    offload: Offload
    strangers: Offload
    _good: dict[bytes, str] = field(default_factory=dict, init=False)

    def of(self, system: str | None) -> Offload:
        """For credentials that were ``system``'s when they were looked at last; None: nobody has seen them here."""
        return self.strangers if system is None else self.offload.of(system)

    def known_as(self, *credentials: str) -> str | None:
        """Whose they were: whom to count a new look for, never whom to let in."""
        return self._good.get(_digest(credentials))

    def note(self, system: str | None, *credentials: str) -> None:
        """Whose they are by a look of just now; None: nobody's."""
        if system is None:
            self._good.pop(_digest(credentials), None)
            return
        if len(self._good) >= _KEPT:
            self._good.clear()
        self._good[_digest(credentials)] = system


def _digest(credentials: tuple[str, ...]) -> bytes:
    """They themselves are not kept."""
    return hashlib.sha256("\0".join(credentials).encode("utf-8", "surrogatepass")).digest()


LINES: Final = web.AppKey("lines", Lines)
