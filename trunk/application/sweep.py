"""What time does to deliveries: deferred ones fall due again, and those that nobody took are given up, aloud."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trunk.application.advancing import Cause, Move, Planner
from trunk.domain.delivery import Delivery, DeliveryEvent
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe

ACTOR = "sweep"


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did."""

    requeued: int = 0
    expired: int = 0

    @property
    def idle(self) -> bool:
        return not (self.requeued or self.expired)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """Moves what fell due or outlived its time; a few at a time."""

    ledger: Ledger
    scribe: Scribe
    planner: Planner
    now: Callable[[], datetime]
    batch: int = 100
    ahead: timedelta = timedelta(hours=2)  #: no delivery is put off for so long: it was done by a clock since set back

    def run_once(self) -> Swept:
        """One pass. Raises ``LedgerUnavailableError``."""
        now = self.now()
        with self.ledger.begin() as book:  # looking only: what is found is moved by compare-and-swap
            due = book.fallen_due(now, self.batch, ahead=now + self.ahead)
        with self.ledger.begin() as book:
            outlived = book.outlived(now, self.batch)
        expired = self._move(outlived, DeliveryEvent.LIFETIME_ENDED, now)
        gone = {delivery.id for delivery in outlived}
        requeued = self._move([d for d in due if d.id not in gone], DeliveryEvent.FELL_DUE, now)
        return Swept(requeued=requeued, expired=expired)

    def _move(self, deliveries: Sequence[Delivery], event: DeliveryEvent, now: datetime) -> int:
        moves = [move for delivery in deliveries if (move := self._plan(delivery, event, now)) is not None]
        if not moves:
            return 0
        return sum(self.scribe.perform(lambda book: book.move([move.movement for move in moves])).result())

    def _plan(self, delivery: Delivery, event: DeliveryEvent, now: datetime) -> Move | None:
        with self.ledger.read() as view:
            envelope = view.envelope(delivery.envelope_id)
        cause = Cause(actor=ACTOR, at=now)
        return self.planner.plan(delivery, envelope, event, cause) if envelope else None
