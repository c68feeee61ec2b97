"""What a trunk does with another hub that calls: one below it, whose uplink it is, and the one above it that pushes.

The other hub is played by a VXP client, so that it says exactly what the test wants said.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.hub_town import FIRST, LOWER_ID, NEAR, SECOND, SENDER, UPPER_ID, HubTown, hub_town
from tests.unit.http.serving import Answer
from tests.vxp_kit import Vxp
from trunk.domain.delivery import EnvelopeId

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubTown]:
    with hub_town(tmp_path_factory.mktemp("hubs"), push=True, uplink=False) as town:
        yield town


@pytest.fixture
def below(town: HubTown) -> Vxp:
    return town.as_lower()


@pytest.fixture
def above(town: HubTown) -> Vxp:
    return town.as_upper()


def _ok(answer: Answer) -> str:
    assert (answer.status, answer.json["status"]) == (200, "OK"), answer.json
    return str(answer.json["DocId"])


def _refused(answer: Answer, number: str, code: str) -> None:
    assert (answer.json["status"], answer.json["ErrorCode"]) == ("FAIL", number), answer.json
    assert answer.json["ErrorDesc"].startswith(code), answer.json


def _receipt(hub: Vxp, doc_id: str) -> dict[str, str]:
    return {row["toCode"]: row["receiveStatus"] for row in hub.data("getSentEdocList", docId=doc_id)}


def _incoming(town: HubTown, below: Vxp, *, to: str = NEAR) -> tuple[str, dict[str, Any]]:
    """A document of an agency here for one behind the hub: its envelope, and the hub's item."""
    envelope = town.upper.send(town.letter(sender=FIRST, recipients=[to]), by=FIRST)
    rows = below.data("getReceivedEdocList", messagetype="edoc")
    track = town.upper.track(envelope, by=FIRST)
    (row,) = [row for row in rows if row["docId"] == track["deliveries"][0]["delivery_id"]]
    return envelope, row


def _facts(town: HubTown, envelope: str) -> list[str]:
    acknowledged = [ack["kind"] for ack in town.upper.track(envelope, by=FIRST)["acknowledgements"]]
    told = [
        item["envelope"]["acknowledges"] for item in town.upper.inbox(FIRST) if item["envelope"]["about"] == envelope
    ]
    assert sorted(acknowledged) == sorted(told), "what is sealed is sent"
    return sorted(told)


# a hub below sends


def test_a_hub_below_brings_a_document_of_its_agency(town: HubTown, below: Vxp) -> None:
    letter = town.letter(recipients=[FIRST, NEAR])
    doc_id = _ok(below.send(letter, to=f'["{FIRST}"]', trace=f'["{LOWER_ID}"]'))
    assert town.upper.take(FIRST) == [letter]
    assert _receipt(below, doc_id) == {FIRST: "done"}
    item = town.upper.client(FIRST).get(f"/api/v1/envelopes/{doc_id}").json["envelope"]
    assert item["marked"], "nobody here knows who may sign for that agency"
    (delivery,) = town.upper.track(doc_id, by=FIRST)["deliveries"]
    assert delivery["agency"] == FIRST


def test_its_acknowledgements_are_kept_and_wait_for_nobody(town: HubTown, below: Vxp) -> None:
    doc_id = _ok(below.send(town.letter(recipients=[FIRST]), trace=f'["{LOWER_ID}"]'))
    town.upper.take(FIRST)
    with town.upper.service.ledger.read() as view:
        track = view.track(EnvelopeId(doc_id))
        assert track is not None
        assert sorted(str(one.envelope.acknowledges) for one in track.acknowledgements) == ["accepted", "delivered"]
        assert track.envelope.trace == (LOWER_ID,)
        waiting = view.inbox(frozenset({track.envelope.sender}), after=None, limit=500).items
        assert not [item for item in waiting if item.envelope.kind == "acknowledgement"]


