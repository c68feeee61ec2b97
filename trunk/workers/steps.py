"""The steps of the loops: what relay, sweep and mailroom do when their turn comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

import structlog

from queues.broker import Broker, Disposition, Handler, Message, QueueError
from trunk.application.dispatch import Dispatch
from trunk.application.notices import delivery_of
from trunk.application.purge import Purge
from trunk.application.reconcile import Reconciler
from trunk.application.sweep import Sweep
from trunk.application.tidy import Tidy
from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.delivery import AgencyCode
from trunk.workers.loops import Went
from trunk.workers.uplink.lease import Lease

log = structlog.get_logger()


def relay_step(dispatch: Dispatch) -> Callable[[], Went]:
    """Empty the outbox into the broker, a window at a time."""

    def step() -> Went:
        done = dispatch.run_once()
        if done.returned:
            log.warning("notices_returned", returned=done.returned, published=done.published)
        if done.held_up:
            return Went.HELD_UP
        return Went.IDLE if done.idle else Went.WORKED

    return step


def sweep_step(sweep: Sweep) -> Callable[[], Went]:
    """Requeue what fell due, give up what outlived its time."""

    def step() -> Went:
        swept = sweep.run_once()
        if not swept.idle:
            log.info("deliveries_swept", requeued=swept.requeued, expired=swept.expired)
        return Went.IDLE if swept.idle else Went.WORKED

    return step


def reconcile_step(reconciler: Reconciler, lease: Lease) -> Callable[[], Went]:
    """Put right what nothing else would; one process at a time."""

    def step() -> Went:
        lease.step()
        if not lease.held:
            return Went.IDLE
        done = reconciler.run_once()
        if not done.idle:
            log.warning("reconciled", **asdict(done))
        reconciler.bear_witness()
        return Went.IDLE  # the next pass has its time: nothing is published twice in one

    return step


def tidy_step(tidy: Tidy) -> Callable[[], Went]:
    """Remove orphans."""

    def step() -> Went:
        removed = tidy.run_once()
        if removed:
            log.info("orphans_removed", files=removed)
        return Went.IDLE

    return step


def dead_letter_step(broker: Broker) -> Callable[[], Went]:
    """Tell operators when the number of messages that were set aside has changed."""
    told = 0

    def step() -> Went:
        nonlocal told
        try:
            waiting = broker.dead_letters()
        except QueueError:
            return Went.HELD_UP  # the relay says so, and /readyz
        if waiting != told:
            log.warning("dead_letters_waiting", waiting=waiting, before=told)
            told = waiting
        return Went.IDLE

    return step


def purge_step(purge: Purge) -> Callable[[], Went]:
    """Delete octets whose time has ended."""

    def step() -> Went:
        purged = purge.run_once()
        if purged:
            log.info("octets_purged", envelopes=len(purged))
        return Went.WORKED if purged else Went.IDLE

    return step


@dataclass(slots=True, kw_only=True)
class Mailroom:
    """Listens to the queues of agencies that pull, and wakes their waiting long-polls; of those to which the trunk
    posts, and wakes the courier; declares those of agencies that consume. Who is beyond another hub has none.

    The inbox itself is read from the ledger: a lost wake-up costs half a second, never a document.
    """

    broker: Broker
    directory: Callable[[], Directory]
    ring: Callable[[AgencyCode], None]
    post: Callable[[], None] = lambda: None  #: there is something to post
    _known: set[AgencyCode] = field(default_factory=set, init=False)

    def step(self) -> Went:
        """Take in agencies that were registered since the last look. Raises ``QueueError``."""
        fresh = [one for one in self.directory().agencies if one.code not in self._known and not one.beyond]
        if fresh:
            self.broker.declare([agency.code for agency in fresh])
            for agency in fresh:
                self._open(agency)
        return Went.IDLE

    def _open(self, agency: Agency) -> None:
        if agency.mode in (DeliveryMode.PULL, DeliveryMode.PUSH):
            self.broker.subscribe(agency.code, self._handler(agency.code))
        self._known.add(agency.code)

    def _handler(self, code: AgencyCode) -> Handler:
        def handle(message: Message) -> Disposition:
            if delivery_of(message.id, message.body) is None:
                log.warning("notice_forged", queue=code, message_id=message.id, size=len(message.body))
                return Disposition.SET_ASIDE
            self.ring(code)
            self.post()
            return Disposition.DONE

        return handle
