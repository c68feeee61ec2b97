"""Who may see the meters, and how often they are counted."""

from __future__ import annotations

import http.client
import threading
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.unit.http.fakes import House
from tests.unit.http.operators_room import open_operators_room
from tests.unit.http.serving import Client, serving
from trunk.domain.control import Role
from trunk.errors import LedgerUnavailableError
from trunk.http.app import make_app
from trunk.http.watchers import is_near
from trunk.settings import Http


class _Transport:
    def __init__(self, address: str | None) -> None:
        self.address = address

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return (self.address, 4711) if name == "peername" and self.address else default


@pytest.mark.parametrize(
    ("address", "networks", "near"),
    [
        ("127.0.0.1", (), True),
        ("::1", (), True),
        ("::ffff:127.0.0.1", (), True),
        ("10.0.0.5", (), False),
        ("10.0.0.5", ("10.0.0.5",), True),
        ("::ffff:10.0.0.5", ("10.0.0.0/24",), True),
        ("10.0.1.5", ("10.0.0.0/24",), False),
        ("fd00::5", ("10.0.0.0/24", "fd00::/64"), True),
        (None, ("0.0.0.0/0",), False),
    ],
)
def test_this_machine_and_what_the_settings_name_is_near(
    address: str | None,
    networks: tuple[str, ...],
    near: bool,  # noqa: FBT001  pytest gives it by name
) -> None:
    transport: Any = _Transport(address)
    assert is_near(make_mocked_request("GET", "/metrics", transport=transport), networks) is near
    for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        brought = make_mocked_request("GET", "/metrics", headers={name: "127.0.0.1"}, transport=transport)
        assert not is_near(brought, networks), "the address is that of a proxy"


@pytest.mark.parametrize("wrong", ["10.0.0.1/8", "example.vn", "10.0.0.0/33", ""])
def test_a_network_that_is_none_is_no_setting(wrong: str) -> None:
    with pytest.raises(ValueError, match="metrics_from"):
        Http(metrics_from=(wrong,))
    assert Http.model_validate({"metrics_from": "10.0.0.0/8, ::1"}).metrics_from == ("10.0.0.0/8", "::1")


def test_who_comes_over_a_proxy_sees_nothing_but_for_operators(tmp_path: Path, quiet: None) -> None:
    room = open_operators_room(tmp_path)
    with serving(make_app(room.doors(House(tmp_path)))) as client:
        brought = {"X-Forwarded-For": "198.51.100.7"}
        refused = client.call("GET", "/metrics", headers=brought)
        assert (refused.status, refused.codes) == (403, ["TRK-143"])
        wrong = client.using("edoc_s_1").call("GET", "/metrics", headers=brought)
        assert (wrong.status, wrong.codes) == (401, ["TRK-151"])
        looks = client.using(room.key("an", Role.MONITOR)).call("GET", "/metrics", headers=brought)
        assert (looks.status, b"trunk_ledger_up" in looks.octets) == (200, True)
        assert client.get("/metrics").status == 200
        assert client.call("GET", "/healthz", headers=brought).status == 200


def test_the_ledger_counts_once_however_many_look(house: House, client: Client) -> None:
    counted, gate = [0], threading.Event()

    def depth() -> dict[str, int]:
        counted[0] += 1
        gate.wait(20)
        return {"outbox": counted[0]}

    house.depth = depth
    told: list[bytes] = []
    looking = [threading.Thread(target=lambda: told.append(client.get("/metrics").octets)) for _ in range(20)]
    for thread in looking:
        thread.start()
    assert client.get("/readyz").status == 200, "they take nobody else's threads"
    gate.set()
    for thread in looking:
        thread.join(20)
    assert counted == [1]
    assert len([text for text in told if b"trunk_outbox_depth 1.0" in text]) == 20


def test_a_ledger_that_does_not_answer_is_not_asked_over_and_over(house: House, client: Client) -> None:
    counted = [0]

    def depth() -> dict[str, int]:
        counted[0] += 1
        raise LedgerUnavailableError("x")

    house.depth = depth
    connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=20)
    for _ in range(5):
        connection.request("GET", "/metrics")
        assert b"trunk_ledger_up 0.0" in connection.getresponse().read()
    connection.close()
    assert counted[0] < 5
