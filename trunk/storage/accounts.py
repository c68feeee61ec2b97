"""The accounts' part of the ledger: user names, and digests of their passwords."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.account import AccountRecord
from trunk.domain.agency import SystemId
from trunk.storage.directory_tables import ACCOUNT


def put(connection: Connection, account: AccountRecord) -> None:
    connection.execute(
        sa.insert(ACCOUNT).values(
            id=account.id,
            system=account.system,
            username=account.username,
            digest=account.digest,
            created_at=account.created_at,
            expires_at=account.expires_at,
            retired_at=account.retired_at,
        )
    )


def retire(connection: Connection, account_id: str, *, at: datetime) -> bool:
    """An end may be moved nearer, never further away."""
    later = sa.or_(ACCOUNT.c.retired_at.is_(None), ACCOUNT.c.retired_at > at)
    retired = connection.execute(sa.update(ACCOUNT).where(ACCOUNT.c.id == account_id, later).values(retired_at=at))
    return retired.rowcount == 1


def by_id(connection: Connection, account_id: str) -> AccountRecord | None:
    return next(iter(_records(connection, ACCOUNT.c.id == account_id)), None)


def of_username(connection: Connection, username: str) -> list[AccountRecord]:
    """Every password of that user name, oldest first."""
    return _records(connection, ACCOUNT.c.username == username)


def of_system(connection: Connection, system: SystemId) -> list[AccountRecord]:
    """The system's passwords, oldest first."""
    return _records(connection, ACCOUNT.c.system == system)


def _records(connection: Connection, condition: sa.ColumnElement[bool]) -> list[AccountRecord]:
    rows = connection.execute(sa.select(ACCOUNT).where(condition).order_by(ACCOUNT.c.created_at, ACCOUNT.c.id))
    return [_record_of(row) for row in rows]


def _record_of(row: Any) -> AccountRecord:
    return AccountRecord(
        id=row.id,
        system=SystemId(row.system),
        username=row.username,
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        retired_at=row.retired_at,
    )
