"""What clerks find: by reference, by text, by agency, by age."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, acknowledgement, entered, move, one_delivery
from trunk.domain.agency import Agency
from trunk.domain.delivery import AckKind, AgencyCode, DeliveryEvent, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import Progress, Search
from trunk.storage.ledger import Ledger

HOUR = timedelta(hours=1)


def listed(ledger: Ledger, **wanted: object) -> list[str]:
    with ledger.read() as view:
        return [line.envelope.document_id for line in view.search(Search(**wanted))]


def test_an_envelope_is_found_by_every_name_it_goes_by(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1", document_code="7816/VPCP-TTĐT"))
    with ledger.read() as view:
        for reference in (accepted.envelope.id, accepted.deliveries[0].id, "VB-1", "7816/VPCP-TTĐT"):
            assert view.find(reference) == [accepted.envelope]
        assert view.find("VB-2") == []
        assert view.find(accepted.acknowledgement.id) == [accepted.acknowledgement]


def test_a_shared_document_id_finds_all_newest_first_and_no_notices(ledger: Ledger) -> None:
    older, newer = entered(ledger, acceptance("VB-1", b"1", at=AT), acceptance("VB-1", b"2", at=AT + HOUR))
    entered(ledger, acceptance("VB-1", b"s", kind=EnvelopeKind.STATUS, at=AT + 2 * HOUR))
    with ledger.read() as view:
        assert view.find("VB-1") == [newer.envelope, older.envelope]


def test_where_no_document_answers_the_statuses_do(ledger: Ledger) -> None:
    (status,) = entered(ledger, acceptance("VB-1", kind=EnvelopeKind.STATUS))
    with ledger.read() as view:
        assert view.find("VB-1") == [status.envelope]


@pytest.mark.parametrize("text", ["ĐÊ ĐIỀU", "đê điều", "Đê Điều", unicodedata.normalize("NFD", "Đê điều")])
def test_text_is_found_whatever_its_case_and_composition(ledger: Ledger, text: str) -> None:
    entered(ledger, acceptance("VB-1", subject="Tăng cường bảo vệ Đê ĐIỀU"), acceptance("VB-2", b"2", subject="Khác"))
    assert listed(ledger, text=text) == ["VB-1"]


def test_text_is_found_in_subject_document_id_and_code_and_is_no_pattern(ledger: Ledger) -> None:
    entered(ledger, acceptance("ID_7", subject="giảm 100%", document_code="12/QĐ-UBND"))
    assert listed(ledger, text="id_7") == listed(ledger, text="100%") == listed(ledger, text="qđ-ubnd") == ["ID_7"]
    assert listed(ledger, text="id%7") == listed(ledger, text="i__7") == listed(ledger, text="\\") == []


def test_lists_are_newest_first_and_bounded(ledger: Ledger) -> None:
    for n in range(5):
        entered(ledger, acceptance(f"VB-{n}", str(n).encode(), at=AT + n * HOUR))
    assert listed(ledger) == ["VB-4", "VB-3", "VB-2", "VB-1", "VB-0"]
    assert listed(ledger, limit=2) == listed(ledger, limit=2, agency=RECIPIENT) == ["VB-4", "VB-3"]
    assert listed(ledger, accepted_after=AT + HOUR, accepted_before=AT + 3 * HOUR) == ["VB-2", "VB-1"]


def test_an_agencys_list_holds_what_it_sent_and_what_it_received(ledger: Ledger) -> None:
    entered(ledger, acceptance("sent", sender=OTHER, to=(RECIPIENT,)))
    entered(ledger, acceptance("received", to=(OTHER,), at=AT + HOUR))
    entered(ledger, acceptance("both", sender=OTHER, to=(OTHER,), at=AT + 2 * HOUR))
    entered(ledger, acceptance("neither"))
    assert listed(ledger, agency=OTHER) == ["both", "received", "sent"]


def test_lists_are_narrowed_by_state_urgency_and_kind(ledger: Ledger) -> None:
    taken = one_delivery(ledger, "taken", urgency=2)
    one_delivery(ledger, "waiting")
    entered(ledger, acceptance("status", b"s", kind=EnvelopeKind.STATUS))
    with ledger.begin() as book:
        move(book, taken.id, DeliveryEvent.HANDED_OVER)
    assert listed(ledger, states=frozenset({DeliveryState.DELIVERED})) == ["taken"]
    assert listed(ledger, states=frozenset({DeliveryState.QUEUED})) == ["waiting"]
    assert listed(ledger, urgency_at_least=1) == ["taken"]
    assert listed(ledger, kinds=frozenset({EnvelopeKind.STATUS})) == ["status"]
    assert len(listed(ledger, kinds=frozenset({EnvelopeKind.ACKNOWLEDGEMENT}))) == 3
    assert len(listed(ledger, kinds=frozenset(EnvelopeKind), agency=SENDER)) == 6


def test_a_list_names_the_recipients_as_the_directory_does(ledger: Ledger) -> None:
    one_delivery(ledger)
    with ledger.begin() as book:
        assert [line.recipient_name for line in book.view.search(Search())] == [""]
        book.put_agency(Agency(code=RECIPIENT, name="Sở Nội vụ"))
        assert [line.recipient_name for line in book.view.search(Search())] == ["Sở Nội vụ"]


def test_depth_counts_what_is_on_its_way(ledger: Ledger) -> None:
    a, b, c, _ = (one_delivery(ledger, f"VB-{n}") for n in range(4))
    with ledger.begin() as book:
        move(book, a.id, DeliveryEvent.PUBLISHED)
        move(book, b.id, DeliveryEvent.ATTEMPT_FAILED)
        move(book, c.id, DeliveryEvent.HANDED_OVER)
        assert book.view.depth() == {"outbox": 8, "queued": 5, "dispatched": 1, "deferred": 1}


def test_a_track_tells_everything_that_happened_to_an_envelope(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1", to=(RECIPIENT, OTHER)))
    first, second = accepted.deliveries
    told = acknowledgement(accepted.envelope, AckKind.DELIVERED)
    with ledger.begin() as book:
        book.put_agency(Agency(code=RECIPIENT, name="Sở Nội vụ"))
        move(book, first.id, DeliveryEvent.PUBLISHED, DeliveryEvent.HANDED_OVER)
        book.enter(told, event="acknowledged", actor="trunk")
    with ledger.read() as view:
        track = view.track(accepted.envelope.id)
        assert view.track(EnvelopeId("unknown")) is None
    assert track is not None
    assert track.envelope == accepted.envelope
    assert [(d.delivery.id, d.name) for d in track.deliveries] == [(first.id, "Sở Nội vụ"), (second.id, "")]
    assert [e.event for e in track.deliveries[0].timeline] == ["published", "handed_over"]
    assert [a.sealed for a in track.acknowledgements][1] == told.payload.octets
    assert track.progress is Progress.WAITING


def test_codes_are_data(ledger: Ledger) -> None:
    strange = AgencyCode("'; DROP TABLE envelope; -- %s ? :x Đ")
    entered(ledger, acceptance("VB'\"%s?:x", to=(strange,), sender=strange, subject="%(x)s {0}"))
    assert listed(ledger, agency=strange, text="%(X)s") == ["VB'\"%s?:x"]
