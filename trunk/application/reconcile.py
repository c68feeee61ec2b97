"""Compares the ledger with itself, with the clock and with the broker, and puts right what nothing else would.

Repairs are those of any crash: the notice is put (back) into the outbox, and the relay sends it as always. Each pass
publishes nothing itself, puts nothing back twice, and a pass that finds nothing writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta

from queues.broker import Broker, QueueError
from trunk.domain.agency import DeliveryMode, Directory
from trunk.domain.ailment import Ailment
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryEvent, advance
from trunk.failpoints import reach
from trunk.storage.ledger import Book, Ledger
from trunk.storage.mending import Place
from trunk.storage.scribe import Scribe

ACTOR = "reconciler"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How patient it is."""

    lost_after: timedelta = timedelta(seconds=15)  #: an agency's queue is empty or gone, and nobody took the mail
    untaken_after: timedelta = timedelta(minutes=30)  #: its queue holds other notices
    ahead: timedelta = timedelta(minutes=10)  #: no lease of ours is longer
    batch: int = 500
    witness_every: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """What one pass put right."""

    put_back: int = 0  #: queued without an outbox entry
    published_again: int = 0  #: the broker's notice was lost, or nobody heeds it
    freed: int = 0  #: outbox entries that were held into the future
    leases_freed: int = 0
    set_aside: int = 0  #: outbox entries without a delivery
    links_closed: int = 0

    @property
    def idle(self) -> bool:
        return not any(getattr(self, one.name) for one in fields(self))


@dataclass(slots=True, kw_only=True)
class Reconciler:
    """One pass after the other; one process at a time does it (``trunk.workers.leased``)."""

    ledger: Ledger
    scribe: Scribe
    broker: Broker
    directory: Callable[[], Directory]
    now: Callable[[], datetime]
    pace: Pace = field(default_factory=Pace)
    _place: Place | None = field(default=None, init=False)
    _witnessed_at: datetime | None = field(default=None, init=False)

    def run_once(self) -> Reconciled:
        """Raises ``LedgerUnavailableError``; a broker that is away is looked at in the next pass."""
        lost = self._lost()
        most, ahead = self.pace.batch, self.now() + self.pace.ahead
        with self.ledger.read() as view:
            found = view.looking
            unqueued, orphans = bool(found.unqueued(1)), found.orphans(most)
            held = found.held_ahead(ahead) > 0 or any(lease.is_ahead(ahead) for lease in found.leases())
            links = found.finished_links(most, now=self.now())
        if not (lost or unqueued or orphans or held or links):
            return Reconciled()

        def mend(book: Book) -> Reconciled:
            mending, now = book.mending, self.now()  # we may have slept since we looked
            return Reconciled(
                put_back=len(mending.put_back(most, at=now, actor=ACTOR, reason=Ailment.UNQUEUED)) if unqueued else 0,
                published_again=self._again(book, lost, now),
                freed=mending.free_held_ahead(now + self.pace.ahead, now=now) if held else 0,
                leases_freed=len(mending.free_leases(now + self.pace.ahead)) if held else 0,
                set_aside=mending.drop_orphans(orphans, code=Ailment.ORPHAN, at=now),
                links_closed=mending.close_links(links, now=now) if links else 0,
            )

        reach("reconcile.found")
        done = self.scribe.perform(mend).result()
        reach("reconcile.mended")
        return done

    def bear_witness(self) -> int:
        """Name what other processes have written to the journal in our own chain, now and then; how many chains."""
        now = self.now()
        if self._witnessed_at is not None and timedelta() <= now - self._witnessed_at < self.pace.witness_every:
            return 0
        named = self.ledger.name_chains(at=now)
        self._witnessed_at = now
        return named

    def _again(self, book: Book, lost: Sequence[Delivery], now: datetime) -> int:
        steps = [step for one in lost if (step := advance(one, DeliveryEvent.BROKER_FORGOT, due_at=now)) is not None]
        return len(book.write_all(steps, at=now, actor=ACTOR)) if steps else 0

    def _lost(self) -> list[Delivery]:
        """Dispatched for agencies that need the broker, whose notice must be published again.

        What was published again waits twice as long for the next time, so that an agency that sleeps a week gets
        some twenty notices of a document and not thousands. A walk: each pass looks at the next ``batch``.
        """
        consumers = [one.code for one in self.directory().agencies if one.mode is DeliveryMode.AMQP]
        if not consumers:
            return []
        now = self.now()
        with self.ledger.read() as view:
            found = view.looking.untaken(
                consumers,
                before=now - self.pace.lost_after,
                ahead=now + self.pace.ahead,
                after=self._place,
                limit=self.pace.batch,
            )
            accepted = {one.id: view.accepted_at(one.envelope_id) for one in found}
        self._place = (found[-1].due_at, found[-1].id) if len(found) == self.pace.batch else None
        patience = self._patience({one.addressee for one in found})
        seen = (one for one in found if one.addressee in patience)
        return [
            one
            for one in seen
            if one.due_at > now + self.pace.ahead or _is_due(one, patience[one.addressee], accepted[one.id], now)
        ]

    def _patience(self, addressees: set[AgencyCode]) -> dict[AgencyCode, timedelta | None]:
        """How long each agency's mail may stand (None: its queue is gone, with all that was in it)."""
        patience: dict[AgencyCode, timedelta | None] = {}
        for addressee in sorted(addressees):
            try:
                waiting = self.broker.waiting(addressee)
            except QueueError:
                return patience  # the relay says so, and /readyz
            patience[addressee] = self.pace.untaken_after if waiting else self.pace.lost_after
            if waiting is None:
                patience[addressee] = None
        return patience


def _is_due(one: Delivery, patience: timedelta | None, accepted: datetime | None, now: datetime) -> bool:
    """What was published again waits as long as it is old: twice as long each time."""
    if patience is None:
        return True
    return now - one.due_at >= max(patience, one.due_at - (accepted or one.due_at))
