"""Column types of the ledger: times that are always aware and UTC, enums stored by value."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import Enum
from functools import lru_cache
from typing import Any, Final, Self

import orjson
import sqlalchemy as sa
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql import ARRAY, TIMESTAMP
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
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


class Values(TypeDecorator[list[Any]]):
    """Any number of values in one parameter: an array where there are arrays, else a JSON text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, *, numbers: bool = False) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        if dialect.name == "postgresql":
            return dialect.type_descriptor(ARRAY(sa.BigInteger() if self.numbers else sa.Text()))
        return dialect.type_descriptor(sa.Text())

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> Any:
        return value if dialect.name == "postgresql" else orjson.dumps(value).decode()


class among(FunctionElement[bool]):  # noqa: N801 - used like a function
    """``column`` is one of the values bound as ``name``: one statement whatever their number, so that it is prepared
    once. SQLAlchemy's ``in_`` makes a text for each number.

    A condition as it stands: SQLAlchemy would have it ``= 1`` for databases without truth values, and SQLite then
    finds no index and reads the whole table.
    """

    name = "among"
    inherit_cache = True
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[Any], name: str) -> None:
        numbers = isinstance(column.type, sa.Integer)
        super().__init__(column, sa.bindparam(name, type_=Values(numbers=numbers)))

    def self_group(self, against: object = None) -> Self:  # noqa: ARG002 - the base's
        return self


@compiles(among)
def _in_text(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - compiled expressions


@compiles(among, "postgresql")
def _in_array(element: among, compiler: Any, **options: Any) -> str:
    column, values = (compiler.process(part, **options) for part in element.clauses)
    return f"{column} = ANY({values})"
