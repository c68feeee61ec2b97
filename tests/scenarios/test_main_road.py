"""The main road from inside: who may send what to whom, what statuses do, what time does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from scripts.province import AGENCIES, make_province
from tests.trunk_room import FIRST, SECOND, SENDER, Room, caller, open_room
from trunk.application.handover import Confirmed, Failed, Taken
from trunk.application.replay import Order
from trunk.application.submission import Submission
from trunk.bootstrap import open_administration
from trunk.domain.agency import Directory
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import Search
from trunk.storage.views import View


@pytest.fixture(scope="module")
def shared_room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    folder: Path = tmp_path_factory.mktemp("province")
    with open_room(make_province(folder)) as room:
        yield room


@pytest.fixture
def room(shared_room: Room) -> Room:
    """The shared one, with empty inboxes."""
    for agency in AGENCIES:
        shared_room.take(agency)
    for agency in AGENCIES:
        shared_room.take(agency)
    return shared_room


@pytest.fixture
def number(request: pytest.FixtureRequest) -> str:
    """A document number of the test's own."""
    return f"{abs(hash(request.node.name)) % 10**8}"


# who may send what to whom


def test_the_same_octets_again_get_the_same_answer(room: Room, number: str) -> None:
    octets = room.province.signed(number)
    first, second = room.accepted(octets), room.accepted(octets)
    assert (first.repeated, second.repeated) == (False, True)
    assert first.accepted == second.accepted
    assert room.facts() == ["accepted"]


def test_what_was_accepted_stays_accepted_when_the_same_octets_come_again(room: Room, number: str) -> None:
    octets = room.province.document(number, recipients=(FIRST,))
    with _policy(room, "deliver-marked"):
        first = room.accepted(octets)
    again = room.accepted(octets)  # it would be refused today
    assert again.repeated
    assert again.accepted == first.accepted


def test_an_agency_named_under_two_codes_gets_one_delivery(room: Room, number: str) -> None:
    old = AGENCIES[FIRST][1]
    accepted = room.accepted(room.province.signed(number, recipients=(FIRST, old, SECOND))).accepted
    assert [delivery.addressee for delivery in accepted.deliveries] == [FIRST, SECOND]


def test_every_unknown_addressee_is_named_and_nobody_gets_anything(room: Room, number: str) -> None:
    octets = room.province.signed(number, recipients=(FIRST, "X99", "000.00.00.X98"))
    assert room.refusal(octets) == [(Code.ADDRESSEE_UNKNOWN, "X99"), (Code.ADDRESSEE_UNKNOWN, "000.00.00.X98")]
    assert not room.inbox(FIRST)


def test_a_refusal_is_acknowledged_under_seal_once(room: Room, number: str) -> None:
    octets = room.province.signed(number, recipients=("X99",))
    first, second = room.submit(octets), room.submit(octets)
    assert isinstance(first, Rejected)
    assert isinstance(second, Rejected)
    assert first.sealed is not None
    assert b"ADR-103" in first.sealed
    assert first.sealed == second.sealed
    assert room.facts() == ["rejected"]
    (told,) = room.service.tracking.rejections(f"{number}/STN-VP")
    assert told.description == "ADR-103", "a clerk who asks is told why"


def test_nobody_sends_in_another_agencys_name(room: Room, number: str) -> None:
    octets = room.province.signed(number)
    assert room.refusal(octets, by=FIRST) == [(Code.SENDER_NOT_CALLER, SENDER)]
    assert room.facts(SENDER) == room.facts(FIRST) == []


def test_a_signature_of_somebody_without_a_mandate_is_refused(room: Room, number: str) -> None:
    octets = room.province.signed(number, signer=room.province.signer(FIRST))
    assert [code for code, _ in room.refusal(octets)] == [Code.SIGNER_WITHOUT_MANDATE]


