from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from tests.unit.http.fakes import House
from tests.unit.http.serving import Client, serving
from tests.unit.http.vxp_house import VxpHouse
from tests.vxp_kit import Vxp
from trunk.http.app import HANDLER_ARGS, make_app
from trunk.http.vxp.entrance import facade


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


@pytest.fixture
def vxp_house(tmp_path: Path, quiet: None) -> VxpHouse:
    return VxpHouse(tmp_path)


@pytest.fixture
def vxp_client(vxp_house: VxpHouse) -> Iterator[Client]:
    with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
        yield client


@pytest.fixture
def vxp_sender(vxp_client: Client) -> Vxp:
    return Vxp(vxp_client, "h41", "s3cret-of-h41")


@pytest.fixture
def vxp_recipient(vxp_client: Client) -> Vxp:
    return Vxp(vxp_client, "000.00.17.H36", "s3cret-of-h36")
