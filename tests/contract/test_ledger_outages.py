"""What the ledger does when its database does not: a temporary fault of ours, nothing half written, and it goes on."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, event, exc

from scripts.private_postgresql import PostgresServer
from tests.ledger_kit import RECIPIENT, accept, acceptance, entered
from trunk.domain.entry import AlreadyThere, Entered
from trunk.errors import LedgerUnavailableError
from trunk.storage import engine as engines
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe


@contextmanager
def opened(url: str, **options: Any) -> Iterator[Ledger]:
    engine = open_engine(url, **options)
    try:
        yield Ledger(engine)
    finally:
        engine.dispose()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LOCK_SECONDS", 0.2)


@pytest.fixture
def own_server(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """The cluster, for tests that end it; running again afterwards."""
    yield postgres_server
    if not postgres_server.running:
        postgres_server.start()


def fresh(server: PostgresServer) -> str:
    url = server.new_database()
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


def test_a_ledger_that_answers_is_checked_quietly(ledger: Ledger) -> None:
    ledger.check()


def test_a_writer_that_waits_too_long_for_another_gets_a_temporary_fault(ledger_url: str, impatient: None) -> None:
    with opened(ledger_url) as mine, opened(ledger_url) as theirs:
        with mine.begin() as book:
            book.reserve(1)
            with pytest.raises(LedgerUnavailableError) as caught:
                accept(theirs, acceptance("VB-1"))
            by_the_database = isinstance(caught.value.__cause__, exc.DBAPIError)
            assert by_the_database or "a writer of another process holds the ledger" in str(caught.value)
        entered(theirs, acceptance("VB-1"))


def test_a_writer_of_the_same_process_waits_no_longer(ledger_url: str, impatient: None) -> None:
    with opened(ledger_url) as ledger, ledger.begin() as book:
        book.reserve(1)
        with pytest.raises(LedgerUnavailableError):
            accept(ledger, acceptance("VB-1"))


def test_a_database_that_falls_silent_is_given_up_and_asked_anew(postgres_server: PostgresServer) -> None:
    with opened(fresh(postgres_server), pool_size=1, answer_seconds=0.3) as ledger:
        with ledger._engine.connect() as connection:
            silent = connection.scalar(sa.text("SELECT pg_backend_pid()"))
        os.kill(silent, signal.SIGSTOP)
        try:
            with pytest.raises(LedgerUnavailableError):
                accept(ledger, acceptance("VB-1"))
            entered(ledger, acceptance("VB-1"))
        finally:
            os.kill(silent, signal.SIGCONT)


def test_a_database_that_is_slow_within_patience_is_waited_for(postgres_server: PostgresServer) -> None:
    with opened(fresh(postgres_server), answer_seconds=5.0) as ledger, ledger._engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT 7 FROM pg_sleep(0.5)")) == 7


def test_an_exhausted_pool_is_a_temporary_fault(ledger_url: str, impatient: None) -> None:
    with opened(ledger_url, pool_size=2) as ledger, ledger.read() as one, ledger.read() as two:
        one.directory_version()
        two.directory_version()
        with pytest.raises(LedgerUnavailableError, match="no free connection"):
            ledger.check()


def test_a_missing_table_is_no_outage(engine: Engine, tmp_path: Path) -> None:
    ledger = Ledger(engine)
    with pytest.raises(exc.DBAPIError), ledger.begin() as book:
        book._connection.execute(sa.text("SELECT * FROM no_such_table"))


def test_a_fault_of_ours_shows_no_mail(ledger_url: str, impatient: None) -> None:
    with opened(ledger_url) as mine, opened(ledger_url) as theirs, mine.begin() as book:
        book.reserve(1)
        with pytest.raises(LedgerUnavailableError) as caught:
            accept(theirs, acceptance("VB-1", subject="mật"))
    assert "mật" not in f"{caught.value} {caught.value.__cause__}"


def test_a_read_only_engine_reads_and_cannot_write(ledger: Ledger, ledger_url: str) -> None:
    entered(ledger, acceptance("VB-1"))
    with opened(ledger_url, read_only=True) as desk:
        with desk.read() as view:
            assert len(view.find("VB-1")) == 1
            assert len(view.inbox([RECIPIENT], after=None, limit=9).items) == 1
        with pytest.raises(LedgerUnavailableError):
            accept(desk, acceptance("VB-2"))
    with ledger.read() as view:
        assert view.find("VB-2") == []


def test_a_read_only_engine_opens_a_ledger_that_nobody_has_open(sqlite_template: Path, tmp_path: Path) -> None:
    path = tmp_path / "a ledger?#%41.db"
    path.write_bytes(sqlite_template.read_bytes())
    with opened(sa.URL.create("sqlite", database=str(path)).render_as_string(), read_only=True) as desk:
        desk.check()


def test_a_ledger_that_is_not_there_is_a_temporary_fault(tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}/none.db", f"sqlite:///{tmp_path}/no/folder/x.db"):
        with opened(url, read_only="folder" not in url) as desk, pytest.raises(LedgerUnavailableError):
            desk.check()
    assert not (tmp_path / "none.db").exists()


def test_a_file_that_is_no_ledger_is_a_fault_of_ours(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database" * 100)
    with opened(f"sqlite:///{tmp_path}/x.db") as ledger, pytest.raises(LedgerUnavailableError):
        ledger.check()


def test_a_full_disk_refuses_new_mail_and_keeps_what_is_there(sqlite_template: Path, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(sqlite_template.read_bytes())
    engine = open_engine(f"sqlite:///{tmp_path}/x.db", pool_size=1)
    scribe = Scribe(Ledger(engine))
    kept = scribe.accept(acceptance("VB-1")).result(20)

    @event.listens_for(engine, "checkout")
    def shrink(connection: sqlite3.Connection, *_: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # no less than it has now

    error = scribe.accept(acceptance("VB-2", bytes(100_000))).exception(20)
    assert isinstance(error, LedgerUnavailableError)
    assert "SQLITE_FULL" in str(error)
    again = scribe.accept(acceptance("VB-1")).result(20)
    assert isinstance(kept, Entered)
    assert again == AlreadyThere(kept.accepted)
    scribe.close()
    engine.dispose()


@pytest.mark.postgres
def test_a_server_that_is_down_is_a_temporary_fault_and_the_scribe_lives_on(own_server: PostgresServer) -> None:
    with opened(fresh(own_server)) as ledger:
        scribe = Scribe(ledger)
        kept = scribe.accept(acceptance("VB-1")).result(20)
        own_server.stop()
        with pytest.raises(LedgerUnavailableError):
            ledger.check()
        error = scribe.accept(acceptance("VB-2")).exception(20)
        assert isinstance(error, LedgerUnavailableError)
        assert isinstance(scribe.perform(lambda book: book.view.depth()).exception(20), LedgerUnavailableError)
        own_server.start()
        assert isinstance(kept, Entered)
        assert scribe.accept(acceptance("VB-1")).result(20) == AlreadyThere(kept.accepted)
        assert isinstance(scribe.accept(acceptance("VB-2")).result(20), Entered)
        scribe.close()


@pytest.mark.postgres
@pytest.mark.parametrize("moment", ["before the commit", "in the commit"])
def test_a_server_that_is_killed_under_a_group_loses_nothing_that_was_answered(
    own_server: PostgresServer, moment: str
) -> None:
    engine = open_engine(fresh(own_server))
    scribe = Scribe(Ledger(engine))
    commit: Callable[[Any], None] = engine.dialect.do_commit

    def kill_first(connection: Any) -> None:
        if moment == "in the commit":
            commit(connection)  # it is committed, and nobody hears of it
        engine.dialect.do_commit = commit
        own_server.kill()
        connection.execute("SELECT 1")

    engine.dialect.do_commit = kill_first
    submitted = [acceptance(f"VB-{n}") for n in range(5)]
    futures = [scribe.accept(a) for a in submitted]
    for future in futures:
        assert isinstance(future.exception(30), LedgerUnavailableError)
    own_server.start()
    again = [scribe.accept(a).result(30) for a in submitted]
    scribe.close()
    engine.dispose()
    assert len(again) == 5  # each is one envelope, whichever of the two times it was entered
    with opened(str(engine.url.render_as_string(hide_password=False))) as ledger, ledger.read() as view:
        assert [len(view.find(f"VB-{n}")) for n in range(5)] == [1] * 5


@pytest.mark.postgres
def test_a_connection_that_is_lost_in_the_middle_of_a_group_is_everybodys_fault(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    migrate.upgrade(engine)
    scribe = Scribe(Ledger(engine), linger_seconds=0.5)
    futures = [scribe.accept(acceptance("VB-1"))]
    futures += [
        scribe.perform(lambda book: book._connection.execute(sa.text("SELECT pg_terminate_backend(pg_backend_pid())"))),
        scribe.perform(lambda book: book.accept([acceptance("VB-2")])),
    ]
    assert {type(future.exception(20)) for future in futures} == {LedgerUnavailableError}
    assert isinstance(scribe.accept(acceptance("VB-1")).result(20), Entered)
    scribe.close()
    engine.dispose()


@pytest.mark.postgres
def test_a_server_that_has_become_read_only_is_a_temporary_fault(own_server: PostgresServer) -> None:
    url = fresh(own_server)
    name = url.rsplit("/", 1)[1]
    own_server.sql(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    with opened(url) as ledger, pytest.raises(LedgerUnavailableError):
        accept(ledger, acceptance("VB-1"))


@pytest.mark.postgres
def test_a_server_without_a_free_connection_is_a_temporary_fault(own_server: PostgresServer) -> None:
    url = fresh(own_server)
    with opened(url) as ledger, ExitStack() as others:
        while (other := _one_more(url)) is not None:
            others.callback(other.close)
        with pytest.raises(LedgerUnavailableError):
            accept(ledger, acceptance("VB-1"))
        others.close()
        entered(ledger, acceptance("VB-1"))


def _one_more(url: str) -> psycopg.Connection | None:
    """Of the connections that the server has; None if there is no other."""
    try:
        return psycopg.connect(url)
    except psycopg.OperationalError:
        return None


@pytest.mark.postgres
def test_every_postgresql_session_has_the_settings_that_the_promises_need(postgres_url: str) -> None:
    engine = open_engine(f"{postgres_url}?options=-csynchronous_commit%3Doff%20-csearch_path%3Dpublic")
    with engine.connect() as connection:
        settings = {
            name: connection.execute(sa.text(f"SHOW {name}")).scalar_one()
            for name in ("synchronous_commit", "lock_timeout", "timezone", "search_path", "application_name")
        }
    engine.dispose()
    assert settings == {
        "synchronous_commit": "on",  # whatever the URL or the server says
        "lock_timeout": "10s",
        "timezone": "UTC",
        "search_path": "public",
        "application_name": "edoc-trunk",
    }
