"""Recall, update and answer, told to the use cases: who may ask for what back, of whom, when, and how often."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from envelopes.model import Business, BusinessKind, ResponseFor
from scripts.private_postgresql import PostgresServer
from scripts.province import FIRST, SECOND, SENDER, document_id, make_province
from tests.trunk_room import Room, caller, open_room
from trunk.application.handover import Confirmed, Content, Failed, Taken
from trunk.domain.business_status import Standing
from trunk.domain.change_request import RequestKind, RequestState
from trunk.domain.delivery import DeliveryState, EnvelopeId
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import DeliveryTrack, EnvelopeTrack, StatusSearch

S = DeliveryState
DAY = date(2026, 11, 22)
NUMBERS = count(1)
OLD = {SENDER: "000.00.01.H41", FIRST: "000.00.17.H36", SECOND: "000.00.00.G12"}


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url = ""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        url = server.new_database()
    with opened(tmp_path_factory.mktemp("province"), url) as room:
        yield room


@contextmanager
def opened(folder: Path, url: str = "") -> Iterator[Room]:
    with structlog.testing.capture_logs(), open_room(make_province(folder, database_url=url)) as room:
        yield room


class Story:
    """One document by ``SENDER`` to the two others."""

    def __init__(self, room: Room, *, number: str = "", **wish: Any) -> None:
        self.room, self.number = room, number or str(next(NUMBERS))
        self.octets = room.province.signed(self.number, **wish)
        self.id = room.accepted(self.octets, by=wish.get("sender", SENDER)).accepted.envelope.id

    @property
    def track(self) -> EnvelopeTrack:
        track = self.room.service.tracking.track(self.id)
        assert track is not None
        return track

    def part(self, agency: str = FIRST) -> DeliveryTrack:
        (part,) = [d for d in self.track.deliveries if d.delivery.addressee == agency]
        return part

    def state(self, agency: str = FIRST) -> DeliveryState:
        return self.part(agency).delivery.state

    def requests(self, agency: str = FIRST) -> list[tuple[str, str]]:
        return [(request.kind.value, request.state.value) for request in self.part(agency).requests]

    def fetch(self, agency: str = FIRST) -> Content | Rejected:
        return self.room.service.handover.fetch(caller(agency), self.part(agency).delivery.id)

    def take(self, agency: str = FIRST) -> None:
        assert isinstance(self.fetch(agency), Content)
        assert isinstance(self.confirm(agency), Confirmed)

    def confirm(self, agency: str = FIRST) -> Confirmed | Rejected:
        word = Taken(self.track.envelope.sha256)
        return self.room.service.handover.confirm(caller(agency), self.part(agency).delivery.id, word)

    def says(self, agency: str, code: str, *, to: str = SENDER, of: str = SENDER, description: str = "lý do") -> Any:
        status = self.room.province.status(
            self.number, code, reporter=agency, sender=to, of=of, description=description
        )
        return self.room.accepted(status, by=agency)

    def recall(self, *, to: str = SENDER, by: str = SENDER, description: str = "gửi nhầm") -> EnvelopeId:
        said: EnvelopeId = self.says(by, "13", to=to, description=description).accepted.envelope.id
        return said

    def revoke(self, *, by: str = SENDER, to: tuple[str, ...] = (FIRST, SECOND), **named: Any) -> EnvelopeId:
        spoken_of = ResponseFor(**{"organ_id": SENDER, "document_id": document_id(self.number), **named})
        business = Business(kind=BusinessKind.REVOKE, reason="gửi nhầm")
        number = str(next(NUMBERS))
        octets = self.room.province.signed(
            number, sender=by, recipients=to, business=business, response_for=(spoken_of,)
        )
        accepted: EnvelopeId = self.room.accepted(octets, by=by).accepted.envelope.id
        return accepted

    def told(self, kind: str = "recalled") -> int:
        """How often the sender was told under the trunk's seal."""
        return sum(a.envelope.acknowledges == kind for a in self.track.acknowledgements)


# what becomes of a delivery


