"""Which process posts to whom: one at a time for each agency, for as long as it has a lease in the ledger.

So two processes never post one delivery at once, and a recipient has no more connections than the settings say. A
process that dies keeps its leases for ``span`` at most; the next one then repeats what it had not written down.
What would last longer than it can was noted before the clock was set back, and counts for nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trunk.domain.delivery import AgencyCode
from trunk.storage.ledger import Book
from trunk.storage.scribe import Scribe

_NONE: Final = timedelta(0)


@dataclass(slots=True, kw_only=True)
class Shares:
    """``hold`` is for one thread; ``held`` for any."""

    owner: str
    scribe: Scribe
    now: Callable[[], datetime]
    span: timedelta = timedelta(seconds=20)
    _until: dict[AgencyCode, datetime] = field(default_factory=dict, init=False)
    _others: dict[AgencyCode, datetime] = field(default_factory=dict, init=False)

    def held(self, agency: AgencyCode) -> bool:
        """Whether its mail is ours to post at this moment."""
        until = self._until.get(agency)
        return until is not None and _NONE < until - self.now() <= self.span

    def hold(self, agency: AgencyCode) -> bool:
        """Take it or keep it; another's is asked for again after a quarter of ``span``. ``LedgerUnavailableError``."""
        now = self.now()
        until = self._until.get(agency)
        if until is not None and self.span / 2 < until - now <= self.span:
            return True
        if _NONE < self._others.get(agency, now) - now <= self.span / 4:
            return False
        fresh = now + self.span
        name = f"push:{agency}"
        taken = self.scribe.perform(lambda book: book.take_work(name, owner=self.owner, now=now, until=fresh)).result()
        if taken:
            self._until[agency] = fresh
            self._others.pop(agency, None)
        else:
            self._until.pop(agency, None)
            self._others[agency] = now + self.span / 4
        return taken

    def give_up(self) -> None:
        """Let other processes have all at once. Raises ``LedgerUnavailableError``."""
        held, self._until = list(self._until), {}

        def release(book: Book) -> None:
            for agency in held:
                book.release_work(f"push:{agency}", owner=self.owner)

        if held:
            self.scribe.perform(release).result()
