"""Column types of the ledger: times that are always aware and UTC, enums stored by value."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import TIMESTAMP
from sqlalchemy.types import TypeDecorator, TypeEngine

EMPTY: Final = sa.text("''")
"""The default of text columns that came later. Spelled out: alembic would mistake an empty text for no default."""


@lru_cache(256)  # one transaction spells the same few times again and again
def time_text(value: datetime) -> str:
    """``value`` in the one spelling that sorts as text and that both databases read as a UTC time."""
    if value.tzinfo is None:
        raise ValueError("a time without a zone does not enter the ledger")
    return value.astimezone(UTC).isoformat(sep=" ", timespec="microseconds")


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC, both ways. SQLite has no such type and gets text that sorts; naive times are refused."""

    impl = sa.DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(TIMESTAMP(timezone=True))
        return dialect.type_descriptor(sa.String(32))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:  # noqa: ARG002 - the base's
        return None if value is None else time_text(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the base's
        if value is None:
            return None
        time = datetime.fromisoformat(value) if isinstance(value, str) else value
        return time.astimezone(UTC)


def by_value(enum: type[Enum]) -> sa.Enum:
    """Store an enum's value as text; SQLAlchemy's default stores its Python name."""
    return sa.Enum(
        enum, values_callable=lambda members: [member.value for member in members], native_enum=False, length=24
    )
