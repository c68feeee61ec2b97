"""The town that the commands are tried in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.unit.cli.town import Town
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("ledger") / "ledger.db"
    engine = open_engine(f"sqlite:///{file}")
    migrate.upgrade(engine)
    engine.dispose()
    return file


@pytest.fixture(autouse=True)
def log_as_before() -> Iterator[None]:
    """Commands silence the log for themselves; tests after them in this process want theirs."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def town(empty_ledger: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.chdir(tmp_path)
    shutil.copy(empty_ledger, tmp_path / "ledger.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    made = Town(ledger=Ledger(engine), folder=tmp_path)
    made.register()
    yield made
    engine.dispose()
