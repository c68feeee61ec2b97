"""Outbox to broker: lease a window, publish it with all confirms in flight, settle it in one transaction.

A crash anywhere in between publishes again (the lease runs out): at least once, never not at all. A broker that
is down is no fault of a delivery: its entries go back to the outbox and the loop waits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from queues.broker import Broker, Confirmation, FullError, Message, QueueError, SilentError
from trunk.domain.agency import Directory
from trunk.domain.delivery import DeliveryEvent, DeliveryState, advance
from trunk.failpoints import reach
from trunk.storage.ledger import Book, Ledger, OutboxEntry
from trunk.storage.scribe import Scribe

ACTOR = "relay"
_OF_ONE_QUEUE = (FullError, SilentError)
"""What ails one queue; everything else ails the road, and is over when the road is mended."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass over the outbox did."""

    published: int = 0
    returned: int = 0  #: the broker did not take them; they are due again
    held_up: bool = False  #: the broker itself is away, not one queue full

    @property
    def idle(self) -> bool:
        return not (self.published or self.returned)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Empties the outbox into the broker. Any number of them may run side by side."""

    ledger: Ledger
    scribe: Scribe
    broker: Broker
    directory: Callable[[], Directory]  #: nobody reads notices for those whom another hub serves: none are sent
    now: Callable[[], datetime]
    owner: str  #: fencing token of this process's leases
    window: int = 500
    lease: timedelta = timedelta(seconds=25)  #: what a process that dies had in hand waits so long
    retry_after: timedelta = timedelta(
        seconds=2
    )  #: when the broker is or was away, or a queue is gone and has to be declared
    full_after: timedelta = timedelta(minutes=1)  #: when one queue is full: it must not crowd out the others

    def run_once(self) -> Pass:
        """One window. Raises ``LedgerUnavailableError``."""
        now = self.now()
        with self.ledger.glance() as view:
            if not view.notices_ready(now):
                return Pass()
        entries = self.scribe.perform(
            lambda book: book.lease(self.window, now=now, until=now + self.lease, owner=self.owner), places=0
        ).result()
        if not entries:
            return Pass()
        reach("dispatch.leased")
        beyond = {agency.code for agency in self.directory().agencies if agency.beyond}
        waiting = [
            entry
            for entry in entries
            if entry.delivery.state is DeliveryState.QUEUED and entry.delivery.addressee not in beyond
        ]
        confirmations = self.broker.publish([_notice(entry) for entry in waiting])
        reach("dispatch.published")
        refused = {e.id: fault for e, fault in zip(waiting, confirmations, strict=True) if fault is not None}
        away = bool(refused) and (_frozen(confirmations) or self._broker_is_away())
        later = frozenset(e for e, fault in refused.items() if not away and isinstance(fault, _OF_ONE_QUEUE))
        self._settle(entries, soon=frozenset(refused) - later, later=later)
        reach("dispatch.settled")
        return Pass(published=len(waiting) - len(refused), returned=len(refused), held_up=away)

    def recover(self) -> int:
        """After a restart, put back what a broker without a disk has forgotten. Returns how many deliveries."""
        if self.broker.durable:
            return 0
        return self.scribe.perform(lambda book: book.requeue_dispatched(at=self.now(), actor=ACTOR)).result()

    def _broker_is_away(self) -> bool:
        try:
            self.broker.check()
        except QueueError:
            return True
        return False

    def _settle(self, entries: Sequence[OutboxEntry], *, soon: frozenset[int], later: frozenset[int]) -> None:
        """Strike what was published; ``soon`` and ``later``: the refused entries, by when they are due again."""
        done = [entry for entry in entries if entry.id not in soon and entry.id not in later]
        steps = [
            step
            for entry in done
            if entry.delivery.state is DeliveryState.QUEUED
            and (step := advance(entry.delivery, DeliveryEvent.PUBLISHED)) is not None
        ]
        now = self.now()

        def settle(book: Book) -> None:
            book.write_all(steps, at=now, actor=ACTOR)
            book.strike([entry.id for entry in done], owner=self.owner)
            for refused, wait in ((soon, self.retry_after), (later, self.full_after)):
                if refused:
                    book.release(sorted(refused), owner=self.owner, due_at=now + wait)

        self.scribe.perform(settle, places=0).result()


def _frozen(confirmations: Sequence[Confirmation]) -> bool:
    """Whether it took nothing and refused nothing, connected though it looks: that is no queue that is full."""
    return all(isinstance(fault, SilentError) for fault in confirmations)


def _notice(entry: OutboxEntry) -> Message:
    """The message is a notice, not the document: a replay needs no copy, and RabbitMQ limits sizes."""
    delivery = entry.delivery
    replayed = delivery.replayed_at
    body = orjson.dumps(
        {
            "delivery_id": delivery.id,
            "envelope_id": delivery.envelope_id,
            "kind": entry.kind,
            "sha256": entry.envelope_sha256,
            "size": entry.envelope_size,
            "urgency": delivery.urgency,
            "version": delivery.version,
            "replayed_at": None if replayed is None else replayed.isoformat(timespec="milliseconds"),
        }
    )
    return Message(id=entry.message_id, queue=delivery.addressee, body=body, urgent=delivery.urgency > 0)
