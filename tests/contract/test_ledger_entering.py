"""What the ledger promises of what enters it (T1), on both databases."""

from __future__ import annotations

import dataclasses
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.ledger_kit import (
    AT,
    OTHER,
    RECIPIENT,
    SENDER,
    SYSTEM,
    accept,
    acceptance,
    acknowledgement,
    delivery,
    document,
    entered,
    lease,
    payload,
    step,
)
from trunk.domain.agency import SystemId
from trunk.domain.delivery import AckKind, DeliveryEvent, advance
from trunk.domain.entry import Acceptance, AlreadyThere, AttachmentRecord, Entered, Entry, KeyTaken
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger


def test_an_acceptance_enters_envelope_octets_deliveries_notices_and_acknowledgement(ledger: Ledger) -> None:
    submitted = acceptance("VB-1", b"<edXML>1</edXML>", to=(RECIPIENT, OTHER), urgency=3)
    (accepted,) = entered(ledger, submitted)
    first, second = accepted.deliveries
    with ledger.begin() as book:
        assert book.view.envelope(accepted.envelope.id) == submitted.entry.envelope
        assert book.view.payload(accepted.envelope.sha256) == submitted.entry.payload
        assert book.view.payload(accepted.acknowledgement.sha256) == submitted.acknowledgement.payload
        assert book.delivery(first.id) == first
        assert book.delivery(second.id) == second
        back = submitted.acknowledgement.deliveries[0]
        assert book.delivery(back.id) == back
        assert set(lease(book)) == {f"{d.id}.0" for d in (first, second, back)}
        track = book.view.track(accepted.envelope.id)
    assert track is not None
    assert [(e.event, e.actor, e.at) for e in track.timeline] == [("accepted", SYSTEM, AT)]
    assert [a.sealed for a in track.acknowledgements] == [submitted.acknowledgement.payload.octets]


def test_every_field_of_an_envelope_comes_back_as_it_was_written(ledger: Ledger) -> None:
    attachment = AttachmentRecord(
        content_id="cid:1", name="Quyết định số 7.pdf", content_type="application/pdf", size=7, sha256="a" * 64
    )
    full = acceptance(
        "VB-1",
        document_code="7816/VPCP-TTĐT",
        promulgation_date="2026/11/22",
        subject="Về việc “nâng cấp” đê điều; 100% \\ '_",
        business=2,
        urgency=4,
        due_date="2026/12/01",
        description="ghi chú",
        marked=True,
        verdict='{"indication": "TOTAL_PASSED"}',
        attachments=(attachment, attachment),
    )
    (accepted,) = entered(ledger, full)
    with ledger.read() as view:
        assert view.envelope(accepted.envelope.id) == full.entry.envelope
        assert view.envelope(accepted.acknowledgement.id) == full.acknowledgement.envelope


def test_a_large_payload_is_entered_without_its_octets_and_small_ones_beside_it_with_theirs(ledger: Ledger) -> None:
    large = acceptance("VB-1", b"large")
    entry = dataclasses.replace(large.entry, payload=dataclasses.replace(large.entry.payload, octets=None))
    (accepted,) = entered(ledger, dataclasses.replace(large, entry=entry))
    with ledger.read() as view:
        stored = view.payload(accepted.envelope.sha256)
        assert stored is not None
        assert (stored.size, stored.octets) == (5, None)
        assert view.payload(large.acknowledgement.payload.sha256) == large.acknowledgement.payload


def test_octets_that_are_there_already_are_entered_once(ledger: Ledger) -> None:
    entered(ledger, acceptance("VB-1", b"the same"), acceptance("VB-2", b"the same"))
    entered(ledger, acceptance("VB-3", b"the same"))
    with ledger.read() as view:
        stored = view.payload(payload(b"the same").sha256)
    assert stored is not None
    assert stored.octets == b"the same"


def test_the_same_submission_again_gets_the_first_answer(ledger: Ledger) -> None:
    (first,) = entered(ledger, acceptance("VB-1", b"x", to=(OTHER, RECIPIENT)))
    with ledger.begin() as book:
        assert len(lease(book)) == 3
    (again,) = accept(ledger, acceptance("VB-1", b"x", to=(OTHER, RECIPIENT)))
    assert again == AlreadyThere(first)
    with ledger.begin() as book:
        assert lease(book) == []  # nothing new to send


def test_the_very_same_values_again_get_the_first_answer(ledger: Ledger) -> None:
    submitted = acceptance("VB-1")  # a caller that repeats after a fault, ids and all
    (first,) = entered(ledger, submitted)
    assert accept(ledger, submitted) == [AlreadyThere(first)]


def test_the_first_answer_stays_the_same_when_deliveries_have_moved(ledger: Ledger) -> None:
    (first,) = entered(ledger, acceptance("VB-1"))
    with ledger.begin() as book:
        current = book.delivery(first.deliveries[0].id)
        assert current is not None
        later = AT + timedelta(days=30)
        expired = step(current, DeliveryEvent.LIFETIME_ENDED)
        replayed = advance(expired.after, DeliveryEvent.REPLAY_ORDERED, due_at=later, expires_at=later)
        assert replayed is not None
        assert book.write(expired, at=AT, actor="sweep")
        assert book.write(replayed, at=AT, actor="an operator", reason="asked for it")
    assert accept(ledger, acceptance("VB-1")) == [AlreadyThere(first)]


