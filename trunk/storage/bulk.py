"""Many rows in one statement, of several tables if need be: the hot path's only way in.

The ORM costs five times as much, and statements with a thousand placeholders are parsed anew for every size of
group. SQLite takes a prepared statement row by row, inside the process; PostgreSQL takes all rows as one JSON text
and unfolds them itself, a quarter of the cost of sending them one after another, and takes the rows of several tables
in one statement: each statement more costs as much as two entries. JSON has no octets: those travel beside it in one
piece, which PostgreSQL cuts up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.engine import POSTGRESQL, is_sqlite

_OCTETS: Final = "octets"

Stored = str | int | bytes | None
"""What both databases take as it is; times as ``columns.time_text`` spells them, enums as their values."""
Rows = Sequence[Mapping[str, Stored]]


@dataclass(frozen=True, slots=True)
class Insert:
    """Rows that all name the same columns. One that stands against a unique row is an error, or is left out."""

    table: sa.Table
    rows: Rows
    unless_there: bool = False

    def row_by_row(self) -> tuple[str, list[Any]]:
        columns = tuple(self.rows[0])
        return _row_by_row(self.table, columns) + self._clause, list(map(itemgetter(*columns), self.rows))

    def unfolded(self) -> tuple[str, tuple[str | bytes, ...]]:
        columns = tuple(self.rows[0])
        octets, described = _set_apart(self.rows) if _OCTETS in columns else ((), self.rows)
        return _unfolding(self.table, columns) + self._clause, (*octets, orjson.dumps(described).decode())

    @property
    def _clause(self) -> str:
        return " ON CONFLICT DO NOTHING" if self.unless_there else ""


@dataclass(frozen=True, slots=True)
class Update:
    """What rows say of those with the same ``key``; all name the same columns. Lock those before."""

    table: sa.Table
    rows: Rows
    key: str = "id"

    def row_by_row(self) -> tuple[str, list[Any]]:
        columns = self._columns
        values = [itemgetter(*columns, self.key)(row) for row in self.rows]
        return _changing_row_by_row(self.table, columns, self.key), values

    def unfolded(self) -> tuple[str, tuple[str | bytes, ...]]:
        return _changing(self.table, self._columns, self.key), (orjson.dumps(list(self.rows)).decode(),)

    @property
    def _columns(self) -> tuple[str, ...]:
        return tuple(name for name in self.rows[0] if name != self.key)


def write_rows(connection: Connection, *writes: Insert | Update) -> None:
    """All of them, none of which asks for what another one writes: for PostgreSQL they are one statement."""
    wanted = [one for one in writes if one.rows]
    if is_sqlite(connection):
        for one in wanted:
            connection.exec_driver_sql(*one.row_by_row())
        return
    if wanted:
        texts, values = zip(*(one.unfolded() for one in wanted), strict=True)
        connection.exec_driver_sql(_as_one(texts), tuple(chain.from_iterable(values)))


def insert_many(connection: Connection, table: sa.Table, rows: Rows) -> None:
    """Insert ``rows``, which all name the same columns. One that stands against a unique row is an error."""
    write_rows(connection, Insert(table, rows))


def insert_new(connection: Connection, table: sa.Table, rows: Rows) -> None:
    """The same, but a row that stands against a unique one is left out."""
    write_rows(connection, Insert(table, rows, unless_there=True))


@lru_cache
def _as_one(texts: tuple[str, ...]) -> str:
    """A statement for several: each of them sees what was there before, and constraints are looked at when all are
    done."""
    *others, last = texts
    named = ", ".join(f"w{number} AS ({text})" for number, text in enumerate(others))
    return f"WITH {named} {last}" if others else last


def _set_apart(rows: Rows) -> tuple[tuple[bytes], list[Mapping[str, Stored]]]:
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
def _changing_row_by_row(table: sa.Table, columns: tuple[str, ...], key: str) -> str:
    changes = ", ".join(f"{name} = ?" for name in columns)
    return f"UPDATE {table.name} SET {changes} WHERE {key} = ?"  # noqa: S608 - names of ours


@lru_cache
def _changing(table: sa.Table, columns: tuple[str, ...], key: str) -> str:
    types = ", ".join(f'"{name}" {table.c[name].type.compile(POSTGRESQL)}' for name in (key, *columns))
    values = ", ".join(f'"{name}" = changed."{name}"' for name in columns)
    return (
        f"UPDATE {table.name} SET {values} "  # noqa: S608 - names of ours
        f"FROM json_to_recordset(%s::json) AS changed({types}) WHERE {table.name}.{key} = changed.{key}"
    )


def _names(columns: tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in columns)
