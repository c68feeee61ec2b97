from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lgsp_kit import Lgsp
from tests.unit.http.lgsp.house import LgspHouse
from tests.unit.http.serving import Client, serving
from trunk.http.app import make_app
from trunk.http.lgsp.entrance import facade


@pytest.fixture
def house(tmp_path: Path, quiet: None) -> LgspHouse:
    return LgspHouse(tmp_path)


@pytest.fixture
def client(house: LgspHouse) -> Iterator[Client]:
    with serving(make_app(house.doors(), facade(house.lgsp()))) as client:
        yield client


@pytest.fixture
def sender(house: LgspHouse, client: Client) -> Lgsp:
    return house.client_of(client, "gui")


@pytest.fixture
def recipient(house: LgspHouse, client: Client) -> Lgsp:
    return house.client_of(client, "nhan")
