"""Replay: an administrator puts deliveries back in their agencies' inboxes. Who and why go into the journal.

Writes the ledger only; the running service sends. So it works from another machine and while RabbitMQ is down.
What an agency's people have received or refused, what was recalled and what was purged is settled and is not replayed.
A replay states no fact, so no sender hears of it: whatever it leads to, each fact is acknowledged once.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trunk.domain import identity
from trunk.domain.control import fair_reason
from trunk.domain.delivery import AckKind, Delivery, DeliveryEvent, DeliveryId, IllegalTransitionError, advance
from trunk.domain.outcome import Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.replaying import ALREADY_QUEUED, MOST, NOT_ARRIVED, QUEUED, REPLAYABLE, Counted
from trunk.domain.tracking import Listed, Search
from trunk.errors import LedgerUnavailableError
from trunk.storage.ledger import Book, Ledger, View

KEPT = timedelta(days=3650)
_RACES: Final = 8  # somebody else may move the delivery between our look and our write; then we look again


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who orders a replay, and why."""

    operator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One delivery of a replay."""

    delivery: Delivery
    outcome: str  #: ``queued`` or ``already_queued``


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Puts deliveries back."""

    ledger: Ledger
    now: Callable[[], datetime]
    lifetime: timedelta  #: a replayed delivery lives afresh

    def candidates(self, search: Search) -> list[Listed]:
        """The newest of what a filter would replay (``--dry-run`` shows them)."""
        with self.ledger.read() as view:
            return view.replays.newest(search)

    def count(self, search: Search) -> list[Counted]:
        """How many deliveries a filter would replay, by agency and state."""
        with self.ledger.read() as view:
            return view.replays.count(_meant(search))

    def choose(self, search: Search, *, most: int = MOST) -> list[DeliveryId] | Rejected:
        """What a filter means, in the order of acceptance; without a state: what has not arrived.

        What is settled or purged is never meant, so that nothing is counted that the replay leaves alone. Refused for
        states that nothing leaves, where nothing matches, and where more than ``most`` match.
        """
        meant = _meant(search)
        if not meant.states & REPLAYABLE:
            return refuse(Code.ALREADY_SETTLED, path="state", got=", ".join(sorted(meant.states)))
        with self.ledger.read() as view:
            found = view.replays.choose(meant, most + 1)
        if not found:
            return refuse(Code.NOTHING_MATCHES)
        if len(found) > most:
            return refuse(Code.TOO_MANY_MATCH, expected=f"at most {most}")
        return found

    def flaws(self, deliveries: Sequence[DeliveryId]) -> list[Flaw]:
        """Which of these cannot be replayed, and why: all of them at once."""
        with self.ledger.read() as view:
            return [flaw for one in deliveries if (flaw := _flaw(view, one)) is not None]

    def one(self, delivery_id: DeliveryId, order: Order) -> Replayed | Rejected:
        """Replay one delivery; refused where it is unknown, settled or purged, and without a fair reason."""
        reason = fair_reason(order.reason)
        if isinstance(reason, Rejected):
            return reason
        with self.ledger.begin() as book:
            return self.put_back(book, delivery_id, dataclasses.replace(order, reason=reason))

    def put_back(self, book: Book, delivery_id: DeliveryId, order: Order) -> Replayed | Rejected:
        """The same inside a transaction. Raises ``LedgerUnavailableError`` where others move it all the time."""
        book.reserve(1)  # from here on nothing is purged
        for _ in range(_RACES):
            delivery = book.delivery(delivery_id)
            if delivery is None:
                return refuse(Code.NOT_FOUND, got=delivery_id)
            if book.view.is_purged(delivery.envelope_id):
                return refuse(Code.PURGED, got=delivery_id)
            done = self._step(book, delivery, order)
            if done is not None:
                return done
        raise LedgerUnavailableError(f"delivery {delivery_id} is moved by others all the time")

    def _step(self, book: Book, delivery: Delivery, order: Order) -> Replayed | Rejected | None:
        """``None``: somebody else moved it first."""
        now = self.now()
        expires_at = now + (KEPT if _was_delivered(book, delivery) else self.lifetime)
        if delivery.state == "queued":
            return Replayed(delivery=delivery, outcome=ALREADY_QUEUED)
        try:
            step = advance(delivery, DeliveryEvent.REPLAY_ORDERED, due_at=now, expires_at=expires_at)
        except IllegalTransitionError:
            return refuse(Code.ALREADY_SETTLED, got=delivery.state)
        if step is None or not book.write(step, at=now, actor=order.operator, reason=order.reason):
            return None
        return Replayed(delivery=dataclasses.replace(step.after, replayed_at=now), outcome=QUEUED)


def _meant(search: Search) -> Search:
    return search if search.states else dataclasses.replace(search, states=NOT_ARRIVED)


def _flaw(view: View, delivery_id: DeliveryId) -> Flaw | None:
    delivery = view.delivery(delivery_id)
    if delivery is None:
        return Flaw(code=Code.NOT_FOUND, path="deliveries", got=delivery_id)
    if view.is_purged(delivery.envelope_id):
        return Flaw(code=Code.PURGED, path="deliveries", got=delivery_id)
    if delivery.state not in REPLAYABLE and delivery.state != "queued":
        return Flaw(code=Code.ALREADY_SETTLED, path="deliveries", got=f"{delivery_id}: {delivery.state}")
    return None


def _was_delivered(book: Book, delivery: Delivery) -> bool:
    """Whether the sender was told so: then "undeliverable" would be a lie, and the replay does not expire."""
    return book.view.by_identity(identity.of_acknowledgement(AckKind.DELIVERED, delivery.id)) is not None
