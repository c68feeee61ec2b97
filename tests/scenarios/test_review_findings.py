"""Traps that an adversarial reading of the first version found: each must stay closed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from queues.broker import FullError, Message, QueueError, UnroutableError
from scripts.province import make_province
from tests.trunk_room import FIRST, SECOND, SENDER, Room, caller, open_room
from trunk.application.handover import Confirmed, Failed
from trunk.application.replay import Order
from trunk.bootstrap import open_administration
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxPage, Search


@pytest.fixture
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    with open_room(make_province(tmp_path_factory.mktemp("province"))) as room:
        yield room


def states(room: Room, *envelopes: str) -> list[DeliveryState]:
    tracks = [room.service.tracking.track(e) for e in envelopes]
    return [track.deliveries[0].delivery.state for track in tracks if track]


def test_a_status_speaks_of_the_document_that_its_reporter_has_in_hand(room: Room) -> None:
    first = room.accepted(room.province.signed("7", recipients=(FIRST,), content=b"one")).accepted.envelope
    room.take(FIRST)
    second = room.accepted(room.province.signed("7", recipients=(FIRST,), content=b"two")).accepted.envelope
    room.accepted(room.province.status("7", "03", reporter=FIRST), by=FIRST)
    assert states(room, first.id, second.id) == [DeliveryState.RECEIVED, DeliveryState.QUEUED]
    assert len(room.inbox(FIRST)) == 1, "what nobody has fetched still waits"


def test_a_status_moves_none_of_several_that_wait_under_one_id(room: Room) -> None:
    sent = [room.accepted(room.province.signed("7", recipients=(FIRST,), content=c)) for c in (b"one", b"two")]
    room.accepted(room.province.status("7", "03", reporter=FIRST), by=FIRST)
    assert states(room, *(s.accepted.envelope.id for s in sent)) == [DeliveryState.QUEUED] * 2
    assert "03" in room.facts()


def test_what_failed_is_offered_again_to_a_reader_that_follows_its_cursor(room: Room) -> None:
    room.accepted(room.province.signed("1", recipients=(FIRST,)))
    page = room.service.handover.inbox(caller(FIRST))
    assert isinstance(page, InboxPage)
    answer = room.service.handover.confirm(caller(FIRST), page.items[0].delivery.id, Failed("disk full"))
    assert isinstance(answer, Confirmed)
    room.clock.pass_by(timedelta(minutes=1))
    assert room.service.sweep.run_once().requeued == 1
    later = room.service.handover.inbox(caller(FIRST), after=page.next)
    assert isinstance(later, InboxPage)
    assert [item.delivery.id for item in later.items] == [page.items[0].delivery.id]


def test_statuses_and_acknowledgements_wait_for_their_reader(room: Room) -> None:
    room.accepted(room.province.signed("1", recipients=(FIRST,)))
    room.take(FIRST)
    room.accepted(room.province.status("1", "03", reporter=FIRST), by=FIRST)
    room.clock.pass_by(timedelta(days=400))
    room.service.sweep.run_once()
    assert room.facts() == ["03", "accepted", "delivered", "received"]


def test_a_mandate_that_has_ended_signs_nothing_however_early_the_signer_claims_it_was(room: Room) -> None:
    with open_administration(room.province.settings()) as admin:
        (agency,) = [a for a in admin.tracking.agencies() if a.code == SENDER]
        ended = replace(agency.mandates[0], valid_until=room.clock.at - timedelta(hours=1))
        admin.administration.put_agencies([replace(agency, mandates=(ended,))])
    room.clock.pass_by(timedelta(seconds=5))
    backdated = room.province.signed("1", at=room.clock.at - timedelta(days=6))
    assert [code for code, _ in room.refusal(backdated)] == [Code.SIGNER_WITHOUT_MANDATE]


def test_a_clock_that_is_set_back_keeps_no_revoked_key_alive(room: Room) -> None:
    key = room.province.keys[FIRST]
    assert room.service.registry.authenticate(key) == caller(FIRST)
    with open_administration(room.province.settings()) as admin:
        admin.administration.revoke_key(key.split("_")[1])
    room.clock.pass_by(timedelta(hours=-6))
    assert room.service.registry.authenticate(key) != caller(FIRST)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"</edXML:edXMLHeader>", None),
        (b"<AttachmentName>cong-van.pdf</AttachmentName>", b"<AttachmentName>cong-van.exe</AttachmentName>"),
        (b"<ContentType>application/pdf</ContentType>", b"<ContentType>text/html</ContentType>"),
    ],
    ids=["orders in Bussiness", "name beside the octets", "type beside the octets"],
)
def test_nothing_unsigned_speaks_beside_a_signature(room: Room, old: bytes, new: bytes | None) -> None:
    octets = room.province.signed("1", recipients=(FIRST,))
    if new is None:
        orders = b"<edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType>"
        orders += b"<edXML:BussinessDocReason>Thu hoi</edXML:BussinessDocReason></edXML:Bussiness>"
        start = octets.index(b"<edXML:Bussiness") if b"<edXML:Bussiness" in octets else -1
        end = octets.index(b"</edXML:Bussiness>") + len(b"</edXML:Bussiness>") if start >= 0 else -1
        assert start >= 0, "our signer covers it"
        changed = octets[:start] + orders + octets[end:]
    else:
        at = octets.rindex(old)
        changed = octets[:at] + new + octets[at + len(old) :]
    assert changed != octets
    assert {code for code, _ in room.refusal(changed)} & {Code.NOT_COVERED, Code.SIGNATURE_SHAPE, Code.DIGEST_MISMATCH}


def test_a_replay_that_nobody_takes_is_never_called_undeliverable_after_delivered(room: Room) -> None:
    room.accepted(room.province.signed("1", recipients=(FIRST,)))
    room.take(FIRST)
    with open_administration(room.province.settings()) as admin:
        lines = admin.replay.candidates(Search(kinds=frozenset({EnvelopeKind.DOCUMENT})))
        for line in lines:
            admin.replay.one(line.delivery.id, Order(operator="x", reason="y"))
    room.clock.pass_by(timedelta(days=30))
    room.service.sweep.run_once()
    assert room.facts() == ["accepted", "delivered"]
    assert len(room.inbox(FIRST)) == 1


def test_a_strangers_recall_is_marked_as_about_nothing(room: Room) -> None:
    room.accepted(room.province.signed("1", recipients=(FIRST,)))
    recall = room.province.status("1", "13", reporter="G12", sender=FIRST, of=SENDER, description="Nhầm")
    room.accepted(recall, by="G12")
    (item,) = [i for i in room.inbox(FIRST) if i.envelope.kind is EnvelopeKind.STATUS]
    assert item.envelope.about is None
    own = room.province.status("1", "13", reporter=SENDER, sender=FIRST, of=SENDER, description="Nhầm")
    room.accepted(own, by=SENDER)
    assert [i.envelope.about is None for i in room.inbox(FIRST) if i.envelope.kind is EnvelopeKind.STATUS] == [
        True,
        False,
    ]


class _OneQueueAmiss:
    """A broker that is up, with one queue that takes nothing."""

    durable = True

    def __init__(self, queue: str, fault: QueueError) -> None:
        self.queue = queue
        self.fault = fault
        self.published: list[str] = []

    def publish(self, window: Sequence[Message], /) -> list[QueueError | None]:
        self.published += [message.queue for message in window if message.queue != self.queue]
        return [self.fault if message.queue == self.queue else None for message in window]

    def check(self) -> None:
        return


def test_a_full_queue_does_not_crowd_out_the_others(room: Room) -> None:
    for number in range(3):
        room.accepted(room.province.signed(f"u{number}", recipients=(FIRST,), priority=4))
    room.accepted(room.province.signed("plain", recipients=(SECOND,)))
    broker = _OneQueueAmiss(FIRST, FullError("full"))
    dispatch = replace(room.service.dispatch, broker=broker, window=2)
    for _ in range(8):
        assert not dispatch.run_once().held_up
        room.clock.pass_by(timedelta(seconds=3))
    assert SECOND in broker.published
    assert dispatch.run_once().idle, "and the full one is asked again later, not at once"
    room.clock.pass_by(timedelta(minutes=2))
    assert dispatch.run_once().returned == 2


@pytest.mark.parametrize("fault", [UnroutableError("no such queue"), QueueError("the connection was lost")])
def test_what_is_over_in_a_moment_is_tried_again_within_seconds(room: Room, fault: QueueError) -> None:
    """A queue that is gone, or a connection that was lost and is there again when one asks."""
    room.accepted(room.province.signed("1", recipients=(FIRST,)))
    broker = _OneQueueAmiss(FIRST, fault)
    dispatch = replace(room.service.dispatch, broker=broker)
    assert dispatch.run_once().returned == 1
    assert dispatch.run_once().idle, "not at once"
    room.clock.pass_by(timedelta(seconds=3))
    broker.queue = ""
    assert dispatch.run_once().published == 1
    assert broker.published[-1] == FIRST
