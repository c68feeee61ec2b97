"""Recalls and statuses where codes, systems and hubs are not what they were: whose document is it now?"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from envelopes.model import Business, BusinessKind, ResponseFor
from scripts.province import FIRST, SECOND, SENDER, document_id
from tests.scenarios.test_recalls import DAY, Story, opened
from tests.trunk_room import Room, caller
from trunk.application.handover import Confirmed, Content, GivenBack, Relayed, Taken
from trunk.application.replay import Order
from trunk.bootstrap import open_administration
from trunk.domain.agency import HubSide
from trunk.domain.business_status import Standing
from trunk.domain.delivery import DeliveryState
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code

S = DeliveryState


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with opened(tmp_path) as room:
        yield room


def merge(room: Room, code: str, into: str) -> None:
    with open_administration(room.province.settings()) as administrator:
        administrator.administration.merge(code, into)
    room.clock.pass_by(timedelta(seconds=3))  # the directory is believed for two


# agencies that were merged since


def test_a_recall_from_an_agency_that_was_merged_since_reaches_what_it_has(room: Room) -> None:
    """Named by its code of before or its successor's; its own neighbour keeps what it got itself."""
    one, other = Story(room), Story(room)
    merge(room, FIRST, SECOND)
    one.recall(to=FIRST)
    assert (one.state(FIRST), one.requests(SECOND)) == (S.RECALLED, [])
    other.recall(to=SECOND)
    assert (other.state(FIRST), other.state(SECOND)) == (S.RECALLED, S.RECALLED)


def test_a_revocation_to_a_code_of_before_concerns_what_went_there(room: Room) -> None:
    story = Story(room)
    merge(room, FIRST, SECOND)
    story.revoke(to=(FIRST,))
    assert (story.state(FIRST), story.requests(SECOND)) == (S.RECALLED, [])


