"""Two trunks of ours, the upper one the uplink of the lower: mail, statuses and recalls across both, and every hop cut.

Nothing is lost, and nobody gets the same mail twice.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from envelopes.model import Business, BusinessKind, ResponseFor
from scripts.agency_system import AgencySystem
from scripts.trunk_process import TrunkProcess
from tests.hub_town import FIRST, LOWER_ID, NEAR, SECOND, SENDER, UPPER_ID, HubTown, Trunk, hub_town
from trunk.application.shared_secrets import SecretWish
from trunk.bootstrap import open_administration
from trunk.domain.agency import Agency, DeliveryMode, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubTown]:
    with hub_town(tmp_path_factory.mktemp("two")) as town:
        yield town


@pytest.fixture(autouse=True)
def _empty(town: HubTown) -> Iterator[None]:
    """Every test leaves its mail behind; the next one finds empty inboxes and a whole road."""
    yield
    town.upper.road.down, town.upper.road.cuts = False, 0
    for trunk, codes in ((town.lower, (SENDER, NEAR)), (town.upper, (FIRST, SECOND))):
        for code in codes:
            for kind in ("document", "status", "acknowledgement"):
                trunk.take(code, kind, at_least=0)


def links(trunk: Trunk, envelope: str, *, by: str) -> list[dict[str, Any]]:
    return [link for one in trunk.track(envelope, by=by)["deliveries"] for link in one["links"]]


def acknowledged(trunk: Trunk, agency: str, envelope: str) -> set[str]:
    waiting = trunk.waiting(agency, "acknowledgement")
    return {one["envelope"]["acknowledges"] for one in waiting if one["envelope"]["about"] == envelope}


def said(trunk: Trunk, agency: str) -> list[str]:
    return [one["envelope"]["status_code"] for one in trunk.waiting(agency, "status")]


def status(town: HubTown, number: int, code: str, *, reporter: str, to: str, of: str = "") -> bytes:
    return town.lower.province.status(str(number), code, reporter=reporter, sender=to, of=of, description="vì sao")


def numbered(town: HubTown, **wish: Any) -> tuple[int, bytes]:
    """A letter and the number of its code."""
    number = next(town.numbers)
    octets = town.lower.province.signed(str(number), sender=wish.pop("sender", SENDER), **wish)
    return number, octets


def test_a_document_for_here_and_there_and_every_status_back_to_the_end(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(NEAR, FIRST, SECOND))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.lower.waiting(NEAR) and town.upper.waiting(FIRST) and town.upper.waiting(SECOND))
    assert [town.lower.take(NEAR), town.upper.take(FIRST), town.upper.take(SECOND)] == [[letter]] * 3
    delivered = {NEAR: "delivered", FIRST: "delivered", SECOND: "delivered"}
    town.until(lambda: town.lower.states(ours, by=SENDER) == delivered)
    theirs = {link["remote_id"] for link in links(town.lower, ours, by=SENDER)}
    assert len(theirs) == 1
    for code in ("01", "03", "06"):
        town.upper.send(status(town, number, code, reporter=FIRST, to=SENDER), by=FIRST)
        town.until(lambda code=code: code in said(town.lower, SENDER))
    town.upper.send(status(town, number, "02", reporter=SECOND, to=SENDER), by=SECOND)
    ended = {NEAR: "delivered", FIRST: "received", SECOND: "refused"}
    town.until(lambda: town.lower.states(ours, by=SENDER) == ended)
    assert sorted(said(town.lower, SENDER)) == ["01", "02", "03", "06"]
    assert {"accepted", "delivered", "received", "refused"} == acknowledged(town.lower, SENDER, ours)


def test_an_answer_comes_down_and_both_ids_are_known_on_both_sides(town: HubTown) -> None:
    number, letter = numbered(town, sender=FIRST, recipients=(SENDER, NEAR))
    theirs = town.upper.send(letter, by=FIRST)
    town.until(lambda: town.lower.waiting(SENDER) and town.lower.waiting(NEAR))
    town.until(lambda: town.upper.states(theirs, by=FIRST) == {SENDER: "relayed", NEAR: "relayed"})
    (item,) = town.lower.waiting(SENDER)
    assert town.lower.take(SENDER) == [letter]
    town.until(lambda: town.upper.states(theirs, by=FIRST) == {SENDER: "delivered", NEAR: "relayed"})
    remote = {one["agency"]: one["delivery_id"] for one in town.upper.track(theirs, by=FIRST)["deliveries"]}
    link = next(one for one in links(town.lower, item["envelope"]["envelope_id"], by=SENDER))
    assert (link["direction"], link["remote_id"], link["state"]) == ("down", remote[SENDER], "closed")
    town.lower.send(status(town, number, "03", reporter=SENDER, to=FIRST), by=SENDER)
    town.until(lambda: town.upper.states(theirs, by=FIRST)[SENDER] == "received")
    assert said(town.upper, FIRST) == ["03"]


def test_a_recall_before_anybody_fetched_it_comes_true_across_the_hubs(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST,))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST))
    town.lower.send(status(town, number, "13", reporter=SENDER, to=FIRST, of=SENDER), by=SENDER)
    town.until(lambda: not town.upper.waiting(FIRST))
    town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "recalled"})
    assert "recalled" in acknowledged(town.lower, SENDER, ours)
    (asked,) = town.lower.track(ours, by=SENDER)["deliveries"][0]["requests"]
    assert (asked["kind"], asked["state"]) == ("recall", "held_back")


def test_a_recall_after_it_was_fetched_is_asked_and_agreed_across_the_hubs(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST,))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST))
    town.upper.take(FIRST)
    town.lower.send(status(town, number, "13", reporter=SENDER, to=FIRST, of=SENDER), by=SENDER)
    town.until(lambda: said(town.upper, FIRST) == ["13"])
    town.upper.send(status(town, number, "15", reporter=FIRST, to=SENDER), by=FIRST)
    town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "recalled"})
    assert said(town.lower, SENDER) == ["15"]


def spoken_of(number: int, *, sender: str) -> ResponseFor:
    """A document as another one names it: by its code, its day and its sender, without a DocumentId."""
    return ResponseFor(organ_id=sender, code=f"{number}/STN-VP", promulgation_date=date(2026, 11, 22))


def test_a_reply_names_what_it_answers_on_both_sides(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST,))
    ours = town.lower.send(letter, by=SENDER)
    assert town.upper.take(FIRST) == [letter]
    _, reply = numbered(town, sender=FIRST, recipients=(SENDER,), response_for=(spoken_of(number, sender=SENDER),))
    theirs = town.upper.send(reply, by=FIRST)
    assert town.lower.take(SENDER) == [reply]
    (related,) = town.lower.track(ours, by=SENDER)["related"]
    assert (related["kind"], related["document_id"]) == ("answers", f"{FIRST},2026/11/22,{number + 1}/STN-VP")
    assert [one["kind"] for one in town.upper.track(theirs, by=FIRST)["related"]] == ["answers"]


def test_a_revoking_document_takes_back_what_nobody_beyond_the_hub_has_fetched(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST, SECOND))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST) and town.upper.waiting(SECOND))
    town.upper.take(SECOND)
    _, revoking = numbered(
        town,
        recipients=(FIRST, SECOND),
        business=Business(kind=BusinessKind.REVOKE, reason="nhầm"),
        response_for=(spoken_of(number, sender=SENDER),),
    )
    town.lower.send(revoking, by=SENDER)
    town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "recalled", SECOND: "delivered"})
    town.until(lambda: town.upper.waiting(FIRST) and town.upper.waiting(SECOND))
    assert (town.upper.take(FIRST), town.upper.take(SECOND)) == ([revoking], [revoking])


def test_what_waits_while_the_hub_is_down_goes_up_when_it_is_back(town: HubTown) -> None:
    town.upper.road.down = True
    letters = [town.letter(recipients=(FIRST,)) for _ in range(5)]
    sent = [town.lower.send(letter, by=SENDER) for letter in letters]
    checks = "/readyz"
    town.until(lambda: not town.lower.client(SENDER).get(checks).json["checks"]["uplink-up"]["ok"])
    ready = town.lower.client(SENDER).get(checks)
    assert (ready.status, ready.json["ready"]) == (200, True)
    asked = town.upper.road.connections
    town.until(lambda: town.upper.road.connections > asked, seconds=20)
    assert all(town.lower.states(one, by=SENDER)[FIRST] != "relayed" for one in sent)
    town.upper.road.down = False
    town.until(lambda: all(town.lower.states(one, by=SENDER)[FIRST] == "relayed" for one in sent))
    assert sorted(town.upper.take(FIRST, at_least=5)) == sorted(letters)
    town.until(lambda: town.lower.client(SENDER).get(checks).json["checks"]["uplink-up"]["ok"])


def test_answers_that_get_lost_double_nothing(town: HubTown) -> None:
    letters = [town.letter(recipients=(FIRST, SECOND)) for _ in range(4)]
    down = [town.letter(sender=FIRST, recipients=(NEAR,)) for _ in range(4)]
    town.upper.road.cuts = 12
    sent = [town.lower.send(letter, by=SENDER) for letter in letters]
    brought = [town.upper.send(letter, by=FIRST) for letter in down]
    town.until(lambda: all(set(town.lower.states(one, by=SENDER).values()) == {"relayed"} for one in sent))
    town.until(lambda: all(set(town.upper.states(one, by=FIRST).values()) == {"relayed"} for one in brought))
    first, second = town.upper.take(FIRST, at_least=4), town.upper.take(SECOND, at_least=4)
    assert sorted(first) == sorted(second) == sorted(letters)
    assert sorted(town.lower.take(NEAR, at_least=4)) == sorted(down)
    assert all(len(links(town.lower, one, by=SENDER)) == 2 for one in sent)


@pytest.mark.parametrize("point", ["uplink.taken", "uplink.sent", "uplink.settled"])
def test_a_trunk_that_is_killed_while_it_sends_loses_and_doubles_nothing(town: HubTown, point: str) -> None:
    letters = [town.letter(recipients=(FIRST, SECOND)) for _ in range(4)]
    town.lower.stop()
    with TrunkProcess(town.lower.province.config, environment={"TRUNK_TESTING__CRASH_AT": f"{point}:2"}) as process:
        system = AgencySystem(base_url=process.url(), key=town.lower.province.keys[SENDER])
        for letter in letters:
            with suppress(OSError):  # it may be dead already
                system.submit(letter)
        assert process.wait() in (137, -9)
    town.lower.start()
    sent = [town.lower.send(letter, by=SENDER) for letter in letters]
    town.until(lambda: all(set(town.lower.states(one, by=SENDER).values()) == {"relayed"} for one in sent), seconds=60)
    first, second = town.upper.take(FIRST, at_least=4), town.upper.take(SECOND, at_least=4)
    assert sorted(first) == sorted(second) == sorted(letters)
    town.until(lambda: all(set(town.lower.states(one, by=SENDER).values()) == {"delivered"} for one in sent))
    for one in sent:
        assert len(links(town.lower, one, by=SENDER)) == 2
        assert acknowledged(town.lower, SENDER, one) == {"accepted", "delivered"}


def test_a_trunk_that_is_killed_between_intake_and_link_takes_it_once(town: HubTown) -> None:
    letter = town.letter(sender=FIRST, recipients=(NEAR, SENDER))
    town.lower.stop()
    theirs = town.upper.send(letter, by=FIRST)
    with TrunkProcess(
        town.lower.province.config, environment={"TRUNK_TESTING__CRASH_AT": "intake.committed"}
    ) as process:
        assert process.wait() in (137, -9)
    assert set(town.upper.states(theirs, by=FIRST).values()) == {"dispatched"}
    town.lower.start()
    town.until(lambda: set(town.upper.states(theirs, by=FIRST).values()) == {"relayed"}, seconds=60)
    assert (town.lower.take(NEAR), town.lower.take(SENDER)) == ([letter], [letter])
    town.until(lambda: set(town.upper.states(theirs, by=FIRST).values()) == {"delivered"})


class Cutter:
    """A road that breaks off after so many octets, either way, as often as it is told; then it is whole."""

    def __init__(self, port: int, after: int, cuts: int) -> None:
        self.far_port, self.after, self.cuts = port, after, cuts
        self.server = socket.create_server(("127.0.0.1", 0))
        self.threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/vxp"

    @contextmanager
    def open(self) -> Iterator[Cutter]:
        self._begin(self._accept)
        try:
            yield self
        finally:
            with suppress(OSError):
                self.server.shutdown(socket.SHUT_RDWR)
            self.server.close()
            for thread in self.threads:
                thread.join(10)

    def _begin(self, work: Callable[..., None], *args: socket.socket) -> None:
        self.threads.append(threading.Thread(target=work, args=args, daemon=True))
        self.threads[-1].start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.server.accept()
                self._begin(self._relay, near)

    def _relay(self, near: socket.socket) -> None:
        with near, socket.create_connection(("127.0.0.1", self.far_port)) as far:
            back = threading.Thread(target=self._pour, args=(far, near), daemon=True)
            back.start()
            self._pour(near, far)
            back.join(30)

    def _pour(self, source: socket.socket, target: socket.socket) -> None:
        passed = 0
        with suppress(OSError):
            while octets := source.recv(8192):
                passed += len(octets)
                if passed > self.after and self.cuts:
                    self.cuts -= 1
                    break
                target.sendall(octets)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_large_files_that_are_cut_off_on_the_road_arrive_whole_and_once(tmp_path: Path) -> None:
    with hub_town(tmp_path) as town, Cutter(town.upper.port, after=200_000, cuts=6).open() as cutter:
        config = town.lower.province.config
        town.lower.stop()
        config.write_text(config.read_text("utf-8").replace(town.upper.road.endpoint, cutter.url), "utf-8")
        town.lower.start()
        large = b"%PDF-1.7\n" + bytes(range(256)) * 6_000
        up, down = (
            town.letter(recipients=(FIRST,), content=large),
            town.letter(sender=SECOND, recipients=(NEAR,), content=large),
        )
        ours, theirs = town.lower.send(up, by=SENDER), town.upper.send(down, by=SECOND)
        town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "relayed"}, seconds=60)
        town.until(lambda: town.upper.states(theirs, by=SECOND) == {NEAR: "relayed"}, seconds=60)
        assert (town.upper.take(FIRST), town.lower.take(NEAR)) == ([up], [down])
        assert cutter.cuts == 0
        town.until(lambda: town.upper.states(theirs, by=SECOND) == {NEAR: "delivered"})
        assert not list((town.lower.province.settings().data_folder / "spool").iterdir())


def test_two_hubs_that_each_take_the_other_for_the_uplink_end_it_and_the_sender_learns(tmp_path: Path) -> None:
    with hub_town(tmp_path) as town:
        lower, upper = town.lower, town.upper
        upper.stop()
        make_hub_of(upper, at=lower, ids=(UPPER_ID, LOWER_ID))
        for trunk in (upper, lower):
            with open_administration(trunk.province.settings()) as room:
                nowhere = Agency(code=AgencyCode("G99.01"), name="Nơi khác", mode=DeliveryMode.UPLINK)
                room.administration.put_agencies([nowhere])
        upper.start()
        town.until(lambda: lower.service.registry.directory().find("G99.01") is not None)
        ours = lower.send(town.letter(recipients=("G99.01",)), by=SENDER)
        town.until(lambda: lower.states(ours, by=SENDER) == {"G99.01": "expired"}, seconds=60)
        assert "undeliverable" in acknowledged(lower, SENDER, ours)
        with upper.service.ledger.read() as view:
            (brought,) = view.find(f"{SENDER},2026/11/22,1/STN-VP")
            track = view.track(brought.id)
        assert track is not None
        assert brought.trace == (LOWER_ID,)
        assert "ADR-107" in track.deliveries[0].timeline[-1].reason


def make_hub_of(hub: Trunk, *, at: Trunk, ids: tuple[str, str]) -> None:
    """``hub`` becomes a system of ``at``, and takes ``at`` for its uplink."""
    own, others = ids
    with open_administration(at.province.settings()) as room:
        agencies = frozenset(AgencyCode(code) for code in hub.at_home)
        room.administration.put_system(SystemRecord(id=SystemId("its-hub"), name="Hub", agencies=agencies, hub=True))
        secret = room.secrets.issue(SecretWish(system=SystemId("its-hub"), name=own)).spelled
    config = hub.province.config
    told = f'[uplink]\nurl = "{at.road.endpoint}"\nsystem_id = "{own}"\norgan_ids = ["{others}"]\npoll_seconds = 0.2\n'
    config.write_text(f"{config.read_text('utf-8')}\n{told}address_book_minutes = 0\n", "utf-8")
    hub.province.settings().path(Path("uplink.secret")).write_text(secret, "utf-8")


def test_a_hub_that_refuses_one_receiver_still_gets_the_mail_for_the_other(town: HubTown) -> None:
    with open_administration(town.lower.province.settings()) as room:
        stranger = Agency(code=AgencyCode("G99.01"), name="Nơi khác", mode=DeliveryMode.UPLINK)
        room.administration.put_agencies([stranger])
    town.until(lambda: town.lower.service.registry.directory().find("G99.01") is not None)
    letter = town.letter(recipients=("G99.01", FIRST))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.lower.states(ours, by=SENDER) == {"G99.01": "expired", FIRST: "relayed"})
    assert town.upper.take(FIRST) == [letter]
    (told,) = [one for one in town.lower.track(ours, by=SENDER)["deliveries"] if one["agency"] == "G99.01"]
    assert told["timeline"][-1]["reason"].startswith("18 ")
    assert "undeliverable" in acknowledged(town.lower, SENDER, ours)
