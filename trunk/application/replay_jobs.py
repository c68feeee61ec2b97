"""Replays of many, ordered over HTTP: entered whole, worked off by the running service at their pace.

Each delivery is put back in the transaction that notes what became of it, and that looks whether the order still
stands: the key by which it was ordered may have been revoked meanwhile. So a service that is killed goes on where it
was, and two that work off one job put nothing back twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trunk.application.replay import Order, Replay
from trunk.domain.control import OperatorKey, fair_reason
from trunk.domain.delivery import DeliveryId
from trunk.domain.operator import Operator
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.replaying import Counted, Job, JobId, JobProgress, JobState, NotPutBack
from trunk.domain.tracking import Search
from trunk.storage.ledger import Book, Ledger
from trunk.storage.replays import Item

_TOLD = 100


class _HadItsTurnError(Exception):
    """Another process was faster: what was done here is undone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWish:
    """What an operator asks for: deliveries by their ids, or by a filter."""

    deliveries: Sequence[DeliveryId] = ()
    search: Search | None = None
    reason: str
    per_second: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayJobs:
    """Takes orders, tells how far they are, stops them, and works them off."""

    ledger: Ledger
    replay: Replay
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    def rehearse(self, wish: ReplayWish) -> Sequence[Counted] | Rejected:
        """What the order would put back, by agency and state. Refused as the order would be, but for the reason."""
        chosen = self._chosen(wish)
        if isinstance(chosen, Rejected):
            return chosen
        if wish.search is not None:
            return self.replay.count(wish.search)
        with self.ledger.read() as view:
            found = [one for id_ in chosen if (one := view.delivery(id_)) is not None]
        places = sorted({(one.addressee, one.state) for one in found})
        return [
            Counted(agency=agency, state=state, count=sum((d.addressee, d.state) == (agency, state) for d in found))
            for agency, state in places
        ]

    def order(self, key: OperatorKey, wish: ReplayWish) -> JobProgress | Rejected:
        """Enter the order; the running service works it off."""
        reason = fair_reason(wish.reason)
        if isinstance(reason, Rejected):
            return reason
        chosen = self._chosen(wish)
        if isinstance(chosen, Rejected):
            return chosen
        job = Job(
            id=JobId(self.new_id()),
            key_id=key.id,
            actor=key.actor,
            reason=reason,
            per_second=wish.per_second,
            ordered_at=self.now(),
            total=len(chosen),
        )
        with self._acting(key.actor, reason).begin() as book:
            book.replays.enter(job, chosen)
            book.act("replay_ordered", f"{job.id} of {job.total}")
        return JobProgress(job=job)

    def progress(self, job_id: str) -> JobProgress | Rejected:
        """How far it is."""
        with self.ledger.read() as view:
            return view.replays.job(job_id) or refuse(Code.NOT_FOUND, path="replay_id", got=job_id)

    def not_put_back(self, job_id: str) -> Sequence[NotPutBack]:
        """The first of what it left alone."""
        with self.ledger.read() as view:
            return view.replays.not_put_back(job_id, _TOLD)

    def recent(self, limit: int) -> Sequence[JobProgress]:
        """The newest first."""
        with self.ledger.read() as view:
            return view.replays.jobs(limit)

    def stop(self, key: OperatorKey, job_id: str, reason: str) -> JobProgress | Rejected:
        """Put nothing more back; what was put back stays so."""
        fair = fair_reason(reason)
        if isinstance(fair, Rejected):
            return fair
        with self._acting(key.actor, fair).begin() as book:
            if book.view.replays.job(job_id) is None:
                return refuse(Code.NOT_FOUND, path="replay_id", got=job_id)
            if not book.replays.end(job_id, JobState.STOPPED, at=self.now(), because=fair):
                return refuse(Code.REPLAY_ENDED, got=job_id)
            book.act("replay_stopped", job_id)
        return self.progress(job_id)

    def running(self) -> Sequence[Job]:
        """The oldest first."""
        with self.ledger.read() as view:
            return view.replays.running()

    def work(self, job: Job, limit: int) -> int:
        """Put back up to ``limit`` of them; how many had their turn. Raises ``LedgerUnavailableError``."""
        with self.ledger.read() as view:
            left = view.replays.left(job.id, limit)
        if not left:
            with self._acting(job.actor, job.reason).begin() as book:
                self._end(book, job, JobState.FINISHED)
            return 0
        done = 0
        for item in left:
            if not self._settle(job, item):
                break
            done += 1
        return done

    def _settle(self, job: Job, item: Item) -> bool:
        """Whether there may be more to do."""
        with self._acting(job.actor, job.reason).begin() as book:
            book.reserve(1)  # the order of inboxes is locked before anything else, everywhere
            if not book.replays.hold(job.id):
                return False
            key = book.view.operator_key(job.key_id)
            if key is None or not key.valid(self.now()):
                self._end(book, job, JobState.STOPPED, because=Code.OPERATOR_KEY)
                return False
            try:
                with book.part():
                    self._put_back(book, job, item)
            except _HadItsTurnError:
                return True
        return True

    def _put_back(self, book: Book, job: Job, item: Item) -> None:
        done = self.replay.put_back(book, item.delivery_id, Order(operator=job.actor, reason=job.reason))
        outcome = done.code if isinstance(done, Rejected) else done.outcome
        if not book.replays.settle(job.id, item.ordinal, outcome):
            raise _HadItsTurnError

    def _end(self, book: Book, job: Job, state: JobState, *, because: str = "") -> None:
        if book.replays.end(job.id, state, at=self.now(), because=because):
            book.act(f"replay_{state}", f"{job.id} {because}".strip())

    def _chosen(self, wish: ReplayWish) -> Sequence[DeliveryId] | Rejected:
        if wish.search is not None:
            return self.replay.choose(wish.search)
        chosen = list(dict.fromkeys(wish.deliveries))
        flaws = self.replay.flaws(chosen)
        return Rejected(flaws=flaws) if flaws else chosen

    def _acting(self, actor: str, why: str) -> Ledger:
        return self.ledger.acting(Operator(name=actor, now=self.now, why=why))