def test_two_equal_submissions_in_one_group_are_one_envelope(ledger: Ledger) -> None:
    one, two, other = acceptance("VB-1", b"x"), acceptance("VB-1", b"x"), acceptance("VB-2", b"y")
    results = accept(ledger, one, other, two)
    assert [type(r) for r in results] == [Entered, Entered, AlreadyThere]
    assert isinstance(results[0], Entered)
    assert results[2] == AlreadyThere(results[0].accepted)


def test_the_same_document_id_with_other_octets_or_another_sender_is_another_envelope(ledger: Ledger) -> None:
    entered(ledger, acceptance("VB-1", b"x"), acceptance("VB-1", b"y"), acceptance("VB-1", b"x", sender=OTHER))


def test_an_idempotency_key_belongs_to_the_message_it_was_first_used_for(ledger: Ledger) -> None:
    (first,) = entered(ledger, acceptance("VB-1", key="k"))
    assert accept(ledger, acceptance("VB-1", key="k")) == [AlreadyThere(first)]
    assert accept(ledger, acceptance("VB-2", key="k")) == [KeyTaken(first.envelope.id)]
    with ledger.read() as view:
        assert view.find("VB-2") == []
    entered(ledger, acceptance("VB-2"))  # without the key it is welcome


def test_an_idempotency_key_holds_within_a_group(ledger: Ledger) -> None:
    results = accept(ledger, acceptance("VB-1", key="k"), acceptance("VB-2", key="k"), acceptance("VB-1", key="k"))
    assert isinstance(results[0], Entered)
    assert results[1] == KeyTaken(results[0].accepted.envelope.id)
    assert results[2] == AlreadyThere(results[0].accepted)


def test_an_idempotency_key_is_each_systems_own(ledger: Ledger) -> None:
    def said(system: str, key: str, document_id: str) -> Acceptance:
        return acceptance(document_id, document_id.encode(), key=key, system=SystemId(system))

    entered(
        ledger, said("one", "a", "VB-1"), said("two", "b", "VB-2"), said("one", "b", "VB-3"), said("two", "a", "VB-4")
    )
    results = accept(ledger, said("one", "a", "VB-4"), said("two", "b", "VB-3"), said("three", "a", "VB-5"))
    assert [type(result) for result in results] == [KeyTaken, KeyTaken, Entered]


def test_a_key_that_comes_with_a_repetition_is_taken_too(ledger: Ledger) -> None:
    (first,) = entered(ledger, acceptance("VB-1"))
    assert accept(ledger, acceptance("VB-1", key="k")) == [AlreadyThere(first)]
    assert accept(ledger, acceptance("VB-2", key="k")) == [KeyTaken(first.envelope.id)]


def test_systems_do_not_share_idempotency_keys(ledger: Ledger) -> None:
    entered(ledger, acceptance("VB-1", key="k"), acceptance("VB-2", key="k", system="another"))


def test_racing_equal_submissions_end_as_one_envelope_and_one_answer(ledger: Ledger, ledger_url: str) -> None:
    engines = [open_engine(ledger_url) for _ in range(2)]  # two processes have an engine each
    ledgers = [Ledger(engine) for engine in engines]
    together = threading.Barrier(4)

    def submit(n: int) -> list[object]:
        together.wait()
        return [
            result
            for round_ in range(10)
            for result in accept(
                ledgers[n % 2],
                *(acceptance(f"VB-{d}", key=f"k{d}") for d in (round_, round_ + 1)[:: 1 if n % 2 else -1]),
            )
        ]

    with ThreadPoolExecutor(4) as pool:
        results = [result for part in pool.map(submit, range(4)) for result in part]
    for engine in engines:
        engine.dispose()
    assert {type(result) for result in results} == {Entered, AlreadyThere}
    answers = {r.accepted.envelope.document_id: r.accepted for r in results if isinstance(r, Entered)}
    assert len([r for r in results if isinstance(r, Entered)]) == len(answers) == 11
    assert all(r.accepted == answers[r.accepted.envelope.document_id] for r in results if isinstance(r, AlreadyThere))


def test_twenty_that_race_for_one_key_with_different_octets_enter_one(ledger: Ledger, ledger_url: str) -> None:
    engines = [open_engine(ledger_url) for _ in range(2)]
    together = threading.Barrier(20)

    def submit(n: int) -> object:
        together.wait()
        (result,) = accept(Ledger(engines[n % 2]), acceptance("VB-1", f"<edXML n='{n}'/>".encode(), key="one"))
        return result

    with ThreadPoolExecutor(20) as pool:
        results = list(pool.map(submit, range(20)))
    for engine in engines:
        engine.dispose()
    (winner,) = [one for one in results if isinstance(one, Entered)]
    others = [one for one in results if one is not winner]
    assert others == [KeyTaken(winner.accepted.envelope.id)] * 19
    with ledger.read() as view:
        assert len(view.find("VB-1")) == 1


