"""Many rows in one statement: the hot path's only way in.

The ORM costs five times as much, and statements with a thousand placeholders are parsed anew for every size of
group. SQLite takes a prepared statement row by row, inside the process; PostgreSQL takes all rows as one JSON text
and unfolds them itself, a quarter of the cost of sending them one after another. JSON has no octets: those travel
beside it in one piece, which PostgreSQL cuts up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.engine import POSTGRESQL, is_sqlite

_OCTETS: Final = "octets"

Stored = str | int | bytes | None
"""What both databases take as it is; times as ``columns.time_text`` spells them, enums as their values."""


def insert_many(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]]) -> None:
    """Insert ``rows``, which all name the same columns. One that stands against a unique row is an error."""
    _insert(connection, table, rows, "")


def insert_new(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]]) -> None:
    """The same, but a row that stands against a unique one is left out."""
    _insert(connection, table, rows, " ON CONFLICT DO NOTHING")


def update_many(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]]) -> None:
    """Write what ``rows`` say of the rows with their ``id``; all name the same columns. Lock those rows before."""
    if not rows:
        return
    columns = tuple(name for name in rows[0] if name != "id")
    if is_sqlite(connection):
        values = [itemgetter(*columns, "id")(row) for row in rows]
        connection.exec_driver_sql(_changing_row_by_row(table, columns), values)
    else:
        connection.exec_driver_sql(_changing(table, columns), (orjson.dumps(list(rows)).decode(),))


def _insert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Stored]], clause: str) -> None:
    if not rows:
        return
    columns = tuple(rows[0])
    if is_sqlite(connection):
        values = [itemgetter(*columns)(row) for row in rows]
        connection.exec_driver_sql(_row_by_row(table, columns) + clause, values)
        return
    octets, described = _set_apart(rows) if _OCTETS in columns else ((), rows)
    connection.exec_driver_sql(_unfolding(table, columns) + clause, (*octets, orjson.dumps(described).decode()))


def _set_apart(rows: Sequence[Mapping[str, Stored]]) -> tuple[tuple[bytes], list[Mapping[str, Stored]]]:
    """All octets in one piece, and the rows with the place of theirs in it (NULL: they have none)."""
    pieces: list[bytes] = []
    described: list[Mapping[str, Stored]] = []
    start = 1  # as SQL counts
    for row in rows:
        piece = row[_OCTETS]
        place: dict[str, Stored] = {"start": None, "length": None}
        if isinstance(piece, bytes):
            place = {"start": start, "length": len(piece)}
            pieces.append(piece)
            start += len(piece)
        described.append({name: value for name, value in row.items() if name != _OCTETS} | place)
    return (b"".join(pieces),), described


@lru_cache
def _row_by_row(table: sa.Table, columns: tuple[str, ...]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table.name} ({_names(columns)}) VALUES ({marks})"  # noqa: S608 - names of ours


@lru_cache
def _unfolding(table: sa.Table, columns: tuple[str, ...]) -> str:
    types = [f'"{name}" {table.c[name].type.compile(POSTGRESQL)}' for name in columns if name != _OCTETS]
    values = _names(columns)
    if _OCTETS in columns:
        types += ["start int", "length int"]
        values = values.replace(f'"{_OCTETS}"', "substring(%s::bytea FROM start FOR length)")
    return (
        f"INSERT INTO {table.name} ({_names(columns)}) SELECT {values} "  # noqa: S608 - names of ours
        f"FROM json_to_recordset(%s::json) AS entered({', '.join(types)})"
    )


@lru_cache
def _changing_row_by_row(table: sa.Table, columns: tuple[str, ...]) -> str:
    return f"UPDATE {table.name} SET {', '.join(f'{name} = ?' for name in columns)} WHERE id = ?"  # noqa: S608 - names of ours


@lru_cache
def _changing(table: sa.Table, columns: tuple[str, ...]) -> str:
    types = ", ".join(f'"{name}" {table.c[name].type.compile(POSTGRESQL)}' for name in ("id", *columns))
    values = ", ".join(f'"{name}" = changed."{name}"' for name in columns)
    return (
        f"UPDATE {table.name} SET {values} "  # noqa: S608 - names of ours
        f"FROM json_to_recordset(%s::json) AS changed({types}) WHERE {table.name}.id = changed.id"
    )


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