def test_whatever_is_repeated_nobody_gets_it_twice(town: HubTown, below: Vxp) -> None:
    letter = town.letter(recipients=[FIRST, SECOND])
    first = _ok(below.send(letter, to=FIRST))
    assert _ok(below.send(letter, to=FIRST)) == first
    second = _ok(below.send(letter, to=SECOND))
    assert second != first
    assert _ok(below.send(letter, to=f'["{SECOND}", "{FIRST}"]')) in (first, second)
    assert _ok(below.send(letter)) in (first, second)
    assert (town.upper.take(FIRST), town.upper.take(SECOND)) == ([letter], [letter])


def test_those_left_over_get_it_when_more_are_asked_for(town: HubTown, below: Vxp) -> None:
    letter = town.letter(recipients=[FIRST, SECOND])
    first = _ok(below.send(letter, to=FIRST))
    assert _ok(below.send(letter)) != first
    assert (town.upper.take(FIRST), town.upper.take(SECOND)) == ([letter], [letter])


def test_what_it_may_not_bring_is_refused(town: HubTown, below: Vxp) -> None:
    _refused(below.send(town.letter(sender=FIRST, recipients=[SECOND])), "19", "ADR-102")
    _refused(below.send(town.letter(recipients=[NEAR])), "18", "ADR-103")
    _refused(below.send(town.letter(recipients=[FIRST]), trace=f'["{UPPER_ID}"]'), "21", "ADR-107")
    stranger = town.lower.province.pki["another-root-person"]
    _refused(below.send(town.letter(recipients=[FIRST], signer=stranger)), "21", "SIG-202")
    changed = town.letter(recipients=[FIRST]).replace(b"STN-VP", b"STN-VQ", 1)
    _refused(below.send(changed), "21", "SIG-101")
    assert not town.upper.waiting(FIRST)


def test_a_failure_that_is_tried_again_is_told_from_the_end(town: HubTown, below: Vxp) -> None:
    doc_id = _ok(below.send(town.letter(recipients=[SECOND])))
    (item,) = town.upper.waiting(SECOND)
    path = f"/api/v1/deliveries/{item['delivery_id']}/confirmation"
    assert town.upper.client(SECOND).post(path, {"outcome": "failed", "reason": "disk"}).status == 200
    (row,) = below.data("getSentEdocList", docId=doc_id)
    assert (row["receiveStatus"], row["state"]) in (
        ("fail", "deferred"),
        ("initial", "queued"),
        ("initial", "dispatched"),
    )


# a hub below receives


def test_processing_then_done(town: HubTown, below: Vxp) -> None:
    envelope, row = _incoming(town, below)
    assert row["trace"] == [UPPER_ID]
    for _ in range(2):
        _ok(below.call("updateStatus", status="processing", docId=row["docId"]))
        assert town.upper.states(envelope, by=FIRST) == {NEAR: "relayed"}
    assert not [one for one in below.data("getReceivedEdocList", messagetype="edoc") if one["docId"] == row["docId"]]
    assert _facts(town, envelope) == ["accepted"]
    assert below.call("getEdoc", docId=row["docId"]).status == 200, "it may be fetched again"
    for _ in range(2):
        _ok(below.call("updateStatus", status="done", docId=row["docId"]))
    _ok(below.call("updateStatus", status="processing", docId=row["docId"]))
    assert town.upper.states(envelope, by=FIRST) == {NEAR: "delivered"}
    assert _facts(town, envelope) == ["accepted", "delivered"]


def test_processing_then_fail_gives_it_up(town: HubTown, below: Vxp) -> None:
    envelope, row = _incoming(town, below)
    _ok(below.call("updateStatus", status="processing", docId=row["docId"]))
    for _ in range(2):
        _ok(below.call("updateStatus", status="fail", docId=row["docId"], description="nobody took it"))
    assert town.upper.states(envelope, by=FIRST) == {NEAR: "expired"}
    assert _facts(town, envelope) == ["accepted", "undeliverable"]


