"""The revisions make the tables that the program was written for, on both databases."""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine

from tests.ledger_kit import AT, DATABASES
from trunk.domain.agency import Mandate
from trunk.domain.delivery import DeliveryId
from trunk.errors import ConfigurationError
from trunk.storage import alembic_road, migrate
from trunk.storage.columns import time_text
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.migrate import Fit
from trunk.storage.tables import AGENCY, COMPATIBILITY, MANDATE, METADATA


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
    assert migrate.fit(empty) is not Fit.CURRENT
    arrived = migrate.upgrade(empty)
    assert arrived == migrate.upgrade(empty) == migrate.current(empty) == migrate.newest()
    assert migrate.fit(empty) is Fit.CURRENT


def test_a_read_only_engine_can_tell_the_revision(empty: Engine, url: str) -> None:
    migrate.upgrade(empty)
    desk = open_engine(url, read_only=True)
    assert migrate.fit(desk) is Fit.CURRENT
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


_FIRST = """
INSERT INTO agency (code, name, old_code, mode, signature_policy, active) VALUES
    ('H41', 'Sở', '000.00.00.H41', 'pull', 'deliver-marked', true), ('H36', 'Bộ', '', 'amqp', 'required', false);
INSERT INTO agency_code (code, agency, ordinal) VALUES
    ('H41', 'H41', 0), ('000.00.00.H41', 'H41', 1), ('H36', 'H36', 0);
INSERT INTO mandate (agency, ordinal, fingerprint, valid_from, valid_until) VALUES
    ('H41', 0, 'aa', '2026-11-22 08:30:00.000000+00:00', NULL), ('H41', 1, 'bb', NULL, NULL);
INSERT INTO system (id, name, active) VALUES ('h41', 'x', true);
INSERT INTO system_agency (system, agency) VALUES ('h41', 'H41')
"""


