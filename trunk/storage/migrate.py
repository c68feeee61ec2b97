"""Bringing a ledger's tables up to date.

All revisions that are missing run in one transaction, on both databases: a ledger is never half migrated, and two
processes that start together take turns.

Nodes are replaced one after the other, so for a while programs of two releases share the tables. A revision says in
``oldest_program`` which revision a program must at least have been written for to work on its tables; that is kept in
the tables themselves, for a program cannot know the revisions that come after it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from trunk.errors import ConfigurationError, LedgerUnavailableError
from trunk.storage.engine import is_sqlite, reading
from trunk.storage.faults import is_collision, told_as_ours
from trunk.storage.tables import COMPATIBILITY

_HOME: Final = Path(__file__).with_name("migrations")
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
    with told_as_ours(), engine.begin() as connection:
        if not is_sqlite(connection):
            connection.execute(sa.text("SET LOCAL lock_timeout = 0"))  # another upgrade may take its time
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
        there = _revision(connection)
        if there is not None and there not in known():
            return there
        command.upgrade(_config(connection), "head")
        connection.execute(sa.update(COMPATIBILITY).values(oldest_program=_oldest_program()))
    return newest()


def current(engine: Engine) -> str | None:
    """The revision that the ledger's tables have; ``None`` for an empty database."""
    with told_as_ours(), reading(engine) as connection:
        return _revision(connection)


def fit(engine: Engine) -> Fit:
    """Whether this program may work on the ledger's tables. Raises ``LedgerUnavailableError``."""
    with told_as_ours(), reading(engine) as connection:
        there = _revision(connection)
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


def _revision(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _oldest_program() -> str:
    """What the newest revision says of older programs."""
    script = ScriptDirectory.from_config(_config()).get_revision(newest())
    oldest: str = script.module.oldest_program
    return oldest


def newest() -> str:
    """The revision that this program was written for."""
    (head,) = ScriptDirectory.from_config(_config()).get_heads()
    return head


def known() -> set[str]:
    """All revisions that this program can bring up to date."""
    return {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HOME).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config