def test_what_nobody_fetched_is_held_back_and_never_leaves(room: Room) -> None:
    story = Story(room)
    story.recall()
    assert (story.state(FIRST), story.state(SECOND)) == (S.RECALLED, S.RECALLED)
    assert story.requests() == [("recall", "held_back")]
    assert story.told() == 2
    for answer in (story.fetch(), story.confirm()):
        assert isinstance(answer, Rejected)
        assert answer.code is Code.RECALLED
    failed = room.service.handover.confirm(caller(FIRST), story.part().delivery.id, Failed("đầy đĩa"))
    assert isinstance(failed, Rejected)
    assert failed.code is Code.RECALLED
    told = [item.envelope for item in room.inbox(FIRST) if item.envelope.about == story.id]
    assert [envelope.status_code for envelope in told] == ["13"]


def test_what_was_fetched_is_asked_back_even_if_nobody_confirmed_it(room: Room) -> None:
    story = Story(room)
    assert isinstance(story.fetch(), Content)
    story.recall()
    assert (story.state(FIRST), story.state(SECOND)) == (S.DISPATCHED, S.RECALLED) or story.state(FIRST) is S.QUEUED
    assert story.requests() == [("recall", "open")]
    assert isinstance(story.confirm(), Confirmed), "it is asked, and nothing is taken from it"
    story.says(FIRST, "15")
    assert story.state() is S.RECALLED
    assert story.requests() == [("recall", "agreed")]
    assert story.told() == 2
    assert isinstance(story.fetch(), Content), "what left once may be looked at again"


@pytest.mark.parametrize(("before", "asked"), [("03", True), ("02", False)])
def test_who_took_it_in_is_asked_and_who_turned_it_down_has_nothing_to_give_back(
    room: Room,
    before: str,
    asked: bool,  # noqa: FBT001 - a table
) -> None:
    story = Story(room)
    story.take()
    story.says(FIRST, before)
    story.recall()
    assert story.requests() == ([("recall", "open")] if asked else [])
    story.says(FIRST, "16")
    assert story.requests() == ([("recall", "refused")] if asked else [])
    assert story.state() is (S.RECEIVED if asked else S.REFUSED)


def test_what_nobody_took_in_its_lifetime_can_be_recalled(tmp_path: Path) -> None:
    with opened(tmp_path) as room:
        story = Story(room)
        room.clock.pass_by(timedelta(days=8))
        while not room.service.sweep.run_once().idle:
            pass
        assert story.state() is S.EXPIRED
        story.recall()
        assert story.state() is S.RECALLED
        assert story.requests() == [("recall", "held_back")]


# who may ask


def test_nobody_recalls_what_others_sent(room: Room) -> None:
    """By naming its DocumentId, its number, or its sender."""
    story = Story(room)
    for to in (SENDER, FIRST, SECOND):
        story.recall(by=SECOND, to=to)
    for named in ({}, {"organ_id": SECOND}, {"document_id": "", "code": f"{story.number}/STN-VP"}):
        story.revoke(by=SECOND, to=(FIRST, SENDER), promulgation_date=DAY, **named)
    assert story.state(FIRST) is not S.RECALLED
    assert story.requests(FIRST) == story.requests(SECOND) == []
    assert story.told() == 0