def test_a_directory_of_the_first_tables_is_kept(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(alembic_road.config(connection), "0001")
        for statement in _FIRST.split(";"):
            connection.execute(sa.text(statement))
    assert migrate.fit(empty) is not Fit.CURRENT
    migrate.upgrade(empty)
    with Ledger(empty).begin() as book:
        first, second = book.view.directory().agencies
        assert (first.code, first.signature_policy, first.mandates) == ("H36", "required", ())
        assert (second.code, second.signature_policy, second.old_code) == ("H41", "deliver-marked", "000.00.00.H41")
        kept = (Mandate(fingerprint="aa", valid_from=AT), Mandate(fingerprint="bb"))
        assert second.mandates == kept
        long = dataclasses.replace(
            second, signature_policy="required-on-main-document", mandates=(*kept, Mandate(uid="MST:1", domain="d"))
        )
        book.put_agency(long)
        assert book.view.directory().find("H41") == long
        (system,) = book.view.systems()
        assert system.agencies == {"H41"}


@pytest.mark.parametrize("who", [("", ""), ("aa", "MST:1")])
def test_a_mandate_of_nobody_or_of_two_is_refused_by_the_database(empty: Engine, who: tuple[str, str]) -> None:
    migrate.upgrade(empty)
    with pytest.raises(sa.exc.IntegrityError), empty.begin() as connection:
        connection.execute(sa.insert(AGENCY).values(code="H41", name="x", old_code="", mode="pull", active=True))
        values = {"agency": "H41", "ordinal": 0, "fingerprint": who[0], "uid": who[1], "domain": ""}
        connection.execute(sa.insert(MANDATE).values(values))


def _words(engine: Engine) -> dict[str, set[str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')"))
        definitions = {row.name: row.sql or "" for row in rows if not row.name.startswith(("sqlite_", "alembic_"))}
    return {
        name: {line.strip().rstrip(",") for line in sql.splitlines() if "CONSTRAINT" in line or "INDEX" in line}
        for name, sql in definitions.items()
    }


def test_what_may_have_been_fetched_before_it_was_on_record_counts_as_fetched(empty: Engine) -> None:
    """A recall then asks for it, and never claims to have held it back."""
    with empty.begin() as connection:
        command.upgrade(alembic_road.config(connection), "0003")
        metadata = sa.MetaData()
        metadata.reflect(connection, only=["envelope", "delivery"])
        for state in ("queued", "dispatched", "deferred", "expired", "delivered"):
            waits = state in ("queued", "dispatched", "deferred")
            retry = AT if state == "deferred" else None
            values = {"id": state, "envelope_id": state, "state": state, "waiting": waits, "retry_at": retry}
            _insert(connection, metadata.tables["envelope"], {"id": state, "identity": state})
            _insert(connection, metadata.tables["delivery"], values)
    migrate.upgrade(empty)
    with Ledger(empty).read() as view:
        fetched = {one: view.delivery(DeliveryId(one)) for one in ("queued", "dispatched", "deferred", "expired")}
    assert [one.fetched_at for one in fetched.values() if one is not None] == [AT] * 4


def test_what_waits_after_a_replay_says_so_after_the_upgrade(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(alembic_road.config(connection), "0007")
        metadata = sa.MetaData()
        metadata.reflect(connection, only=["envelope", "delivery", "journal"])
        for number, (name, event) in enumerate([("replayed", "replay_ordered"), ("road", "fell_due")]):
            values = {"id": name, "envelope_id": name, "state": "queued", "waiting": True}
            _insert(connection, metadata.tables["envelope"], {"id": name, "identity": name})
            _insert(connection, metadata.tables["delivery"], values)
            line = {"id": number, "envelope_id": name, "delivery_id": name, "event": event, "at": time_text(AT)}
            _insert(connection, metadata.tables["journal"], line)
    migrate.upgrade(empty)
    with Ledger(empty).read() as view:
        told = [one.replayed_at for name in ("replayed", "road") if (one := view.delivery(DeliveryId(name)))]
    assert told == [AT, None]


def _insert(connection: sa.Connection, table: sa.Table, known: dict[str, object]) -> None:
    """A row in which whatever is not known has something that fits."""
    text = time_text(AT)
    fits = {"retry_at": known.get("retry_at") and text, "about": None, "attachments": "[]", "kind": "document"}
    row = {
        column.name: known.get(column.name, fits.get(column.name, _something(column, text))) for column in table.columns
    }
    row |= {"retry_at": fits["retry_at"]} if "retry_at" in row else {}
    connection.execute(sa.insert(table).values(row))


def _something(column: sa.Column[object], text: str) -> object:
    if column.nullable:
        return None
    if column.name.endswith("_at"):
        return text
    return {"INTEGER": 0, "BIGINT": 0, "BOOLEAN": False}.get(str(column.type), "x")


_KILLED_AT_THE_FOURTH: Final = """
import os, signal, sys
from sqlalchemy import event
from trunk.storage import migrate
from trunk.storage.engine import open_engine

engine = open_engine(sys.argv[1])

@event.listens_for(engine, "after_cursor_execute")
def die(_connection, _cursor, statement, parameters, *_):
    if statement.startswith("UPDATE alembic_version") and "0004" in f"{statement} {parameters}":
        os.kill(os.getpid(), signal.SIGKILL)

migrate.upgrade(engine)
"""


@pytest.mark.parametrize("before", [None, "0002"])
def test_an_upgrade_that_is_killed_did_nothing_and_the_next_one_finishes(
    empty: Engine, url: str, before: str | None
) -> None:
    if before:
        with empty.begin() as connection:
            command.upgrade(alembic_road.config(connection), before)
    killed = subprocess.run([sys.executable, "-c", _KILLED_AT_THE_FOURTH, url], check=False, timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert migrate.current(empty) == before
    assert migrate.upgrade(empty) == migrate.current(empty) == migrate.newest()
    migrate.require_fit(empty)


# two releases on the same tables


def _make_later(engine: Engine, *, oldest_program: str) -> None:
    """As a release of the future leaves the tables."""
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
        connection.execute(sa.update(COMPATIBILITY).values(oldest_program=oldest_program))


def test_a_later_release_says_whether_this_one_may_work_on(empty: Engine) -> None:
    assert migrate.fit(empty) is Fit.EMPTY
    migrate.upgrade(empty)
    _make_later(empty, oldest_program=migrate.newest())
    assert migrate.fit(empty) is Fit.NEWER
    migrate.require_fit(empty)
    assert migrate.upgrade(empty) == "9999", "nothing to do, and nothing undone"
    _make_later(empty, oldest_program="9999")
    assert migrate.fit(empty) is Fit.TOO_NEW
    with pytest.raises(ConfigurationError, match="later release"):
        migrate.require_fit(empty)
    assert migrate.upgrade(empty) == "9999"


def test_tables_of_an_earlier_release_are_asked_to_be_upgraded(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(alembic_road.config(connection), "0007")
    assert migrate.fit(empty) is Fit.OLDER
    with pytest.raises(ConfigurationError, match="trunk admin upgrade"):
        migrate.require_fit(empty)


def test_the_files_are_named_after_the_revisions_that_alembic_knows() -> None:
    script = alembic_road.scripts()
    assert migrate.known() == {one.revision for one in script.walk_revisions()}
    assert [migrate.newest()] == script.get_heads()


def test_every_revision_says_which_programs_it_lets_work_on() -> None:
    script = alembic_road.scripts()
    later = [one for one in script.walk_revisions() if one.revision >= "0009"]
    assert later
    for one in later:
        assert "0009" <= one.module.oldest_program <= one.revision


def test_an_upgrade_waits_for_a_table_without_holding_up_the_others(postgres_url: str) -> None:
    engine, others = open_engine(postgres_url), open_engine(postgres_url)
    with engine.begin() as connection:
        command.upgrade(alembic_road.config(connection), "0003")
    pauses: list[float] = []
    with others.connect() as busy:
        busy.execute(sa.text("SELECT * FROM delivery"))

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            with others.connect() as another:
                another.execute(sa.text("SELECT * FROM delivery"))  # does not wait behind the upgrade
            if len(pauses) == 2:
                busy.rollback()

        assert migrate.upgrade(engine, pause=pause) == migrate.newest()
    assert len(pauses) == 2
    engine.dispose()
    others.dispose()
