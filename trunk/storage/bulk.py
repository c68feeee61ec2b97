"""Many rows in one statement: the hot path's only way in.

The ORM costs five times as much, and statements with a thousand placeholders are parsed anew for every size of
group. SQLite takes a prepared statement row by row, inside the process; PostgreSQL takes all rows as one JSON text
and unfolds them itself, a quarter of the cost of sending them one after another. Octets travel apart: JSON has none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.engine import POSTGRESQL, is_sqlite

Stored = str | int | bytes | None
"""What both databases take as it is; times as ``columns.time_text`` spells them, enums as their values."""


def insert_many(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]]) -> None:
    """Insert ``rows``, which all name the same columns. One that stands against a unique row is an error."""
    _insert(connection, table, rows, "")


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]]) -> None:
    """The same, but a row that stands against a unique one is left out."""
    _insert(connection, table, rows, " ON CONFLICT DO NOTHING")


def _insert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]], clause: str) -> None:
    if not rows:
        return
    columns = tuple(rows[0])
    if not is_sqlite(connection) and not _has_octets(table):
        connection.exec_driver_sql(_unfolding(table, columns) + clause, (orjson.dumps(rows).decode(),))
        return
    statement = _row_by_row(table, columns, "?" if is_sqlite(connection) else "%s") + clause
    connection.exec_driver_sql(statement, [itemgetter(*columns)(row) for row in rows])


def _has_octets(table: sa.Table) -> bool:
    return any(isinstance(column.type, sa.LargeBinary) for column in table.columns)


@lru_cache
def _row_by_row(table: sa.Table, columns: tuple[str, ...], mark: str) -> str:
    marks = ", ".join([mark] * len(columns))
    return f"INSERT INTO {table.name} ({_names(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours


@lru_cache
def _unfolding(table: sa.Table, columns: tuple[str, ...]) -> str:
    types = ", ".join(f'"{name}" {table.c[name].type.compile(POSTGRESQL)}' for name in columns)
    return (
        f"INSERT INTO {table.name} ({_names(columns)}) SELECT {_names(columns)} "  # noqa: S608 - names of ours
        f"FROM json_to_recordset(%s::json) AS entered({types})"
    )


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
