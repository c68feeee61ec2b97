"""One process at a time speaks to the other hub; the others stand by, and one of them takes over when it falls silent.

Two at a time would do no harm, since every exchange may be repeated; it would only be twice the traffic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trunk.storage.scribe import Scribe
from trunk.workers.loops import Went


@dataclass(slots=True, kw_only=True)
class Lease:
    """Renewed by a loop of its own every ``renewal``; it outlives two renewals that fail."""

    name: str
    owner: str
    scribe: Scribe
    now: Callable[[], datetime]
    renewal: timedelta = timedelta(seconds=5)
    _until: datetime | None = field(default=None, init=False)

    @property
    def held(self) -> bool:
        """Whether the work is ours at this moment. Not for longer than it can be: then the clock was set back."""
        return self._until is not None and timedelta(0) < self._until - self.now() <= 3 * self.renewal

    def step(self) -> Went:
        """Take it or renew it. Raises ``LedgerUnavailableError``."""
        now = self.now()
        until = now + 3 * self.renewal
        taken = self.scribe.perform(
            lambda book: book.take_work(self.name, owner=self.owner, now=now, until=until)
        ).result()
        self._until = until if taken else None
        return Went.IDLE

    def give_up(self) -> None:
        """Let another process have it at once. Raises ``LedgerUnavailableError``."""
        self._until = None
        self.scribe.perform(lambda book: book.release_work(self.name, owner=self.owner)).result()
