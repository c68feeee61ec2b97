"""Overload: a full disk, a flooding system, too many octets, too many connections. Counted, not timed."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.unit.http.fakes import DIGEST, KEYS, OCTETS, FakeHandover, FakeRegistry, House
from tests.unit.http.lgsp.house import PASSWORDS, LgspHouse
from tests.unit.http.serving import Client, serving
from tests.unit.http.vxp_house import VxpHouse, is_vxp
from tests.vxp_kit import Vxp
from trunk.domain.agency import Caller
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxPage
from trunk.errors import OverloadedError
from trunk.http import admission, authentication
from trunk.http import app as app_module
from trunk.http.admission import Gate
from trunk.http.app import make_app
from trunk.http.lgsp.entrance import facade as lgsp_facade
from trunk.http.offload import Offload
from trunk.http.problems import RefusedError
from trunk.http.strangers import LINES, Lines
from trunk.http.vxp.entrance import facade as vxp_facade
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


class Slow:
    """A ledger in which each look takes its time, and that knows whether anybody is at it."""

    def __init__(self) -> None:
        self.seconds = 0.02
        self.met = threading.Event()

    def down(self) -> None:
        self.met.set()
        time.sleep(self.seconds)


@contextmanager
def flooding(client: Client, path: str, keys: Callable[[int], str], *, connections: int) -> Iterator[list[int]]:
    """So many connections that ask for ``path`` over and over; what they are answered."""
    ending, answers = threading.Event(), list[int]()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", client.port, timeout=60)
        with suppress(OSError, http.client.HTTPException), closing(connection):
            while not ending.is_set():
                connection.request("GET", path, headers={"Authorization": f"Bearer {keys(number)}"})
                answer = connection.getresponse()
                answer.read()
                answers.append(answer.status)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(connections)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        ending.set()
        for thread in threads:
            thread.join(60)


def an_agency_works(client: Client) -> None:
    for _ in range(5):
        assert client.using("edoc_s_1").post(PATH, OCTETS).status == 201
        other = client.using("edoc_r_1")
        assert other.get("/api/v1/inbox").status == 200
        assert other.get("/api/v1/deliveries/D1/envelope").status == 200
        word = {"outcome": "taken", "sha256": DIGEST}
        assert other.post("/api/v1/deliveries/D1/confirmation", word).status == 200


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_reads_of_one_system_by_hundreds_leave_the_others_their_mail(tmp_path: Path, quiet: None) -> None:
    slow, house = Slow(), House(tmp_path, settings=Http(threads=4, waiting=40))

    class Handover(FakeHandover):
        def inbox(self, caller: Caller, **only: Any) -> InboxPage | Rejected:
            slow.down()
            return super().inbox(caller, **only)

    house.handover = Handover()
    with (
        serving(make_app(house.doors())) as client,
        flooding(client, "/api/v1/inbox", lambda _: "edoc_x_1", connections=80) as answers,
    ):
        until(lambda: 429 in answers and 200 in answers)
        an_agency_works(client)
        assert set(answers) == {200, 429}


def test_keys_that_nobody_has_hold_up_strangers_alone(tmp_path: Path, quiet: None) -> None:
    slow, house = Slow(), House(tmp_path, settings=Http(threads=2, waiting=20))

    class Registry(FakeRegistry):
        def authenticate(self, key: str) -> Caller | Rejected:
            slow.down()
            return super().authenticate(key)

    house.registry = Registry()
    with serving(make_app(house.doors())) as client:
        for key in KEYS:
            assert client.using(key).get("/api/v1/agencies").status == 200
        with flooding(client, "/api/v1/inbox", lambda n: f"edoc_bad{n}_1", connections=60) as answers:
            until(lambda: 503 in answers and 401 in answers)
            time.sleep(authentication.BELIEVED_SECONDS)  # so that all have to be looked up anew
            an_agency_works(client)
            assert set(answers) == {401, 503}


@pytest.fixture
def no_room_for_strangers(monkeypatch: pytest.MonkeyPatch) -> None:
    full = Offload(threads=1, waiting=0)
    full.close()
    monkeypatch.setattr(full, "_places", 0)
    monkeypatch.setattr(app_module, "Lines", lambda offload, strangers: Lines(offload=offload, strangers=full))


@pytest.mark.usefixtures("no_room_for_strangers")
def test_over_vxp_who_was_known_once_is_no_stranger(vxp_house: VxpHouse) -> None:
    with serving(make_app(vxp_house.doors(), vxp_facade(vxp_house.means()))) as client:
        known, other = Vxp(client, "h41", "s3cret-of-h41"), Vxp(client, "h41", "guessed")
        is_vxp(known.call("getReceivedEdocList"), "getReceivedEdocList", number="20")
        vxp_house.recogniser.seen.add("h41")
        assert known.call("getReceivedEdocList").status == 200
        is_vxp(other.call("getReceivedEdocList"), "getReceivedEdocList", number="20")


@pytest.mark.usefixtures("no_room_for_strangers")
def test_over_lgsp_logins_are_strangers_and_tokens_are_not(tmp_path: Path, quiet: None) -> None:
    house = LgspHouse(tmp_path)
    means = house.lgsp()
    app = make_app(house.doors(), lgsp_facade(means))
    with serving(app) as client:
        gui = house.client_of(client, "gui")
        assert gui.log_in().status == 503
        app[LINES].note("system-H41", "gui", PASSWORDS["gui"][0])
        assert gui.log_in().status == 200
        assert gui.listed() == []


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
