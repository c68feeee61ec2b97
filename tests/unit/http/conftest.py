from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.unit.http.fakes import House
from tests.unit.http.serving import Client, serving
from trunk.http.app import HANDLER_ARGS, make_app


@pytest.fixture(autouse=True)
def no_lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody sends on after a refusal here."""
    monkeypatch.setitem(HANDLER_ARGS, "lingering_time", 0.1)


@pytest.fixture
def quiet() -> Iterator[None]:
    """The service's thread logs when pytest no longer listens."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def house(tmp_path: Path, quiet: None) -> House:
    """Change what it plays before ``client`` is asked for."""
    return House(tmp_path)


@pytest.fixture
def client(house: House) -> Iterator[Client]:
    """The sender's system."""
    with serving(make_app(house.doors()), key="edoc_s_1") as client:
        yield client


@pytest.fixture
def recipient(client: Client) -> Client:
    return client.using("edoc_r_1")
