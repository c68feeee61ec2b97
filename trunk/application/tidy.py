"""Clears away what no envelope needs: octets that were stored for a submission that was then never entered.

A crash, or a ledger that was away, leaves such orphans behind; they are removed when they are older than any
submission under way could be.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Tidy:
    """Sweeps the payload store; ``spool`` the same for bodies that were cut off (it takes the age limit)."""

    ledger: Ledger
    payloads: PayloadStore
    spool: Callable[[datetime], int]
    now: Callable[[], datetime]
    older_than: timedelta = timedelta(days=1)

    def run_once(self) -> int:
        """How many files were removed. Raises ``LedgerUnavailableError``."""
        before = self.now() - self.older_than
        with self.ledger.read() as view:
            orphans = self.payloads.sweep(is_known=lambda sha256: view.payload(sha256) is not None, before=before)
        return len(orphans) + self.spool(before)
