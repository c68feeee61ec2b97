"""Retention: octets go when everything about their envelope has been settled for as long as the settings say.

The digest, the story and a line in the journal stay. While a backup copies octets, none are deleted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trunk.domain.entry import EnvelopeKind
from trunk.domain.operator import Operator
from trunk.storage.leases import HOUSEKEEPING
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.purging import Purgeable

_TURN: Final = timedelta(minutes=5)
_UNDER_WAY: Final = timedelta(days=1)
"""No submission takes longer: a file that was placed since may belong to one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """Deletes octets, a batch in a transaction."""

    ledger: Ledger
    payloads: PayloadStore
    operator: Operator
    kept: Mapping[EnvelopeKind, timedelta]  #: kinds that are not named are kept for ever
    new_id: Callable[[], str]
    batch: int = 200

    def candidates(self, limit: int) -> Sequence[Purgeable]:
        """What would go now."""
        now = self.operator.now()
        with self.ledger.read() as view:
            return [one for kind, time in self.kept.items() for one in view.purgeable(kind, now - time, limit)]

    def run_once(self) -> Sequence[Purgeable]:
        """One batch; nothing while a backup is under way. Raises ``LedgerUnavailableError``."""
        if not self.candidates(1):
            return ()
        now, owner = self.operator.now(), self.new_id()
        with self.ledger.begin() as book:
            if not book.take_work(HOUSEKEEPING, owner=owner, now=now, until=now + _TURN):
                return ()
        try:
            found = self._delete(now, owner)
            for one in found:
                self.payloads.remove(one.sha256, before=now - _UNDER_WAY)
        finally:
            with self.ledger.begin() as book:
                book.release_work(HOUSEKEEPING, owner=owner)
        return found

    def _delete(self, now: datetime, owner: str) -> list[Purgeable]:
        awake = self.operator.now()
        with self.ledger.begin() as book:
            if not book.take_work(HOUSEKEEPING, owner=owner, now=awake, until=awake + _TURN):
                return []  # we slept so long that a backup has begun: what it found must stay
            book.reserve(1)  # whoever accepts or replays waits for us, or we for them
            found = [
                one for kind, time in self.kept.items() for one in book.view.purgeable(kind, now - time, self.batch)
            ]
            if found:
                book.purge(found, at=now, actor=self.operator.name)
                digests = hashlib.sha256("\n".join(one.sha256 for one in found).encode()).hexdigest()
                book.act("purged", f"{len(found)} envelopes, {sum(one.size for one in found)} octets, {digests}")
        return found
