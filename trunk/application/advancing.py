"""The one way a use case moves a delivery: the table's step and the acknowledgement it owes, planned outside the
transaction (sealing is cryptography) and written inside it by compare-and-swap.

Only documents owe acknowledgements: statuses and acknowledgements are notices, and notices get no notices. Those of
documents that another hub brought are kept and not sent: that hub tells their senders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from trunk.application.acknowledge import Acknowledger
from trunk.application.prepare import fact_about
from trunk.domain.delivery import Delivery, DeliveryEvent, Step, advance
from trunk.domain.entry import Entry, EnvelopeKind, EnvelopeRecord
from trunk.storage.ledger import Book
from trunk.storage.moving import Movement


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Who moves a delivery, when and why; ``codes`` go into the acknowledgement's reasons."""

    actor: str
    at: datetime
    reason: str = ""
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A step with its cause and the acknowledgement it owes, ready to be written."""

    step: Step
    cause: Cause
    acknowledgement: Entry | None

    @property
    def movement(self) -> Movement:
        """As the ledger takes it."""
        cause = self.cause
        return Movement(
            step=self.step, at=cause.at, actor=cause.actor, reason=cause.reason, acknowledgement=self.acknowledgement
        )

    def apply(self, book: Book) -> bool:
        """Write it down; False (and nothing written) if somebody moved the delivery first."""
        return book.move([self.movement]) == [True]


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Plans moves."""

    acknowledger: Acknowledger

    def plan(
        self,
        delivery: Delivery,
        envelope: EnvelopeRecord,
        event: DeliveryEvent,
        cause: Cause,
        *,
        due_at: datetime | None = None,
    ) -> Move | None:
        """The move that ``event`` makes; ``None`` if the delivery is past it. Raises ``IllegalTransitionError``."""
        step = advance(delivery, event, due_at=due_at)
        if step is None:
            return None
        return Move(step=step, cause=cause, acknowledgement=self._owed(step, envelope, cause))

    def _owed(self, step: Step, envelope: EnvelopeRecord, cause: Cause) -> Entry | None:
        if step.acknowledge is None or envelope.kind is not EnvelopeKind.DOCUMENT:
            return None
        fact = fact_about(envelope, step.acknowledge, at=cause.at, delivery=step.after, reasons=cause.codes)
        return self.acknowledger.entry(fact, urgency=envelope.urgency, deliver=not envelope.trace)
