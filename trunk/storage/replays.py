"""The replays' part of the ledger: which deliveries a filter means, and orders of many with what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import AgencyCode, DeliveryId, DeliveryState
from trunk.domain.rejection import Code
from trunk.domain.replaying import (
    ALREADY_QUEUED,
    QUEUED,
    REPLAYABLE,
    Counted,
    Job,
    JobId,
    JobProgress,
    JobState,
    NotPutBack,
)
from trunk.domain.tracking import Listed, Search
from trunk.storage.bulk import insert_many
from trunk.storage.control_tables import REPLAY_ITEM, REPLAY_JOB
from trunk.storage.lists import conditions, every_line, newest_of
from trunk.storage.purging import purged
from trunk.storage.tables import DELIVERY, ENVELOPE

_NOT_REFUSED: Final = REPLAYABLE | {DeliveryState.QUEUED}


@dataclass(frozen=True, slots=True)
class Item:
    """A delivery whose turn in a replay has not come."""

    ordinal: int
    delivery_id: DeliveryId


class Replays:
    """What can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, wanted: Search) -> list[Counted]:
        """How many deliveries a filter means, by agency and state; its limit does not matter."""
        counted = sa.select(DELIVERY.c.addressee, DELIVERY.c.state, sa.func.count().label("number"))
        found = _meant(_joined(counted), wanted)
        rows = self._connection.execute(
            found.group_by(DELIVERY.c.addressee, DELIVERY.c.state).order_by(DELIVERY.c.addressee, DELIVERY.c.state)
        )
        return [Counted(agency=AgencyCode(row.addressee), state=row.state, count=row.number) for row in rows]

    def choose(self, wanted: Search, limit: int) -> list[DeliveryId]:
        """Those deliveries, in the order in which they were accepted."""
        rows = self._connection.execute(
            _meant(_joined(sa.select(DELIVERY.c.id)), wanted)
            .order_by(ENVELOPE.c.accepted_at, DELIVERY.c.id)
            .limit(limit)
        )
        return [DeliveryId(row.id) for row in rows]

    def newest(self, wanted: Search) -> list[Listed]:
        """The newest of those deliveries, as lists show them."""
        return newest_of(self._connection, _meant(every_line(), wanted), ENVELOPE, wanted.limit)

    def job(self, job_id: str) -> JobProgress | None:
        rows = self._connection.execute(sa.select(REPLAY_JOB).where(REPLAY_JOB.c.id == job_id))
        return next((self._progress(_job_of(row)) for row in rows), None)

    def jobs(self, limit: int) -> list[JobProgress]:
        """The newest first."""
        newest = sa.select(REPLAY_JOB).order_by(REPLAY_JOB.c.ordered_at.desc(), REPLAY_JOB.c.id.desc()).limit(limit)
        return [self._progress(_job_of(row)) for row in self._connection.execute(newest).all()]

    def running(self) -> list[Job]:
        """The oldest first."""
        rows = self._connection.execute(
            sa.select(REPLAY_JOB)
            .where(REPLAY_JOB.c.state == JobState.RUNNING)
            .order_by(REPLAY_JOB.c.ordered_at, REPLAY_JOB.c.id)
        )
        return [_job_of(row) for row in rows]

    def left(self, job_id: JobId, limit: int) -> list[Item]:
        """Whose turn comes next."""
        rows = self._connection.execute(
            sa.select(REPLAY_ITEM.c.ordinal, REPLAY_ITEM.c.delivery_id)
            .where(REPLAY_ITEM.c.job == job_id, REPLAY_ITEM.c.outcome.is_(None))
            .order_by(REPLAY_ITEM.c.ordinal)
            .limit(limit)
        )
        return [Item(row.ordinal, DeliveryId(row.delivery_id)) for row in rows]

    def not_put_back(self, job_id: str, limit: int) -> list[NotPutBack]:
        """What it left alone, with the code of the refusal."""
        rows = self._connection.execute(
            sa.select(REPLAY_ITEM.c.delivery_id, REPLAY_ITEM.c.outcome)
            .where(REPLAY_ITEM.c.job == job_id, REPLAY_ITEM.c.outcome.not_in([QUEUED, ALREADY_QUEUED]))
            .order_by(REPLAY_ITEM.c.ordinal)
            .limit(limit)
        )
        return [NotPutBack(delivery_id=DeliveryId(row.delivery_id), code=Code(row.outcome)) for row in rows]

    def _progress(self, job: Job) -> JobProgress:
        rows = self._connection.execute(
            sa.select(REPLAY_ITEM.c.outcome, sa.func.count().label("number"))
            .where(REPLAY_ITEM.c.job == job.id, REPLAY_ITEM.c.outcome.is_not(None))
            .group_by(REPLAY_ITEM.c.outcome)
        )
        return JobProgress(job=job, outcomes={row.outcome: row.number for row in rows})