def test_the_successor_answers_for_the_agency_that_was_merged_into_it(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    merge(room, FIRST, SECOND)
    story.recall(to=FIRST)
    assert story.requests(FIRST) == [("recall", "open")]
    story.says(SECOND, "15")
    assert (story.state(FIRST), story.state(SECOND)) == (S.RECALLED, S.QUEUED)


def test_a_merged_agencys_old_system_speaks_of_its_own_mail_only(room: Room) -> None:
    """It still sends under the old code, which is the successor's name now; that opens none of the successor's mail."""
    story, other = Story(room), Story(room, recipients=[SECOND])
    story.take(SECOND)
    other.take(SECOND)
    merge(room, FIRST, SECOND)
    story.says(FIRST, "03")
    assert (story.state(FIRST), story.state(SECOND)) == (S.RECEIVED, S.DELIVERED)
    said = other.says(FIRST, "02").accepted.envelope
    assert other.state(SECOND) is S.DELIVERED
    assert said.about is None
    other.recall()
    other.says(FIRST, "15")
    assert other.requests(SECOND) == [("recall", "open")]


@pytest.mark.parametrize("way", ["status", "document"])
def test_a_merged_agencys_old_system_recalls_nothing_of_its_successor(room: Room, way: str) -> None:
    story = Story(room)
    merge(room, FIRST, SENDER)
    if way == "status":
        story.recall(by=FIRST, to=SECOND)
        story.recall(by=FIRST, to=SENDER)
    else:
        story.revoke(by=FIRST, to=(SECOND,))
    assert (story.state(SECOND), story.requests(SECOND), story.told()) == (S.QUEUED, [], 0)
    story.recall(to=SECOND)
    assert story.state(SECOND) is S.RECALLED, "its own system does"


def test_a_merged_agencys_old_system_recalls_what_it_sent_before_and_since(room: Room) -> None:
    before = Story(room, sender=FIRST, recipients=[SECOND])
    merge(room, FIRST, SENDER)
    after = Story(room, sender=FIRST, recipients=[SECOND])
    for story in (before, after):
        status = room.province.status(story.number, "13", reporter=FIRST, sender=SECOND, of=FIRST, description="nhầm")
        room.accepted(status, by=FIRST)
        assert story.state(SECOND) is S.RECALLED


def test_the_successor_recalls_what_the_merged_agency_had_sent(room: Room) -> None:
    story = Story(room, sender=FIRST, recipients=[SECOND])
    merge(room, FIRST, SENDER)
    status = room.province.status(story.number, "13", reporter=SENDER, sender=SECOND, of=FIRST, description="gửi nhầm")
    room.accepted(status)
    assert story.state(SECOND) is S.RECALLED


def test_a_recall_from_an_agency_that_was_merged_into_the_sender_is_not_one_of_all(room: Room) -> None:
    story = Story(room)
    merge(room, FIRST, SENDER)
    story.recall(to=FIRST)
    assert (story.state(FIRST), story.requests(SECOND)) == (S.RECALLED, [])
    story.recall(to=SENDER)
    assert story.state(SECOND) is S.RECALLED


# documents that revoke


def test_a_revocation_may_have_the_id_of_what_it_revokes_and_is_no_target_itself(room: Room) -> None:
    story = Story(room)
    business = Business(kind=BusinessKind.REVOKE, document_id=document_id(story.number), reason="gửi nhầm")
    revocation = Story(room, number=story.number, business=business)
    assert [story.state(to) for to in (FIRST, SECOND)] == [S.RECALLED] * 2
    story.recall(description="và bằng trạng thái")
    assert [revocation.state(to) for to in (FIRST, SECOND)] == [S.QUEUED] * 2
    assert isinstance(revocation.fetch(), Content)
    assert story.told() == 2


def test_the_same_revocation_again_gets_the_first_answer_and_asks_nothing(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    spoken_of = ResponseFor(organ_id=SENDER, code=f"{story.number}/STN-VP", promulgation_date=DAY)
    octets = room.province.signed(
        f"{story.number}-back", business=Business(kind=BusinessKind.REVOKE, reason="nhầm"), response_for=(spoken_of,)
    )
    first, second = room.accepted(octets), room.accepted(octets)
    assert (first.accepted, first.repeated, second.repeated) == (second.accepted, False, True)
    story.says(FIRST, "16")
    assert room.accepted(octets).repeated
    assert story.requests(FIRST) == [("recall", "refused")]
    assert story.requests(SECOND) == [("recall", "held_back")]
    assert story.told() == 1


# what must not be undone, or said


def test_a_recalled_delivery_is_not_replayed(room: Room) -> None:
    story = Story(room)
    story.recall()
    with open_administration(room.province.settings()) as administrator:
        refused = administrator.replay.one(story.part().delivery.id, Order(operator="quản trị", reason="thử"))
    assert isinstance(refused, Rejected)
    assert (refused.code, refused.flaws[0].got) == (Code.ALREADY_SETTLED, "recalled")
    assert story.state() is S.RECALLED


@pytest.mark.parametrize(
    ("asked", "state", "told"), [(True, S.RECALLED, "recalled"), (False, S.EXPIRED, "undeliverable")]
)
def test_a_hub_gives_back_only_what_was_asked_back(
    room: Room,
    asked: bool,  # noqa: FBT001 - a table
    state: DeliveryState,
    told: str,
) -> None:
    """Its sender is never told that a document was recalled which nobody has recalled."""
    story = Story(room, recipients=[FIRST])
    hub = dataclasses.replace(caller(FIRST), hub=HubSide.BELOW)
    handover, delivery_id = room.service.handover, story.part().delivery.id
    assert isinstance(handover.fetch(hub, delivery_id), Content)
    assert isinstance(handover.confirm(hub, delivery_id, Relayed()), Confirmed)
    if asked:
        story.recall()
    assert isinstance(handover.confirm(hub, delivery_id, GivenBack()), Confirmed)
    assert (story.state(), story.told(told)) == (state, 1)


def test_a_refused_recall_may_be_asked_again_and_a_late_answer_finds_no_question(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    story.recall(to=FIRST)
    story.says(FIRST, "16")
    story.says(FIRST, "15", description="nghĩ lại")
    assert story.state() is S.DELIVERED
    assert story.part().statuses[-1].standing is Standing.UNASKED
    story.recall(to=FIRST, description="xin đề nghị lần nữa")
    story.says(FIRST, "15", description="đồng ý")
    assert story.requests() == [("recall", "refused"), ("recall", "agreed")]
    assert (story.state(), story.told()) == (S.RECALLED, 1)


def test_what_was_given_back_is_not_confirmed_into_being(room: Room) -> None:
    story = Story(room)
    assert isinstance(story.fetch(), Content)
    story.recall(to=FIRST)
    story.says(FIRST, "15")
    again = room.service.handover.confirm(caller(FIRST), story.part().delivery.id, Taken(story.track.envelope.sha256))
    assert isinstance(again, Confirmed)
    assert (again.repeated, story.state(), story.told("delivered")) == (True, S.RECALLED, 0)