@pytest.mark.parametrize(
    ("identity", "code"),
    [
        ("expired", Code.CERTIFICATE_EXPIRED),
        ("wrong-usage", Code.KEY_USAGE),
        ("another-root-person", Code.UNTRUSTED),
    ],
)
def test_a_certificate_that_does_not_hold_is_refused(room: Room, number: str, identity: str, code: Code) -> None:
    signer = room.province.pki[identity]
    day = signer.certificate.not_valid_before_utc + timedelta(days=1)
    octets = room.province.signed(f"{number}-{identity}", signer=signer, at=day)
    assert [found for found, _ in room.refusal(octets)] == [code]


def test_one_changed_octet_of_an_attachment_is_a_forgery(room: Room, number: str) -> None:
    octets = room.province.signed(number, content=b"A" * 9_000)
    forged = octets.replace(b"QUFBQUFBQUFB", b"QUFBQUFCQUFB", 1)
    assert forged != octets
    assert [code for code, _ in room.refusal(forged)] == [Code.DIGEST_MISMATCH]
    assert not room.inbox(FIRST)


def test_an_unsigned_document_is_refused_unless_the_senders_policy_lets_it_travel_marked(
    room: Room, number: str
) -> None:
    octets = room.province.document(number, recipients=(FIRST,))
    assert [code for code, _ in room.refusal(octets)] == [Code.UNSIGNED]
    with _policy(room, "deliver-marked"):
        assert room.accepted(octets).accepted.envelope.marked
        (item,) = room.inbox(FIRST)
        assert item.envelope.marked
        forged = room.province.signed(number, recipients=(FIRST,)).replace(b"trial", b"trail").replace(b"V/v", b"V/V")
        assert [code for code, _ in room.refusal(forged)] == [Code.DIGEST_MISMATCH]


class _policy:  # noqa: N801
    """The sender's signature policy, for a while."""

    def __init__(self, room: Room, policy: str) -> None:
        self._room, self._policy = room, policy

    def __enter__(self) -> None:
        self._put(self._policy)

    def __exit__(self, *_: object) -> None:
        self._put("required")

    def _put(self, policy: str) -> None:
        with open_administration(self._room.province.settings()) as admin:
            agency = next(a for a in admin.tracking.agencies() if a.code == SENDER)
            admin.administration.put_agencies([replace(agency, signature_policy=policy)])
        self._room.clock.pass_by(timedelta(seconds=5))  # longer than the directory is kept


# hand-over


