"""Bringing a ledger's tables up to date.

All revisions that are missing run in one transaction, on both databases: a ledger is never half migrated, and two
processes that start together take turns.

Nodes are replaced one after the other, so for a while programs of two releases share the tables. A revision says in
``oldest_program`` which revision a program must at least have been written for to work on its tables; that is kept in
the tables themselves, for a program cannot know the revisions that come after it.

Alembic does the work (``alembic_road``); a process that only asks whether the tables fit does not load it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from trunk.errors import ConfigurationError, LedgerUnavailableError
from trunk.storage.engine import is_sqlite, reading, writers_turn
from trunk.storage.faults import is_collision, told_as_ours
from trunk.storage.tables import COMPATIBILITY

_HOME: Final = Path(__file__).with_name("migrations")
_VERSION: Final = sa.table("alembic_version", sa.column("version_num"))
_TRIES: Final = 30
_PAUSE_SECONDS: Final = 2.0
_LOCK_SECONDS: Final = 2
"""A table that is to be altered is waited for so long, and everybody else waits behind us; then we step back."""
_TURN: Final = 0x65646F63  # "edoc": the number of the lock under which PostgreSQL's migrations take turns


class Fit(StrEnum):
    """How the tables and this program go together."""

    CURRENT = "current"
    EMPTY = "empty"  #: no tables yet
    OLDER = "older"  #: `upgrade` makes them fit
    NEWER = "newer"  #: of a later release that lets this program work on: the middle of a rolling upgrade
    TOO_NEW = "too new"  #: of a later release that does not


def upgrade(engine: Engine, *, pause: Callable[[float], None] = time.sleep) -> str:
    """Run what is missing (nothing, if the ledger is current or newer); the revision that the tables have now.

    May run under the load of other nodes: it waits for a table for a moment only, then lets the others through and
    tries again. Raises ``LedgerUnavailableError`` when they never let it in, or the database is away.
    """
    for left in reversed(range(_TRIES)):
        try:
            return _upgrade(engine)
        except LedgerUnavailableError as error:
            if not (left and is_collision(error)):
                raise
            pause(_PAUSE_SECONDS)
    raise AssertionError("the last try returns or raises")


def _upgrade(engine: Engine) -> str:
    with told_as_ours(), writers_turn(engine), engine.begin() as connection:
        if not is_sqlite(connection):
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))  # another upgrade may take its time
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        there = revision(connection)
        if there is not None and there not in known():
            return there
        from trunk.storage import alembic_road  # noqa: PLC0415  alembic: for who brings tables up to date

        alembic_road.upgrade(connection)
        connection.execute(sa.update(COMPATIBILITY).values(oldest_program=alembic_road.oldest_program(newest())))
    return newest()


def current(engine: Engine) -> str | None:
    """The revision that the ledger's tables have; ``None`` for an empty database."""
    with told_as_ours(), reading(engine) as connection:
        return revision(connection)


def fit(engine: Engine) -> Fit:
    """Whether this program may work on the ledger's tables. Raises ``LedgerUnavailableError``."""
    with told_as_ours(), reading(engine) as connection:
        there = revision(connection)
        if there == newest():
            return Fit.CURRENT
        if there is None:
            return Fit.EMPTY
        if there in known():
            return Fit.OLDER
        oldest = connection.execute(sa.select(COMPATIBILITY.c.oldest_program)).scalar_one()
        return Fit.NEWER if oldest <= newest() else Fit.TOO_NEW


def require_fit(engine: Engine) -> None:
    """Return if this program may work on the tables. Raises ``ConfigurationError``, ``LedgerUnavailableError``."""
    match fit(engine):
        case Fit.EMPTY | Fit.OLDER:
            raise ConfigurationError("the ledger's tables are missing or of another version: run `trunk admin upgrade`")
        case Fit.TOO_NEW:
            raise ConfigurationError(
                "the ledger's tables are of a later release that this one cannot work with: install that release"
            )
        case Fit.CURRENT | Fit.NEWER:
            return


def revision(connection: Connection) -> str | None:
    """The one that these tables have; ``None`` where there are none."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.execute(sa.select(_VERSION.c.version_num)).scalar_one_or_none()
    return found


def newest() -> str:
    """The revision that this program was written for."""
    return max(known())


@cache
def known() -> frozenset[str]:
    """All revisions that this program can bring up to date: by their files, which are named after them."""
    return frozenset(file.stem[1:5] for file in _HOME.glob("versions/r[0-9][0-9][0-9][0-9]_*.py"))
