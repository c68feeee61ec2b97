"""The revisions make the tables that the program was written for, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from tests.ledger_kit import DATABASES
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.tables import METADATA


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_url")
    return url


@pytest.fixture
def empty(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    yield engine
    engine.dispose()


def test_tables_and_revisions_say_the_same(empty: Engine) -> None:
    migrate.upgrade(empty)
    with empty.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_checks_and_conditions_of_indexes_say_the_same(empty: Engine, tmp_path: Path) -> None:
    """What compare_metadata does not look at: SQLite keeps the words of every definition."""
    if empty.dialect.name != "sqlite":
        return
    migrate.upgrade(empty)
    declared = open_engine(f"sqlite:///{tmp_path}/declared.db")
    METADATA.create_all(declared)
    assert _words(empty) == _words(declared)
    declared.dispose()


def test_an_upgrade_says_where_it_arrived_and_does_nothing_the_second_time(empty: Engine) -> None:
    assert migrate.current(empty) is None
    assert not migrate.is_current(empty)
    arrived = migrate.upgrade(empty)
    assert arrived == migrate.upgrade(empty) == migrate.current(empty) == migrate.newest()
    assert migrate.is_current(empty)


def test_a_read_only_engine_can_tell_the_revision(empty: Engine, url: str) -> None:
    migrate.upgrade(empty)
    desk = open_engine(url, read_only=True)
    assert migrate.is_current(desk)
    desk.dispose()


def test_processes_that_start_together_upgrade_once(url: str) -> None:
    engines = [open_engine(url) for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(migrate.upgrade, engines)) == [migrate.newest()] * 3
    for engine in engines:
        engine.dispose()


def test_an_upgrade_that_fails_leaves_nothing_behind(empty: Engine) -> None:
    with empty.begin() as connection:
        connection.execute(sa.text("CREATE TABLE system_agency (x integer)"))  # in the way, late in the revision
    with pytest.raises(sa.exc.DBAPIError):
        migrate.upgrade(empty)
    assert sa.inspect(empty).get_table_names() == ["system_agency"]
    assert migrate.current(empty) is None


def _words(engine: Engine) -> dict[str, set[str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')"))
        definitions = {row.name: row.sql or "" for row in rows if not row.name.startswith(("sqlite_", "alembic_"))}
    return {
        name: {line.strip().rstrip(",") for line in sql.splitlines() if "CONSTRAINT" in line or "INDEX" in line}
        for name, sql in definitions.items()
    }