def test_a_refusal_for_good_gives_it_up_at_once_and_any_other_is_tried_again(town: HubTown, below: Vxp) -> None:
    envelope, row = _incoming(town, below)
    _ok(below.call("updateStatus", status="fail", docId=row["docId"], description="TRK-107 the database is down"))
    town.until(lambda: town.upper.states(envelope, by=FIRST) != {NEAR: "deferred"})
    assert row["docId"] in [one["docId"] for one in below.data("getReceivedEdocList", messagetype="edoc")]
    for _ in range(2):
        _ok(below.call("updateStatus", status="fail", docId=row["docId"], description="ADR-107 a loop"))
    assert town.upper.states(envelope, by=FIRST) == {NEAR: "expired"}
    assert _facts(town, envelope) == ["accepted", "undeliverable"]
    assert "ADR-107" in str(town.upper.track(envelope, by=FIRST))


def test_a_recall_comes_true_beyond_the_hub(town: HubTown, below: Vxp) -> None:
    number = next(town.numbers)
    letter = town.upper.province.signed(str(number), sender=FIRST, recipients=[NEAR])
    envelope = town.upper.send(letter, by=FIRST)
    (row,) = [one for one in below.data("getReceivedEdocList", messagetype="edoc") if one["from"] == FIRST]
    assert below.call("getEdoc", docId=row["docId"]).status == 200
    _ok(below.call("updateStatus", status="processing", docId=row["docId"]))
    asking = town.upper.province.status(str(number), "13", reporter=FIRST, sender=NEAR, of=FIRST, description="sai")
    town.upper.send(asking, by=FIRST)
    assert _asked(town, envelope) == ["open"]
    for _ in range(2):
        _ok(below.call("updateStatus", status="fail", docId=row["docId"], description="recalled"))
    assert town.upper.states(envelope, by=FIRST) == {NEAR: "recalled"}
    assert _asked(town, envelope) == ["held_back"]
    assert _facts(town, envelope) == ["accepted", "recalled"]


def _asked(town: HubTown, envelope: str) -> list[str]:
    (delivery,) = town.upper.track(envelope, by=FIRST)["deliveries"]
    return [request["state"] for request in delivery["requests"]]


def test_a_failure_after_done_is_refused(town: HubTown, below: Vxp) -> None:
    _, row = _incoming(town, below)
    _ok(below.call("updateStatus", status="done", docId=row["docId"]))
    _refused(below.call("updateStatus", status="fail", docId=row["docId"]), "21", "TRK-114")


# the hub above pushes


def test_the_hub_above_brings_mail_for_ours(town: HubTown, above: Vxp) -> None:
    letter = town.letter(sender=FIRST, recipients=[SENDER, SECOND, "T99"])
    doc_id = _ok(above.send(letter, trace=f'["{UPPER_ID}"]'))
    assert _ok(above.send(letter, trace=f'["{UPPER_ID}"]')) == doc_id
    assert town.lower.take(SENDER) == [letter]
    assert town.lower.states(doc_id, by=SENDER) == {SENDER: "delivered"}
    with town.lower.service.ledger.read() as view:
        waiting = view.inbox(frozenset(a.code for a in view.directory().agencies if a.beyond), after=None, limit=9)
        assert not waiting.items, "what came from above is neither sent nor told up again by us"


def test_the_hub_above_is_not_let_in_a_circle_nor_with_our_own_mail(town: HubTown, above: Vxp) -> None:
    letter = town.letter(sender=FIRST, recipients=[SENDER])
    _refused(above.send(letter, trace=f'["{LOWER_ID}", "{UPPER_ID}"]'), "21", "ADR-107")
    _refused(above.send(town.letter(sender=NEAR, recipients=[SENDER])), "19", "ADR-102")
    _refused(above.send(town.letter(sender=FIRST, recipients=[SECOND])), "18", "ADR-103")
    assert not town.lower.waiting(SENDER)


def test_statuses_come_down_and_reach_the_agency(town: HubTown, above: Vxp) -> None:
    number = "4711"
    status = town.lower.province.status(number, "03", reporter=FIRST, sender=SENDER)
    _ok(above.send(status, messagetype="status", trace=f'["{UPPER_ID}"]'))
    codes = [item["envelope"]["status_code"] for item in town.lower.waiting(SENDER, "status")]
    assert codes == ["03"]
