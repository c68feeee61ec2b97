"""Overload: a full disk, a flooding system, too many octets, too many connections. Counted, not timed."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.unit.http.fakes import OCTETS, House
from tests.unit.http.serving import serving
from trunk.domain.agency import Caller
from trunk.domain.rejection import Code
from trunk.errors import OverloadedError
from trunk.http import admission
from trunk.http.admission import Gate
from trunk.http.app import make_app
from trunk.http.problems import RefusedError
from trunk.settings import Http

PATH = "/api/v1/envelopes"
MIB = 1 << 20


def gate(folder: Path, *, free: Callable[[Path], int] = lambda _: 1 << 40, **values: object) -> Gate:
    return Gate(settings=Http.model_validate(values), folder=folder, free=free)


def codes(refused: pytest.ExceptionInfo[RefusedError]) -> list[Code]:
    return [flaw.code for flaw in refused.value.rejected.flaws]


def test_a_disk_below_its_floor_takes_nothing_new(tmp_path: Path) -> None:
    left = [255 * MIB, 256 * MIB]
    made = gate(tmp_path, free=lambda _: left[0], free_disk_mib=256)
    with pytest.raises(RefusedError) as refused, made.passing("a"):
        pass
    assert codes(refused) == [Code.DISK_FULL]
    assert refused.value.rejected.retry_after == 60
    left.pop(0)
    with made.passing("a"):
        pass


def test_a_floor_of_zero_is_none(tmp_path: Path) -> None:
    with gate(tmp_path, free=lambda _: 0, free_disk_mib=0).passing("a"):
        pass


def test_a_flood_of_one_system_leaves_room_for_the_others(tmp_path: Path) -> None:
    made = gate(tmp_path, threads=2, waiting=8, sender_share=0.5)
    with ExitStack() as flood:
        for _ in range(made.share):
            flood.enter_context(made.passing("flood"))
        for _ in range(1_000):
            with pytest.raises(RefusedError) as refused:
                flood.enter_context(made.passing("flood"))
            assert codes(refused) == [Code.SENDER_SHARE]
        for _ in range(100):
            with made.passing("quiet"):
                pass
    with made.passing("flood"):
        pass
    assert not made._held


def test_octets_under_way_are_bounded_and_given_back(tmp_path: Path) -> None:
    made = gate(tmp_path, spool_mib=1)
    with made.passing("a") as take:
        take(MIB)
        with pytest.raises(OverloadedError), made.passing("b") as other:
            other(1)
        assert made.octets == MIB
    assert made.octets == 0


def test_over_http_a_full_disk_is_503_and_everything_else_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(house.doors())
    monkeypatch.setattr(app[admission.GATE], "free", lambda _: 0)
    with serving(app, key="edoc_s_1") as client:
        answer = client.post(PATH, OCTETS)
        assert (answer.status, answer.codes, answer.headers["Retry-After"]) == (503, ["TRK-141"], "60")
        assert client.using("edoc_r_1").get("/api/v1/inbox").status == 200
        assert client.get("/healthz").status == 200
    assert not house.intake.seen


def test_over_http_a_flooding_system_gets_429_and_another_is_served(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(house.doors())
    held = app[admission.GATE]
    with ExitStack() as flood, serving(app, key="edoc_s_1") as client:
        for _ in range(held.share):
            flood.enter_context(held.passing(_asked(house)))
        answer = client.post(PATH, OCTETS)
        assert (answer.status, answer.codes) == (429, ["TRK-142"])
        assert int(answer.headers["Retry-After"]) > 0
        assert client.using("edoc_r_1").post(PATH, OCTETS).status in {201, 422}


def _asked(house: House) -> str:
    found = house.doors().registry.authenticate("edoc_s_1")
    assert isinstance(found, Caller)
    return found.system


def test_one_address_holds_so_many_connections(tmp_path: Path, quiet: None) -> None:
    house = House(tmp_path, settings=Http(connections_per_peer=3))
    with serving(make_app(house.doors())) as client, ExitStack() as held:
        for _ in range(3):
            held.enter_context(socket.create_connection(("127.0.0.1", client.port), timeout=20))
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", client.port), timeout=20) as more:
                assert more.recv(1) == b""
        held.close()
        for _ in range(50):  # they are let go on the loop
            try:
                if client.get("/healthz").status == 200:
                    return
            except OSError:
                continue
        pytest.fail("nobody was let in again")
