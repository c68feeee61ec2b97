"""How alembic is led along the revisions."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

_HOME: Final = Path(__file__).with_name("migrations")


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run what is missing, in the transaction that ``connection`` is in."""
    command.upgrade(config(connection), to)


def oldest_program(revision: str) -> str:
    """What that revision says of older programs."""
    oldest: str = scripts().get_revision(revision).module.oldest_program
    return oldest


def scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(config())


def config(connection: Connection | None = None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(_HOME).replace("%", "%%"))
    made.set_main_option("path_separator", "os")
    made.attributes["connection"] = connection
    return made
