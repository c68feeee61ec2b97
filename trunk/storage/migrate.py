"""Bringing a ledger's tables up to date.

All revisions that are missing run in one transaction, on both databases: a ledger is never half migrated, and two
processes that start together take turns.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine

from trunk.errors import LedgerUnavailableError
from trunk.storage.engine import is_sqlite, reading
from trunk.storage.faults import told_as_ours

_HOME: Final = Path(__file__).with_name("migrations")
_TURN: Final = 0x65646F63  # "edoc": the number of the lock under which PostgreSQL's migrations take turns


def upgrade(engine: Engine) -> str:
    """Run what is missing (nothing, if the ledger is current); the revision that the tables have now."""
    with told_as_ours(), engine.begin() as connection:
        if not is_sqlite(connection):
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))
        command.upgrade(_config(connection), "head")
    return newest()


def current(engine: Engine) -> str | None:
    """The revision that the ledger's tables have; ``None`` for an empty database."""
    with told_as_ours(), reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def is_current(engine: Engine) -> bool:
    """Whether this program and the ledger's tables belong together."""
    return current(engine) == newest()


def is_another(engine: Engine) -> bool:
    """The opposite, of a database that answers; one that is away is not said to be of another version."""
    try:
        with told_as_ours():
            return not is_current(engine)
    except LedgerUnavailableError:
        return False


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