def test_places_in_the_inbox_are_given_in_the_order_of_commits(ledger: Ledger, ledger_url: str) -> None:
    slow = Ledger(engine := open_engine(ledger_url))
    reserved, entering = threading.Event(), threading.Event()
    (early, late) = acceptance("VB-1"), acceptance("VB-2")

    def accept_slowly() -> None:
        with slow.begin() as book:
            book.accept([early])
            reserved.set()
            entering.wait(10)

    def accept_quickly() -> None:
        reserved.wait(10)
        entering.set()
        accept(ledger, late)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(accept_slowly), pool.submit(accept_quickly)]:
            done.result()
    engine.dispose()
    with ledger.read() as view:
        page = view.inbox([RECIPIENT], after=None, limit=10)
    assert [item.envelope.document_id for item in page.items] == ["VB-1", "VB-2"]


def test_every_place_is_given_once_however_a_transaction_asks_for_them(ledger: Ledger) -> None:
    for n in range(3):
        with ledger.begin() as book:
            book.reserve(1)
            book.accept([acceptance(f"a{n}", to=(RECIPIENT, OTHER))])
            book.accept([acceptance(f"b{n}")])
            book.enter(acknowledgement(document(f"c{n}", b"")), actor="trunk")
    with ledger.read() as view:
        places = [item.position for item in view.inbox([RECIPIENT, OTHER, SENDER], after=None, limit=99).items]
    assert len(places) == len(set(places)) == 18


def test_nothing_is_entered_if_the_transaction_fails(ledger: Ledger) -> None:
    with pytest.raises(RuntimeError), ledger.begin() as book:
        book.accept([acceptance("VB-1", key="k")])
        raise RuntimeError
    with ledger.begin() as book:
        assert book.view.find("VB-1") == []
        assert lease(book) == []
    entered(ledger, acceptance("VB-2", key="k"))


def test_one_more_envelope_is_entered_once(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1"))
    told = acknowledgement(accepted.envelope, AckKind.DELIVERED)
    with ledger.begin() as book:
        assert book.enter(told, event="acknowledged", actor="trunk")
        assert not book.enter(told, event="acknowledged", actor="trunk")
        assert not book.enter(acknowledgement(accepted.envelope, AckKind.DELIVERED), actor="trunk")
        assert book.view.by_identity(told.envelope.identity) == told.envelope
        assert book.view.by_identity("no such identity") is None
    with ledger.read() as view:
        track = view.track(accepted.envelope.id)
    assert track is not None
    assert [a.envelope.acknowledges for a in track.acknowledgements] == [AckKind.ACCEPTED, AckKind.DELIVERED]


def test_an_envelope_without_deliveries_is_kept(ledger: Ledger) -> None:
    record = document("VB-1", b"x")
    with ledger.begin() as book:
        assert book.enter(Entry(envelope=record, payload=payload(b"x")), event="rejected", actor="trunk")
        assert lease(book) == []
        assert book.view.accepted(record.id) is None  # kept, but never accepted
        assert book.view.envelope(record.id) == record


def test_an_urgency_that_does_not_exist_is_refused_by_the_database(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError):
        accept(ledger, acceptance("VB-1", urgency=5))


def test_a_delivery_of_no_envelope_is_refused_by_the_database(ledger: Ledger) -> None:
    record = document("VB-1", b"x")
    stray = Entry(envelope=record, payload=payload(b"x"), deliveries=(delivery("E"),))
    with ledger.begin() as book:
        assert book.enter(stray, actor="trunk")  # the envelope decides, not the delivery's own word
    with ledger.read() as view:
        found = view.delivery(stray.deliveries[0].id)
    assert found is not None
    assert found.envelope_id == record.id


def test_the_first_answer_is_read_back_by_envelope_id(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1", to=(RECIPIENT, SENDER, OTHER)))
    with ledger.read() as view:
        assert view.accepted(accepted.envelope.id) == accepted
        assert view.accepted_as(accepted.envelope.identity) == accepted
        assert view.accepted(accepted.acknowledgement.id) is None
        assert view.accepted_as("unknown") is None


def test_the_same_octets_are_found_however_many_others_have_their_name(ledger: Ledger) -> None:
    """Sample ids are shared by many, and a hub may bring one message again for others."""
    first, again = (acceptance("shared", b"<same/>", to=(code,), identity=code) for code in (RECIPIENT, OTHER))
    others = [acceptance("shared", f"<other{n}/>".encode()) for n in range(120)]
    entered(ledger, first, *others, again)
    sha256 = first.entry.envelope.sha256
    with ledger.read() as view:
        found = view.same_octets(sender=SENDER, document_id="shared", sha256=sha256)
    assert [one.envelope.id for one in found] == [first.entry.envelope.id, again.entry.envelope.id]
