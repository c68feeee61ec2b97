"""What the façade hears from another hub, and from nobody else."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.unit.http.fakes import DIGEST, OCTETS, envelope
from tests.unit.http.serving import Client, serving
from tests.unit.http.vxp_house import VxpHouse, is_vxp
from tests.vxp_kit import Vxp
from trunk.application.handover import Failed, GivenBack, Relayed, Taken
from trunk.domain.agency import HubSide
from trunk.domain.rejection import CATALOGUE, Code, is_final
from trunk.domain.tracking import InboxItem
from trunk.http.app import make_app
from trunk.http.vxp.entrance import facade

TWO, HUBS = '["H36.17", "G12"]', '["H41.TRUC", "G00.TRUC"]'


@pytest.fixture
def hub(vxp_house: VxpHouse, vxp_recipient: Vxp) -> Vxp:
    """A trunk whose uplink we are."""
    vxp_house.recogniser.hub = HubSide.BELOW
    return vxp_recipient


@pytest.fixture
def pushing(vxp_house: VxpHouse) -> Iterator[Client]:
    vxp_house.push_system = "system-H41"
    with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
        yield client


# sendEdoc


@pytest.mark.parametrize(
    ("to", "heard"), [(TWO, ("H36.17", "G12")), ("H36.17", ("H36.17",)), ("", ())], ids=["array", "code", "nothing"]
)
def test_a_hub_says_for_whom_it_brings_mail_and_who_had_it(
    vxp_house: VxpHouse, hub: Vxp, to: str, heard: tuple[str, ...]
) -> None:
    assert hub.send(OCTETS, to=to, trace=HUBS).status == 200
    submission, _ = vxp_house.intake.seen[-1]
    assert (submission.only_to, submission.trace) == (heard, ("H41.TRUC", "G00.TRUC"))
    assert submission.caller.hub is HubSide.BELOW


def test_what_an_agencys_system_says_of_that_is_not_heard(vxp_house: VxpHouse, vxp_sender: Vxp) -> None:
    for nonsense in (TWO, "[", "x" * 200):
        assert vxp_sender.send(OCTETS, to=nonsense, trace=nonsense).status == 200
        submission, _ = vxp_house.intake.seen[-1]
        assert (submission.only_to, submission.trace, submission.caller.hub) == ((), (), None)


@pytest.mark.parametrize(
    "said",
    ["[", "[]", "[1]", '["a b"]', '[""]', '["a", null]', "[" * 900, json.dumps(["H1"] * 1001), "x" * 65, '[[""]]'],
)
@pytest.mark.parametrize("name", ["to", "trace"])
def test_what_cannot_be_read_is_not_taken_for_everybody(vxp_house: VxpHouse, hub: Vxp, name: str, said: str) -> None:
    is_vxp(hub.send(OCTETS, **{name: said}), "sendEdoc", number="20")
    assert not vxp_house.intake.seen


def test_an_addressee_that_nobody_signed_is_not_heard_of_a_hub_either(vxp_house: VxpHouse, hub: Vxp) -> None:
    hub.extra = [("XroadVnpt-to", '["G12"]'), ("XroadVnpt-trace", '["TRUC"]')]
    assert hub.send(OCTETS).status == 200
    submission, _ = vxp_house.intake.seen[-1]
    assert (submission.only_to, submission.trace) == ((), ())


def test_our_uplinks_system_brings_mail_of_whoever_is_beyond(vxp_house: VxpHouse, pushing: Client) -> None:
    pusher = Vxp(pushing, "h41", "s3cret-of-h41")
    assert pusher.send(OCTETS, to="H41.01", trace=HUBS).status == 200
    submission, _ = vxp_house.intake.seen[-1]
    assert (submission.caller.hub, submission.caller.agencies) == (HubSide.ABOVE, frozenset())
    assert submission.only_to == ("H41.01",)
    other = Vxp(pushing, "000.00.17.H36", "s3cret-of-h36")
    assert other.send(OCTETS).status == 200
    assert vxp_house.intake.seen[-1][0].caller.hub is None


# updateStatus


def test_processing_of_a_hub_is_its_word_that_it_is_responsible(vxp_house: VxpHouse, hub: Vxp) -> None:
    for _ in range(2):
        assert hub.call("updateStatus", status="processing", docId="D1").status == 200
    assert hub.call("updateStatus", status="done", docId="D1").status == 200
    assert vxp_house.handover.asked == [Relayed(), Relayed(), Taken(DIGEST)]


def test_processing_of_an_agencys_system_moves_nothing(vxp_house: VxpHouse, vxp_recipient: Vxp) -> None:
    assert vxp_recipient.call("updateStatus", status="processing", docId="D1").status == 200
    assert not vxp_house.handover.asked


@pytest.mark.parametrize(
    ("said", "final"),
    [
        ("ADR-107 loop", True),
        ("ADR-103: unknown | SIG-301", True),
        ("SIG-301 come again", False),
        ("TRK-112 fault", False),
        ("the disk is full, ENV-001", False),
        ("", False),
    ],
)
def test_a_failure_that_begins_with_a_code_of_the_message_is_final(
    vxp_house: VxpHouse, hub: Vxp, said: str, *, final: bool
) -> None:
    assert hub.call("updateStatus", status="fail", docId="D1", description=said).status == 200
    assert vxp_house.handover.asked == [Failed(said or "VXP: fail", final=final)]


def test_a_recall_that_came_true_beyond_a_hub_is_no_failure(vxp_house: VxpHouse, hub: Vxp) -> None:
    for side, heard in ((HubSide.BELOW, GivenBack()), (None, Failed("recalled"))):
        vxp_house.recogniser.hub = side
        assert hub.call("updateStatus", status="fail", docId="D1", description="recalled").status == 200
        assert vxp_house.handover.asked[-1] == heard


def test_no_code_that_may_pass_is_final() -> None:
    assert not any(is_final(code) for code in Code if CATALOGUE[code].temporary)
    assert is_final(Code.LOOP)


# getReceivedEdocList


def test_a_hub_sees_who_has_had_it_and_others_do_not(vxp_house: VxpHouse, hub: Vxp) -> None:
    vxp_house.waits("D1")
    (item,) = vxp_house.handover.items
    came = InboxItem(delivery=item.delivery, envelope=envelope(trace=("A", "B")), position=2)
    vxp_house.handover.items = [item, came]
    rows = hub.data("getReceivedEdocList", messagetype="edoc")
    assert [row["trace"] for row in rows] == [["TRUC"], ["A", "B", "TRUC"]]
    vxp_house.recogniser.hub = None
    assert not any("trace" in row for row in hub.data("getReceivedEdocList", messagetype="edoc"))


# getSentEdocList


def test_a_hub_reads_the_exact_state_of_what_it_sent(vxp_house: VxpHouse, vxp_sender: Vxp) -> None:
    rows = vxp_sender.data("getSentEdocList", docId="E1")
    assert not any("state" in row for row in rows)
    vxp_house.recogniser.hub = HubSide.BELOW
    assert {row["state"] for row in vxp_sender.data("getSentEdocList", docId="E1")} == {"queued"}