def test_nobody_gives_back_for_others(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    story.recall(to=FIRST)
    status = story.says(SECOND, "15").accepted.envelope.id
    assert story.requests(FIRST) == [("recall", "open")]
    (report,) = [r for r in story.part(SECOND).statuses if r.envelope_id == status]
    assert report.standing is Standing.UNASKED


def test_a_recall_of_one_is_of_that_one(room: Room) -> None:
    story = Story(room)
    story.recall(to=FIRST)
    assert (story.state(FIRST), story.requests(SECOND)) == (S.RECALLED, [])
    assert isinstance(story.fetch(SECOND), Content)


def test_a_revocation_concerns_those_whom_it_addresses(room: Room) -> None:
    story = Story(room)
    asking = story.revoke(to=(SECOND,))
    assert (story.state(SECOND), story.requests(FIRST)) == (S.RECALLED, [])
    assert asking in [item.envelope.id for item in room.inbox(SECOND)]
    assert asking not in [item.envelope.id for item in room.inbox(FIRST)]


@pytest.mark.parametrize(
    "named",
    [
        {"organ_id": OLD[SENDER], "document_id": ""},
        {"organ_id": FIRST, "document_id": ""},  # the number under the recipient: the sender's own is tried as well
        {"organ_id": SENDER, "document_id": "{old}"},
    ],
)
def test_a_revocation_finds_it_by_number_and_date_and_under_old_codes(room: Room, named: dict[str, str]) -> None:
    story = Story(room)
    said = {
        key: text.replace("{old}", f"{OLD[SENDER]},2026/11/22,{story.number}/STN-VP") for key, text in named.items()
    }
    story.revoke(promulgation_date=DAY, code=f"{story.number}/stn-vp", **said)
    assert (story.state(FIRST), story.state(SECOND)) == (S.RECALLED, S.RECALLED)


# again and again


def test_the_same_recall_again_is_the_same_and_another_one_asks_nothing_more(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    status = room.province.status(story.number, "13", reporter=SENDER, sender=SENDER, description="gửi nhầm")
    first, second = room.accepted(status), room.accepted(status)
    assert (first.accepted.sealed, second.repeated) == (second.accepted.sealed, True)
    story.recall(description="gửi nhầm, xin nhắc lại")
    story.revoke()
    assert story.requests(FIRST) == [("recall", "open")]
    assert story.requests(SECOND) == [("recall", "held_back")]
    assert story.told() == 1
    story.says(FIRST, "15")
    story.says(FIRST, "15", description="đã hủy rồi")
    assert [r.standing for r in story.part().statuses] == [Standing.ANSWERS, Standing.UNASKED]
    assert story.told() == 2


def test_one_name_for_several_documents_means_all_of_them(room: Room) -> None:
    """Fixed ids of sample messages are sent as they are: whoever recalls the name means everything under it."""
    one = Story(room)
    other = Story(room, number=one.number, content=b"%PDF-1.7\nanother\n")
    one.recall()
    assert (one.state(), other.state()) == (S.RECALLED, S.RECALLED)


def test_a_recall_of_what_never_came_is_kept_and_passed_on_and_can_be_seen(room: Room) -> None:
    number = str(next(NUMBERS))
    status = room.province.status(number, "13", reporter=SENDER, sender=FIRST, of=SENDER, description="gửi nhầm")
    said = room.accepted(status).accepted.envelope
    assert said.id in [item.envelope.id for item in room.inbox(FIRST)]
    lines = room.service.tracking.statuses(StatusSearch(unmatched=True))
    assert (said.id, Standing.UNMATCHED) in [(line.envelope.id, line.report.standing) for line in lines]


def test_an_update_asks_those_who_have_it_and_is_answered_after_the_recall(room: Room) -> None:
    story = Story(room)
    story.take(FIRST)
    business = Business(kind=BusinessKind.UPDATE, document_id=document_id(story.number), content_changed=True)
    room.accepted(room.province.signed(str(next(NUMBERS)), business=business))
    assert story.requests(FIRST) == [("update", "open")]
    assert story.requests(SECOND) == []
    story.recall(to=FIRST)
    story.says(FIRST, "15")
    assert [(r.kind, r.state) for r in story.part().requests] == [
        (RequestKind.UPDATE, RequestState.OPEN),
        (RequestKind.RECALL, RequestState.AGREED),
    ]
    story.says(FIRST, "16", description="không cập nhật")
    assert story.requests(FIRST) == [("update", "refused"), ("recall", "agreed")]


# at the same moment


def test_fetch_and_recall_at_once_have_one_winner(room: Room) -> None:
    """Never both: held back, and octets that have left."""
    for _ in range(12):
        story = Story(room, recipients=[FIRST])
        recall = room.province.status(story.number, "13", reporter=SENDER, sender=SENDER, description="gửi nhầm")
        start = threading.Barrier(2)

        def fetch(story: Story = story, start: threading.Barrier = start) -> Content | Rejected:
            start.wait()
            return story.fetch()

        def ask(recall: bytes = recall, start: threading.Barrier = start) -> None:
            start.wait()
            room.accepted(recall)

        with ThreadPoolExecutor(2) as pool:
            fetched, asked = pool.submit(fetch), pool.submit(ask)
            asked.result()
            left = isinstance(fetched.result(), Content)
        assert story.requests() == [("recall", "open" if left else "held_back")]
        assert (story.state() is S.RECALLED) is not left
        assert story.told() == (0 if left else 1)
