"""Replay: an administrator puts deliveries back in their agencies' inboxes. Who and why go into the journal.

Writes the ledger only; the running service sends. So it works from another machine and while RabbitMQ is down.
What an agency's people have received or refused, and what was recalled, is settled and is not replayed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from trunk.domain import identity
from trunk.domain.delivery import AckKind, Delivery, DeliveryEvent, DeliveryId, IllegalTransitionError, advance
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import Listed, Search
from trunk.storage.ledger import Book, Ledger

KEPT = timedelta(days=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Who orders a replay, and why."""

    operator: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """One delivery of a replay."""

    delivery: Delivery
    outcome: str  #: ``queued``, ``already_queued`` or ``settled``


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Puts deliveries back."""

    ledger: Ledger
    now: Callable[[], datetime]
    lifetime: timedelta  #: a replayed delivery lives afresh

    def candidates(self, search: Search) -> list[Listed]:
        """What a filter would replay (``--dry-run`` shows it)."""
        with self.ledger.read() as view:
            return list(view.search(search))

    def one(self, delivery_id: DeliveryId, order: Order) -> Replayed | Rejected:
        """Replay one delivery; refused where it is unknown or settled."""
        with self.ledger.begin() as book:
            book.reserve(1)  # from here on nothing is purged
            delivery = book.delivery(delivery_id)
            if delivery is None:
                return refuse(Code.NOT_FOUND, got=delivery_id)
            if book.view.is_purged(delivery.envelope_id):
                return refuse(Code.PURGED, got=delivery_id)
            now = self.now()
            expires_at = now + (KEPT if _was_delivered(book, delivery) else self.lifetime)
            try:
                step = advance(delivery, DeliveryEvent.REPLAY_ORDERED, due_at=now, expires_at=expires_at)
            except IllegalTransitionError:
                return _not_replayable(delivery)
            if step is None or not book.write(step, at=now, actor=order.operator, reason=order.reason):
                return Replayed(delivery=delivery, outcome="already_queued")
            return Replayed(delivery=step.after, outcome="queued")

    def all(self, listed: list[Listed], order: Order) -> Iterator[Replayed]:
        """Replay one after the other, a transaction each; the caller sets the pace and may stop at any time."""
        for line in listed:
            result = self.one(line.delivery.id, order)
            if isinstance(result, Rejected):
                yield Replayed(delivery=line.delivery, outcome="settled")
            else:
                yield result


def _was_delivered(book: Book, delivery: Delivery) -> bool:
    """Whether the sender was told so: then "undeliverable" would be a lie, and the replay does not expire."""
    return book.view.by_identity(identity.of_acknowledgement(AckKind.DELIVERED, delivery.id)) is not None


def _not_replayable(delivery: Delivery) -> Replayed | Rejected:
    if delivery.state == "queued":
        return Replayed(delivery=delivery, outcome="already_queued")
    return refuse(Code.ALREADY_SETTLED, got=delivery.state)
