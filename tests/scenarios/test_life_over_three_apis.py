"""One life of a document seen over three APIs: each agency's view is right at each step, whoever sends over what.

The sender over one API, three recipients: the two others and a fourth agency. A document with all its statuses; an
update; a recall before and after fetching; a replacement.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from envelopes.model import Business, BusinessKind, Replacement, ResponseFor
from scripts.province import document_id
from tests.three_desks import FOURTH, LGSP, NATIVE, VXP, Desk, Item, ThreeDesks, three_desks
from tests.vxp_town import vxp_town
from trunk.domain.change_request import RequestKind, RequestState
from trunk.domain.delivery import DeliveryState
from trunk.domain.relation import RelationKind
from trunk.domain.tracking import DeliveryTrack, EnvelopeTrack

pytestmark = pytest.mark.timeout(300)

S = DeliveryState
_DAY = date(2026, 11, 22)


@pytest.fixture(scope="module")
def desks(java: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeDesks]:
    with vxp_town(java, tmp_path_factory.mktemp("town")) as town, three_desks(town) as desks:
        yield desks


@dataclass
class Life:
    """One sender, its recipients, and what the clerks at the trunk see."""

    desks: ThreeDesks
    sender: Desk

    @property
    def recipients(self) -> list[Desk]:
        return [desk for desk in self.desks.all.values() if desk.agency != self.sender.agency]

    def letter(self, **wish: Any) -> tuple[str, bytes]:
        number = str(next(self.desks.numbers))
        to = wish.pop("to", [desk.agency for desk in self.recipients])
        return number, self.desks.town.province.signed(number, sender=self.sender.agency, recipients=to, **wish)

    def sends(self, **wish: Any) -> tuple[str, str, bytes]:
        number, octets = self.letter(**wish)
        return number, self.sender.send(octets), octets

    def status(self, desk: Desk, number: str, code: str, *, to: str = "", description: str = "") -> str:
        about = self.sender.agency
        octets = self.desks.town.province.status(
            number, code, reporter=desk.agency, sender=to or about, of=about, description=description
        )
        return desk.send(octets, kind="status")

    def takes(self, desk: Desk, octets: bytes) -> None:
        """Finds it in its list, fetches and confirms it; and it is off the list."""
        item = self.finds(desk, octets)
        desk.done(item)
        assert item.id not in {one.id for one in desk.waiting()}

    def finds(self, desk: Desk, octets: bytes) -> Item:
        (item,) = [one for one in desk.waiting() if desk.fetch(one) == octets]
        assert item.sender == self.sender.agency
        return item

    def hears(self, desk: Desk, code: str, number: str) -> None:
        """The status is in its list: taken off it."""
        told = f"<edXML:StatusCode>{code}</edXML:StatusCode>".encode()
        for item in desk.waiting("status"):
            octets = desk.fetch(item)
            if octets is not None and told in octets and f"{number}/STN-VP".encode() in octets:
                desk.done(item)
                return
        raise AssertionError(f"{desk.agency} was not told {code} of {number}")

    def track(self, envelope_id: str) -> EnvelopeTrack:
        track = self.desks.town.service.tracking.track(envelope_id)
        assert track is not None
        return track

    def part(self, envelope_id: str, desk: Desk) -> DeliveryTrack:
        (part,) = [d for d in self.track(envelope_id).deliveries if d.delivery.addressee == desk.agency]
        return part

    def states(self, envelope_id: str) -> dict[str, DeliveryState]:
        return {d.delivery.addressee: d.delivery.state for d in self.track(envelope_id).deliveries}

    def sees(self, doc_id: str, desk: Desk, state: DeliveryState) -> None:
        """At the trunk and, where the sender's protocol can tell, at the sender's desk."""
        assert self.part(doc_id, desk).delivery.state is state
        if self.sender is self.desks.native:
            shown = {d["agency"]: d["state"] for d in self.desks.native.track(doc_id)["deliveries"]}
            assert shown[desk.agency] == state
        if self.sender is self.desks.vxp:
            shown = self.desks.vxp.sent(doc_id)
            assert shown[desk.agency].startswith(_VXP_WORDS[state]), shown


_VXP_WORDS = {
    S.QUEUED: "initial",
    S.DISPATCHED: "initial",
    S.DELIVERED: "done: Hệ thống bên nhận",
    S.RECEIVED: "done: Bên nhận đã tiếp nhận",
    S.REFUSED: "done: Bên nhận từ chối",
    S.RECALLED: "done: Đã thu hồi",
}


@pytest.fixture(params=[NATIVE, VXP, LGSP])
def life(desks: ThreeDesks, request: pytest.FixtureRequest) -> Life:
    return Life(desks, desks.all[request.param])


def test_statuses_to_the_end(life: Life) -> None:
    number, doc_id, octets = life.sends()
    first, second, third = life.recipients
    for desk in life.recipients:
        life.takes(desk, octets)
        life.sees(doc_id, desk, S.DELIVERED)
    for code in ("01", "03", "04", "05", "06"):
        life.status(first, number, code)
        life.hears(life.sender, code, number)
    life.status(second, number, "02", description="Không thuộc thẩm quyền")
    life.hears(life.sender, "02", number)
    life.status(third, number, "05")  # 03 and 04 were skipped
    life.hears(life.sender, "05", number)
    life.status(third, number, "03")  # and comes late
    life.hears(life.sender, "03", number)
    life.sees(doc_id, first, S.RECEIVED)
    life.sees(doc_id, second, S.REFUSED)
    life.sees(doc_id, third, S.RECEIVED)
    assert [s.code for s in life.part(doc_id, first).statuses] == ["01", "03", "04", "05", "06"]
    assert [(s.code, s.standing) for s in life.part(doc_id, third).statuses] == [("05", "advances"), ("03", "late")]
    assert [s.description for s in life.part(doc_id, second).statuses] == ["Không thuộc thẩm quyền"]


def test_an_update_is_asked_and_answered(life: Life) -> None:
    number, doc_id, octets = life.sends()
    first, second, third = life.recipients
    for desk in (first, second):
        life.takes(desk, octets)
    update = Business(
        kind=BusinessKind.UPDATE,
        document_id=document_id(number, sender=life.sender.agency),
        reason="Sửa ngày họp",
        content_changed=True,
    )
    _, update_id, updated = life.sends(business=update)
    for desk in life.recipients:
        assert [one.kind for one in life.part(doc_id, desk).requests] == (
            [] if desk is third else [RequestKind.UPDATE]
        ), "who has not taken it yet gets both, and owes no answer"
        life.takes(desk, updated)
    life.takes(third, octets)
    life.status(first, number, "15", description="Đồng ý")
    life.hears(life.sender, "15", number)
    life.status(second, number, "16", description="Đã trình ký")
    life.hears(life.sender, "16", number)
    (agreed,), (refused,) = life.part(doc_id, first).requests, life.part(doc_id, second).requests
    assert (agreed.state, refused.state) == (RequestState.AGREED, RequestState.REFUSED)
    assert set(life.states(doc_id).values()) == {S.DELIVERED}, "an agreed update takes nothing back"
    (related,) = life.track(doc_id).related
    assert (related.kind, related.forward, related.envelope_id) == (RelationKind.UPDATES, False, update_id)
    (back,) = life.track(update_id).related
    assert (back.kind, back.forward, back.envelope_id) == (RelationKind.UPDATES, True, doc_id)


@pytest.mark.parametrize("way", ["status", "document"])
def test_a_recall_before_and_after_fetching(life: Life, way: str) -> None:
    number, doc_id, octets = life.sends()
    first, second, third = life.recipients
    life.takes(first, octets)
    life.finds(second, octets)  # fetched, and not confirmed
    known = {desk.agency: {one.id for one in desk.waiting()} for desk in life.recipients}
    recall_id = _recall(life, number, way)

    # nobody had fetched it at the third: held back at once, and it is told
    life.sees(doc_id, third, S.RECALLED)
    assert octets not in [third.fetch(one) for one in third.waiting()]
    delivery_id = life.part(doc_id, third).delivery.id
    assert third.fetch(Item(delivery_id, life.sender.agency)) is None
    assert delivery_id in known[third.agency]
    _hears_of_the_recall(life, third, way, number, recall_id)

    # the two others have it: they are asked
    for desk in (first, second):
        (request,) = life.part(doc_id, desk).requests
        assert (request.kind, request.state) == (RequestKind.RECALL, RequestState.OPEN)
        _hears_of_the_recall(life, desk, way, number, recall_id)
    life.status(first, number, "15", description="Đã hủy")
    life.hears(life.sender, "15", number)
    life.status(second, number, "16", description="Đã xử lý xong")
    life.hears(life.sender, "16", number)
    life.sees(doc_id, first, S.RECALLED)
    life.takes(second, octets)
    life.sees(doc_id, second, S.DELIVERED)
    states = {desk.agency: [r.state for r in life.part(doc_id, desk).requests] for desk in life.recipients}
    assert states == {
        first.agency: [RequestState.AGREED],
        second.agency: [RequestState.REFUSED],
        third.agency: [RequestState.HELD_BACK],
    }


def test_a_recall_from_one_of_three(life: Life) -> None:
    number, doc_id, octets = life.sends()
    first, second, third = life.recipients
    life.status(life.sender, number, "13", to=first.agency, description="Gửi nhầm nơi nhận")
    life.sees(doc_id, first, S.RECALLED)
    life.hears(first, "13", number)
    for desk in (second, third):
        assert not life.part(doc_id, desk).requests
        life.takes(desk, octets)
        life.sees(doc_id, desk, S.DELIVERED)


def test_a_replacement_stands_beside_what_it_replaces(life: Life) -> None:
    number, doc_id, octets = life.sends()
    for desk in life.recipients:
        life.takes(desk, octets)
    replaced = Replacement(
        document_id=document_id(number, sender=life.sender.agency),
        organ_ids=tuple(desk.agency for desk in life.recipients),
    )
    business = Business(kind=BusinessKind.REPLACE, reason="Thay thế", replacements=(replaced,))
    _, new_id, new = life.sends(business=business)
    for desk in life.recipients:
        life.takes(desk, new)
    for seen, forward, other in ((doc_id, False, new_id), (new_id, True, doc_id)):
        (related,) = life.track(seen).related
        assert (related.kind, related.forward, related.envelope_id) == (RelationKind.REPLACES, forward, other)
    assert set(life.states(doc_id).values()) == set(life.states(new_id).values()) == {S.DELIVERED}


def test_an_answer_is_tied_to_the_question_by_its_old_code(life: Life) -> None:
    """Number, date and the agency's old code are all that the answering system knows."""
    _, doc_id, octets = life.sends()
    first = next(desk for desk in life.recipients if desk.agency != FOURTH)
    life.takes(first, octets)
    asked = life.track(doc_id).envelope
    old = life.desks.town.service.registry.directory().find(life.sender.agency)
    assert old is not None
    question = ResponseFor(organ_id=old.old_code, code=asked.document_code, promulgation_date=_DAY)
    answering = dataclasses.replace(life, sender=first)
    _, answer_id, answer = answering.sends(to=[life.sender.agency], response_for=(question,))
    answering.takes(life.sender, answer)
    (related,) = life.track(doc_id).related
    assert (related.kind, related.forward, related.envelope_id) == (RelationKind.ANSWERS, False, answer_id)


def _recall(life: Life, number: str, way: str) -> str:
    if way == "status":
        return life.status(life.sender, number, "13", to=life.sender.agency, description="Ban hành nhầm")
    spoken_of = ResponseFor(
        organ_id=life.sender.agency,
        code=f"{number}/STN-VP",
        document_id=document_id(number, sender=life.sender.agency),
        promulgation_date=_DAY,
    )
    business = Business(kind=BusinessKind.REVOKE, reason="Ban hành nhầm")
    return life.sends(business=business, response_for=(spoken_of,))[1]


def _hears_of_the_recall(life: Life, desk: Desk, way: str, number: str, recall_id: str) -> None:
    if way == "status":
        life.hears(desk, "13", number)
        return
    delivery_id = life.part(recall_id, desk).delivery.id
    (item,) = [one for one in desk.waiting() if one.id == delivery_id]
    revocation = desk.fetch(item)
    assert revocation is not None
    assert b"Ban h" in revocation
    desk.done(item)
