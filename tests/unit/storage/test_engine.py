"""The settings on which the promises of the ledger rest."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from trunk.errors import ConfigurationError
from trunk.storage.engine import open_engine


def asked(path: Path, *names: str, read_only: bool = False) -> list[object]:
    engine = open_engine(f"sqlite:///{path}", read_only=read_only)
    with engine.connect() as connection:
        answers = [connection.execute(sa.text(f"PRAGMA {name}")).scalar_one() for name in names]
    engine.dispose()
    return answers


def test_sqlite_syncs_every_commit_and_keeps_its_references(tmp_path: Path) -> None:
    names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
    assert asked(tmp_path / "x.db", *names) == ["wal", 2, 1, 10_000]


def test_a_reader_can_only_ask(tmp_path: Path) -> None:
    asked(tmp_path / "x.db", "journal_mode")
    assert asked(tmp_path / "x.db", "query_only", read_only=True) == [1]


def test_a_new_ledger_is_its_owners_alone(tmp_path: Path) -> None:
    asked(tmp_path / "x.db", "journal_mode")
    assert stat.S_IMODE((tmp_path / "x.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://x/y"])
def test_what_cannot_hold_a_ledger_is_refused_with_what_to_write_instead(url: str) -> None:
    with pytest.raises(ConfigurationError, match="sqlite:///path"):
        open_engine(url)


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg_with_our_settings(scheme: str) -> None:
    engine = open_engine(f"{scheme}://trunk:pw@h:5/db?options=-csearch_path%3Dx&sslmode=require")
    _, given = engine.dialect.create_connect_args(engine.url)
    assert engine.driver == "psycopg"
    assert given["sslmode"] == "require"
    assert "options" not in given  # joined with ours, which go with every connection
    engine.dispose()


def test_every_postgresql_connection_is_asked_to_wait_for_the_disk() -> None:
    asked: dict[str, object] = {}
    engine = open_engine("postgresql://trunk@h:5/db?options=-csynchronous_commit%3Doff")

    @event.listens_for(engine, "do_connect")
    def look(*given: object) -> None:
        asked.update(given[-1])
        raise InterruptedError  # there is nobody to connect to

    with pytest.raises(InterruptedError):
        engine.connect()
    engine.dispose()
    last_word = str(asked["options"]).split("-c ")[1:]
    assert "synchronous_commit=on" in [word.strip() for word in last_word]