class ReplayKeeper(Replays):
    """What can be written."""

    def enter(self, job: Job, deliveries: Sequence[DeliveryId]) -> None:
        self._connection.execute(
            sa.insert(REPLAY_JOB).values(
                id=job.id,
                key_id=job.key_id,
                actor=job.actor,
                reason=job.reason,
                per_second=job.per_second,
                ordered_at=job.ordered_at,
                total=job.total,
                state=job.state,
            )
        )
        items = [{"job": job.id, "ordinal": n, "delivery_id": one, "outcome": None} for n, one in enumerate(deliveries)]
        insert_many(self._connection, REPLAY_ITEM, items)

    def settle(self, job_id: JobId, ordinal: int, outcome: str) -> bool:
        """Whether its turn had not come before: two that work off one job settle each delivery once."""
        turn = REPLAY_ITEM.c.job == job_id, REPLAY_ITEM.c.ordinal == ordinal, REPLAY_ITEM.c.outcome.is_(None)
        return self._connection.execute(sa.update(REPLAY_ITEM).where(*turn).values(outcome=outcome)).rowcount == 1

    def end(self, job_id: str, state: JobState, *, at: datetime, because: str = "") -> bool:
        """Whether it was running until now."""
        ended = self._connection.execute(
            sa.update(REPLAY_JOB)
            .where(REPLAY_JOB.c.id == job_id, REPLAY_JOB.c.state == JobState.RUNNING)
            .values(state=state, ended_at=at, ended_because=because)
        )
        return ended.rowcount == 1

    def hold(self, job_id: JobId) -> bool:
        """Lock the job until the end of the transaction; whether it still runs."""
        held = sa.select(REPLAY_JOB.c.state).where(REPLAY_JOB.c.id == job_id).with_for_update()
        return self._connection.execute(held).scalar_one() is JobState.RUNNING


def _joined(asked: sa.Select[Any]) -> sa.Select[Any]:
    return asked.select_from(DELIVERY.join(ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id))


def _meant(joined: sa.Select[Any], wanted: Search) -> sa.Select[Any]:
    """Of what a filter finds, what a replay would not refuse: so a rehearsal says what the order comes to."""
    states = (wanted.states or _NOT_REFUSED) & _NOT_REFUSED
    found = conditions(joined, wanted).where(DELIVERY.c.state.in_(sorted(states)), ~purged())
    if wanted.agency is None:
        return found
    return found.where(sa.or_(ENVELOPE.c.sender == wanted.agency, DELIVERY.c.addressee == wanted.agency))


def _job_of(row: Any) -> Job:
    return Job(
        id=JobId(row.id),
        key_id=row.key_id,
        actor=row.actor,
        reason=row.reason,
        per_second=row.per_second,
        ordered_at=row.ordered_at,
        total=row.total,
        state=row.state,
        ended_at=row.ended_at,
        ended_because=row.ended_because,
    )
