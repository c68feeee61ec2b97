"""The operators' part of the ledger: their keys, by digest."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.control import OperatorKey
from trunk.storage.control_tables import OPERATOR_KEY


def put(connection: Connection, key: OperatorKey) -> None:
    connection.execute(
        sa.insert(OPERATOR_KEY).values(
            id=key.id,
            operator=key.operator,
            role=key.role,
            digest=key.digest,
            created_at=key.created_at,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
        )
    )


def revoke(connection: Connection, key_id: str, *, at: datetime) -> bool:
    held = OPERATOR_KEY.c.id == key_id, OPERATOR_KEY.c.revoked_at.is_(None)
    return connection.execute(sa.update(OPERATOR_KEY).where(*held).values(revoked_at=at)).rowcount == 1


def by_id(connection: Connection, key_id: str) -> OperatorKey | None:
    row = connection.execute(sa.select(OPERATOR_KEY).where(OPERATOR_KEY.c.id == key_id)).one_or_none()
    return None if row is None else _key_of(row)


def every(connection: Connection) -> list[OperatorKey]:
    """All keys, by operator, oldest first."""
    rows = connection.execute(
        sa.select(OPERATOR_KEY).order_by(OPERATOR_KEY.c.operator, OPERATOR_KEY.c.created_at, OPERATOR_KEY.c.id)
    )
    return [_key_of(row) for row in rows]


def _key_of(row: Any) -> OperatorKey:
    return OperatorKey(
        id=row.id,
        operator=row.operator,
        role=row.role,
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )
