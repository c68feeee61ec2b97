"""The steps of the loops: what relay, sweep and mailroom do when their turn comes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from queues.broker import Broker, Disposition, Handler
from trunk.application.dispatch import Dispatch
from trunk.application.purge import Purge
from trunk.application.sweep import Sweep
from trunk.application.tidy import Tidy
from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.delivery import AgencyCode
from trunk.workers.loops import Went

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


def tidy_step(tidy: Tidy) -> Callable[[], Went]:
    """Remove orphans."""

    def step() -> Went:
        removed = tidy.run_once()
        if removed:
            log.info("orphans_removed", files=removed)
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
    """Listens to the queues of agencies that pull, and wakes their waiting long-polls; declares all others'.

    The inbox itself is read from the ledger: a lost wake-up costs half a second, never a document.
    """

    broker: Broker
    directory: Callable[[], Directory]
    ring: Callable[[AgencyCode], None]
    _known: set[AgencyCode] = field(default_factory=set, init=False)

    def step(self) -> Went:
        """Take in agencies that were registered since the last look. Raises ``QueueError``."""
        fresh = [agency for agency in self.directory().agencies if agency.code not in self._known]
        if fresh:
            self.broker.declare([agency.code for agency in fresh])
            for agency in fresh:
                self._open(agency)
        return Went.IDLE

    def _open(self, agency: Agency) -> None:
        if agency.mode is DeliveryMode.PULL:
            self.broker.subscribe(agency.code, self._handler(agency.code))
        self._known.add(agency.code)

    def _handler(self, code: AgencyCode) -> Handler:
        def handle(_: object) -> Disposition:
            self.ring(code)
            return Disposition.DONE

        return handle
