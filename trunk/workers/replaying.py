"""The loop that works off ordered replays: one process at a time, each order at its own pace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from trunk.application.replay_jobs import ReplayJobs
from trunk.domain.replaying import Job, JobId
from trunk.workers.loops import Went
from trunk.workers.uplink.lease import Lease

log = structlog.get_logger()

_AT_A_TIME: Final = 50
_STRETCH_SECONDS: Final = 0.5


@dataclass(slots=True, kw_only=True)
class ReplayTurns:
    """``seconds``: a clock that only goes forward; ``wake``: there is something to send."""

    jobs: ReplayJobs
    lease: Lease
    seconds: Callable[[], float]
    wake: Callable[[], None]
    _due: dict[JobId, float] = field(default_factory=dict, init=False)

    def step(self) -> Went:
        """Every order's next few, if it is their time. Raises ``LedgerUnavailableError``."""
        running = self.jobs.running()
        self._due = {job.id: self._due.get(job.id, 0.0) for job in running}
        if not running:
            return Went.IDLE
        self.lease.step()
        if not self.lease.held:
            return Went.IDLE
        done = sum(self._work(job) for job in self._whose_turn(running))
        if done:
            self.wake()
        return Went.WORKED

    def _whose_turn(self, running: Sequence[Job]) -> list[Job]:
        now = self.seconds()
        return [job for job in running if self._due[job.id] <= now]

    def _work(self, job: Job) -> int:
        """As many as half a second has room for, then a pause that keeps the pace."""
        few = max(1, min(_AT_A_TIME, int(job.per_second * _STRETCH_SECONDS)))
        begun = self.seconds()
        done = self.jobs.work(job, few)
        self._due[job.id] = begun + max(done, 1) / job.per_second
        log.info("replay_worked", replay=job.id, deliveries=done)
        return done
