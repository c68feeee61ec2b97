"""The tables of operators and of the replays that they order."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from trunk.domain.control import Role
from trunk.domain.replaying import JobState
from trunk.storage.columns import EMPTY, UtcTime, by_value


class OperatorKeyRow(SQLModel, table=True):
    """An operator's key; only the digest of its secret."""

    __tablename__ = "operator_key"

    id: str = Field(primary_key=True)
    operator: str = Field(index=True)
    role: Role = Field(sa_type=by_value(Role))
    digest: str
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime | None = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(sa_type=UtcTime)


class ReplayJobRow(SQLModel, table=True):
    """A replay of many deliveries."""

    __tablename__ = "replay_job"

    id: str = Field(primary_key=True)
    key_id: str
    actor: str
    reason: str = Field(sa_type=sa.Text)
    per_second: float = Field(sa_type=sa.Float)
    ordered_at: datetime = Field(sa_type=UtcTime)
    total: int
    state: JobState = Field(sa_type=by_value(JobState), index=True)
    ended_at: datetime | None = Field(sa_type=UtcTime)
    ended_because: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": EMPTY})


class ReplayItemRow(SQLModel, table=True):
    """One delivery of it; ``outcome`` is NULL while its turn has not come."""

    __tablename__ = "replay_item"

    job: str = Field(primary_key=True, foreign_key="replay_job.id")
    ordinal: int = Field(primary_key=True)
    delivery_id: str
    outcome: str | None


def _table(model: type[SQLModel]) -> sa.Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


OPERATOR_KEY = _table(OperatorKeyRow)
REPLAY_JOB = _table(ReplayJobRow)
REPLAY_ITEM = _table(ReplayItemRow)