def test_a_confirmation_needs_the_right_digest(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    (item,) = room.inbox(FIRST)
    answer = room.service.handover.confirm(caller(FIRST), item.delivery.id, Taken("0" * 64))
    assert isinstance(answer, Rejected)
    assert answer.code is Code.WRONG_DIGEST
    assert len(room.inbox(FIRST)) == 1


def test_a_confirmation_again_is_a_quiet_success(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    (item,) = room.inbox(FIRST)
    word = Taken(item.envelope.sha256)
    answers = [room.service.handover.confirm(caller(FIRST), item.delivery.id, word) for _ in range(2)]
    assert [a.repeated for a in answers if isinstance(a, Confirmed)] == [False, True]
    assert room.facts() == ["accepted", "delivered"]
    late = room.service.handover.confirm(caller(FIRST), item.delivery.id, Failed("disk"))
    assert isinstance(late, Rejected)
    assert late.code is Code.ALREADY_CONFIRMED


def test_somebody_elses_delivery_does_not_exist(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    (item,) = room.inbox(FIRST)
    for answer in (
        room.service.handover.fetch(caller(SECOND), item.delivery.id),
        room.service.handover.confirm(caller(SECOND), item.delivery.id, Taken(item.envelope.sha256)),
        room.service.tracking.track_for(caller(SECOND), item.envelope.id),
    ):
        assert isinstance(answer, Rejected)
        assert answer.code is Code.NOT_FOUND


def test_a_failed_take_over_is_offered_again_later(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    room.service.dispatch.run_once()
    (item,) = room.inbox(FIRST)
    answer = room.service.handover.confirm(caller(FIRST), item.delivery.id, Failed("disk full"))
    assert isinstance(answer, Confirmed)
    assert answer.delivery.state is DeliveryState.DEFERRED
    assert room.service.sweep.run_once().requeued == 0
    room.clock.pass_by(timedelta(minutes=1))
    assert room.service.sweep.run_once().requeued == 1
    (again,) = room.inbox(FIRST)
    assert (again.delivery.id, again.delivery.state) == (item.delivery.id, DeliveryState.QUEUED)


def test_urgent_mail_comes_first_then_the_oldest(room: Room, number: str) -> None:
    for n, priority in enumerate((0, 3, 0, 1)):
        room.accepted(room.province.signed(f"{number}-{n}", recipients=(FIRST,), priority=priority))
    assert [item.envelope.document_code for item in room.inbox(FIRST)] == [f"{number}-{n}/STN-VP" for n in (1, 3, 0, 2)]


# statuses


@pytest.mark.parametrize(
    ("code", "state", "fact"),
    [
        ("01", DeliveryState.DELIVERED, "delivered"),
        ("02", DeliveryState.REFUSED, "refused"),
        ("03", DeliveryState.RECEIVED, "received"),
        ("06", DeliveryState.RECEIVED, "received"),
    ],
)
def test_a_status_moves_its_delivery_and_reaches_the_sender(
    room: Room, number: str, code: str, state: DeliveryState, fact: str
) -> None:
    number = f"{number}-{code}"
    document = room.accepted(room.province.signed(number, recipients=(FIRST,))).accepted.envelope
    status = room.province.status(number, code, reporter=FIRST, description="Sai thẩm quyền")
    room.accepted(status, by=FIRST)
    track = room.service.tracking.track(document.id)
    assert track is not None
    assert [d.delivery.state for d in track.deliveries] == [state]
    assert [s.code for s in track.deliveries[0].statuses] == [code]
    assert room.facts() == sorted(["accepted", fact, code])
    assert status in room.take(SENDER), "the status reaches the sender octet for octet"


@pytest.mark.parametrize("code", ["03", "13"])
def test_who_enters_a_status_never_holds_one_connection_and_waits_for_another(
    room: Room, number: str, code: str
) -> None:
    """As many at once as there are connections would all wait for each other."""
    entrance = room.service.intake.entrance
    reading: list[int] = []

    class Watched:
        @contextmanager
        def read(self) -> Iterator[View]:
            reading.append(1)
            with entrance.receipts.ledger.read() as view:
                yield view
            reading.pop()

    def directory() -> Directory:
        assert not reading
        return room.service.registry.directory()

    ledger: Any = Watched()
    receipts = replace(entrance.receipts, ledger=ledger, directories=directory)
    intake = replace(room.service.intake, entrance=replace(entrance, receipts=receipts))
    room.accepted(room.province.signed(f"{number}-{code}", recipients=(FIRST,)))
    by = {"03": FIRST, "13": SENDER}[code]
    status = room.province.status(f"{number}-{code}", code, reporter=by, description="Gửi nhầm")
    submission = Submission(
        caller=room.caller(by), octets=status, size=len(status), sha256=hashlib.sha256(status).hexdigest()
    )
    assert isinstance(intake.submit(submission), Accepted)


def test_repeated_and_late_statuses_are_kept_and_move_nothing_back(room: Room, number: str) -> None:
    document = room.accepted(room.province.signed(number, recipients=(FIRST,))).accepted.envelope
    for n, code in enumerate(("03", "05", "04", "03", "01", "02")):
        room.clock.pass_by(timedelta(seconds=1))
        status = room.province.status(number, code, reporter=FIRST, description=f"lần {n}")
        room.accepted(status, by=FIRST)
    track = room.service.tracking.track(document.id)
    assert track is not None
    assert track.deliveries[0].delivery.state is DeliveryState.RECEIVED
    assert [s.code for s in track.deliveries[0].statuses] == ["03", "05", "04", "03", "01", "02"]
    assert room.facts().count("received") == 1


def test_a_status_on_an_unknown_document_reaches_its_addressee_all_the_same(room: Room, number: str) -> None:
    room.accepted(room.province.status(number, "03", reporter=FIRST), by=FIRST)
    assert room.facts() == ["03"]


def test_a_recall_goes_to_the_recipient_and_its_answer_back(room: Room, number: str) -> None:
    document = room.accepted(room.province.signed(number, recipients=(FIRST,))).accepted.envelope
    room.take(FIRST)
    recall = room.province.status(number, "13", reporter=SENDER, sender=FIRST, description="Nhầm", of=SENDER)
    room.accepted(recall, by=SENDER)
    assert room.facts(FIRST) == ["13"]
    room.accepted(room.province.status(number, "15", reporter=FIRST), by=FIRST)
    assert "15" in room.facts(SENDER)
    track = room.service.tracking.track(document.id)
    assert track is not None
    assert [s.code for s in track.statuses] == ["13"]
    assert [s.code for s in track.deliveries[0].statuses] == ["15"]


@pytest.mark.parametrize("code", ["90", "93"])
def test_an_agency_cannot_write_the_trunks_acknowledgements(room: Room, number: str, code: str) -> None:
    octets = room.province.status(number, "03", reporter=FIRST).replace(b">03<", f">{code}<".encode())
    assert Code.BAD_VALUE in [found for found, _ in room.refusal(octets, by=FIRST)]


def test_a_refusal_without_a_reason_is_refused(room: Room, number: str) -> None:
    octets = room.province.status(number, "02", reporter=FIRST)
    assert [code for code, _ in room.refusal(octets, by=FIRST)] == [Code.NO_REASON]


# time, and administrators


def test_what_nobody_takes_expires_aloud_and_a_late_confirmation_is_believed(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    (item,) = room.inbox(FIRST)
    start = room.clock.at
    try:
        room.clock.pass_by(timedelta(days=7, seconds=1))
        assert room.service.sweep.run_once().expired >= 1
        assert not room.inbox(FIRST)
        assert "undeliverable" in room.facts()
        answer = room.service.handover.confirm(caller(FIRST), item.delivery.id, Taken(item.envelope.sha256))
        assert isinstance(answer, Confirmed)
        assert answer.delivery.state is DeliveryState.DELIVERED
    finally:
        room.clock.at = start


def test_a_document_that_waits_too_long_is_overdue(room: Room, number: str) -> None:
    room.accepted(room.province.signed(number, recipients=(FIRST,)))
    start = room.clock.at
    try:
        assert not room.service.punctuality.overdue().deliveries
        room.clock.pass_by(timedelta(days=20))  # longer than any holidays
        late = room.service.punctuality.overdue().deliveries
        assert FIRST in [line.delivery.addressee for line in late]
    finally:
        room.clock.at = start


def test_a_replay_puts_a_taken_envelope_back_with_who_and_why(room: Room, number: str) -> None:
    document = room.accepted(room.province.signed(number, recipients=(FIRST,))).accepted.envelope
    room.take(FIRST)
    with open_administration(room.province.settings()) as admin:
        (line,) = admin.replay.candidates(Search(text=number, kinds=frozenset({EnvelopeKind.DOCUMENT})))
        done = admin.replay.one(line.delivery.id, Order(operator="quản trị", reason="mất dữ liệu"))
    assert done.outcome == "queued"
    (item,) = room.inbox(FIRST)
    assert item.delivery.version > line.delivery.version
    track = room.service.tracking.track(document.id)
    assert track is not None
    assert [(e.actor, e.reason) for e in track.deliveries[0].timeline if e.event == "replay_ordered"] == [
        ("quản trị", "mất dữ liệu")
    ]
    room.take(FIRST)
    assert room.facts().count("delivered") == 1, "one fact, one acknowledgement"


def test_an_idle_trunk_writes_nothing(room: Room) -> None:
    room.service.dispatch.run_once()
    before = _file_state(room)
    for _ in range(3):
        assert room.service.dispatch.run_once().idle
        assert room.service.sweep.run_once().idle
    assert _file_state(room) == before


def _file_state(room: Room) -> list[tuple[str, int, int]]:
    folder = room.province.settings().data_folder
    return [
        (f.name, f.stat().st_size, f.stat().st_mtime_ns)
        for f in sorted(folder.glob("ledger.db*"))
        if "shm" not in f.name
    ]
