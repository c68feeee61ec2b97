from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.http.fakes import House
from tests.unit.http.serving import Client, serving
from trunk.http.app import make_app


@pytest.fixture
def house(tmp_path: Path) -> House:
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
