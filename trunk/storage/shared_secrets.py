"""The shared secrets' part of the ledger: sealed octets in, sealed octets out."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.agency import SystemId
from trunk.domain.shared_secret import SharedSecretRecord
from trunk.storage.tables import SHARED_SECRET


def put(connection: Connection, secret: SharedSecretRecord) -> None:
    fresh_for = secret.fresh_for
    connection.execute(
        sa.insert(SHARED_SECRET).values(
            id=secret.id,
            system=secret.system,
            name=secret.name,
            sealed=secret.sealed,
            created_at=secret.created_at,
            expires_at=secret.expires_at,
            retired_at=secret.retired_at,
            fresh_seconds=None if fresh_for is None else round(fresh_for.total_seconds()),
        )
    )


def retire(connection: Connection, secret_id: str, *, at: datetime) -> bool:
    """An end may be moved nearer, never further away."""
    later = sa.or_(SHARED_SECRET.c.retired_at.is_(None), SHARED_SECRET.c.retired_at > at)
    retired = connection.execute(
        sa.update(SHARED_SECRET).where(SHARED_SECRET.c.id == secret_id, later).values(retired_at=at)
    )
    return retired.rowcount == 1


def of_name(connection: Connection, name: str) -> list[SharedSecretRecord]:
    """Every secret of that name, oldest first."""
    return _records(connection, SHARED_SECRET.c.name == name)


def of_system(connection: Connection, system: SystemId) -> list[SharedSecretRecord]:
    """The system's secrets, oldest first."""
    return _records(connection, SHARED_SECRET.c.system == system)


def _records(connection: Connection, condition: sa.ColumnElement[bool]) -> list[SharedSecretRecord]:
    rows = connection.execute(
        sa.select(SHARED_SECRET).where(condition).order_by(SHARED_SECRET.c.created_at, SHARED_SECRET.c.id)
    )
    return [_record_of(row) for row in rows]


def _record_of(row: Any) -> SharedSecretRecord:
    return SharedSecretRecord(
        id=row.id,
        system=SystemId(row.system),
        name=row.name,
        sealed=row.sealed,
        created_at=row.created_at,
        expires_at=row.expires_at,
        retired_at=row.retired_at,
        fresh_for=None if row.fresh_seconds is None else timedelta(seconds=row.fresh_seconds),
    )
