"""A copy of the whole ledger as it is at one moment, taken while others write; and the way back.

SQLite copies pages within one read transaction. PostgreSQL dumps in the snapshot of the transaction that has read
heads and names of objects, so that all three are of the same moment.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, make_url

from trunk.errors import ConfigurationError
from trunk.storage import journal, migrate
from trunk.storage.chain import Head
from trunk.storage.engine import is_sqlite, reading
from trunk.storage.tables import PAYLOAD

_PAGES: Final = 2_000
_TOOLS: Final = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What a copy holds."""

    database: str  #: sqlite or postgresql
    revision: str
    heads: Sequence[Head]
    objects: Sequence[tuple[str, int]]  #: SHA-256 and size of what lies in the payload store


def take(engine: Engine, file: Path, passed: Callable[[int, int], None]) -> Snapshot:
    """Copy the ledger to ``file``, which is new and its owner's alone; ``passed`` is told how much of how much is done.

    Raises ``FileExistsError``.
    """
    file.touch(mode=0o600, exist_ok=False)  # SQLite and pg_dump keep the mode of a file that is there
    with reading(engine) as connection:
        if not is_sqlite(engine):
            connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        large = sa.select(PAYLOAD.c.sha256, PAYLOAD.c.size).where(PAYLOAD.c.octets.is_(None))
        held = Snapshot(
            database=engine.dialect.name,
            revision=migrate.revision(connection) or "",
            heads=journal.heads(connection),
            objects=[(row.sha256, row.size) for row in connection.execute(large)],
        )
        _copy_sqlite(connection, file, passed) if is_sqlite(engine) else _dump(connection, engine, file)
    return held


def _copy_sqlite(connection: Connection, file: Path, passed: Callable[[int, int], None]) -> None:
    source = connection.connection.driver_connection
    if not isinstance(source, sqlite3.Connection):
        raise TypeError("not a connection to SQLite")
    with closing(sqlite3.connect(file)) as target:
        source.backup(target, pages=_PAGES, progress=lambda _, left, total: passed(total - left, total))
        target.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it


def _dump(connection: Connection, engine: Engine, file: Path) -> None:
    moment = connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
    options = ("--format=custom", "--no-owner", "--no-privileges", f"--snapshot={moment}", f"--file={file}")
    _run("pg_dump", engine.url.render_as_string(hide_password=False), options)


def restore(url: str, file: Path) -> None:
    """Fill an empty PostgreSQL database from a dump, whole or not at all."""
    options = ("--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error", str(file))
    _run("pg_restore", url, options)


def is_empty(engine: Engine) -> bool:
    """Whether there is not one table."""
    with reading(engine) as connection:
        return not sa.inspect(connection).get_table_names()


def _run(tool: str, written: str, options: Sequence[str]) -> None:
    url = make_url(written)
    plain = url.set(drivername="postgresql", password="").difference_update_query(["options"])
    target = plain.render_as_string(hide_password=False).replace(":@", "@", 1)
    environment = {"PATH": f"{os.defpath}:/usr/local/bin:/usr/bin", "LC_ALL": "C"}
    if url.password:
        environment["PGPASSWORD"] = str(url.password)  # not where `ps` shows it
    done = subprocess.run(  # noqa: S603 - a program of the database's
        [_found(tool), f"--dbname={target}", *options], env=environment, capture_output=True, check=False
    )
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["without a word"])[-1]
        raise ConfigurationError(f"{tool} ended with {done.returncode}: {last}")


def _found(tool: str) -> str:
    """The newest of the installed ones: an older one refuses a newer server."""
    installed = sorted(_TOOLS.glob(f"*/bin/{tool}"), key=lambda path: path.parts[-3].zfill(4))
    found = str(installed[-1]) if installed else shutil.which(tool)
    if found is None:
        raise ConfigurationError(f"{tool} is not installed: it comes with PostgreSQL's client (postgresql-client)")
    return found
