"""Gathers what a verdict rests on, so that the acceptance can enter it: whole, and only what the ledger lacks.

In its steady state nothing is read and nothing is written: every list and certificate was entered with an earlier
envelope. Each process remembers which digests it has seen committed, and forgets them all when they are too many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from signing.evidence import Evidence
from trunk.errors import LedgerUnavailableError

REMEMBERED: Final = 50_000

Read = Callable[[str], bytes | None]
"""The octets of a list or an answer that lies in the cache under this digest."""


def nothing_cached(sha256: str) -> bytes | None:  # noqa: ARG001 - a door that leads nowhere
    """For a house without a cache: every piece of evidence comes with its octets."""
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceShelf:
    """What this process knows to be in the ledger, and where to read what is not. Safe to share between threads."""

    read: Read = nothing_cached
    _entered: set[str] = field(default_factory=set, init=False)

    def lacking(self, evidence: Iterable[Evidence]) -> tuple[Evidence, ...]:
        """Those of which is not known that the ledger has them, with their octets.

        Raises ``LedgerUnavailableError`` where the cache lost one between the verdict and now: come again, and the
        verdict will rest on what is there.
        """
        return tuple(self._whole(item) for item in evidence if item.sha256 not in self._entered)

    def entered(self, evidence: Iterable[Evidence]) -> None:
        """They were committed."""
        if len(self._entered) > REMEMBERED:
            self._entered.clear()
        self._entered.update(item.sha256 for item in evidence)

    def _whole(self, item: Evidence) -> Evidence:
        octets = item.octets if item.octets is not None else self.read(item.sha256)
        if octets is None or hashlib.sha256(octets).hexdigest() != item.sha256:
            raise LedgerUnavailableError(f"the evidence {item.sha256} is not in the cache any more")
        return replace(item, octets=octets)
