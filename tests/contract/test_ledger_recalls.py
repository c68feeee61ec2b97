"""Whose document is spoken of, and fetching against holding back: on both databases."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, entered, move, one_delivery, step
from trunk.domain.agency import Agency
from trunk.domain.delivery import AgencyCode, DeliveryEvent, DeliveryId, DeliveryState, Step
from trunk.domain.relation import Spoken
from trunk.storage.ledger import Book, Ledger

KEY = "H41,2026/11/22,7/stn"
E, S = DeliveryEvent, DeliveryState


def carried(ledger: Ledger, spoken: Spoken, *senders: AgencyCode, to: AgencyCode | None = None) -> list[str]:
    with ledger.read() as view:
        found = view.carried(spoken, senders=senders or (SENDER,), recipients=None if to is None else (to,))
    return [f"{one.envelope.document_id} {one.delivery.addressee}" for one in found]


@pytest.mark.parametrize(
    "spoken",
    [
        Spoken(document_id="VB-1"),
        Spoken(keys=(KEY,)),
        Spoken(keys=("other", KEY)),
        Spoken(document_id="unknown", keys=(KEY,)),
    ],
)
def test_a_document_is_found_by_each_of_its_names(ledger: Ledger, spoken: Spoken) -> None:
    entered(ledger, acceptance("VB-1", to=(RECIPIENT, OTHER), document_key=KEY), acceptance("VB-2", b"2"))
    assert sorted(carried(ledger, spoken)) == [f"VB-1 {RECIPIENT}", f"VB-1 {OTHER}"]
    assert carried(ledger, spoken, to=OTHER) == [f"VB-1 {OTHER}"]
    assert carried(ledger, spoken, OTHER) == []
    assert carried(ledger, spoken, OTHER, SENDER, to=RECIPIENT) == [f"VB-1 {RECIPIENT}"]


def test_an_unnamed_document_is_none(ledger: Ledger) -> None:
    entered(ledger, acceptance(""), acceptance("VB-2", b"2"))
    assert carried(ledger, Spoken()) == carried(ledger, Spoken(keys=("",))) == []


def test_who_was_merged_is_found_with_its_family(ledger: Ledger) -> None:
    new, old = AgencyCode("H41.08"), AgencyCode("H41.09")
    with ledger.begin() as book:
        book.put_agency(Agency(code=new, name="Sở mới"))
        book.put_agency(Agency(code=old, name="Sở cũ", old_code="000.00.09.H41", successor=new))
    entered(ledger, acceptance("VB-1", sender=old, to=(RECIPIENT,)), acceptance("VB-1", b"2", sender=new, to=(OTHER,)))
    entered(ledger, acceptance("VB-1", b"3", to=(old, new)))
    with ledger.read() as view:
        directory = view.directory()
    for code in ("000.00.09.H41", old, new):
        agency = directory.find(code)
        assert agency is not None
        family = sorted(directory.family(agency.code))
        assert family == [new, old]
        assert sorted(carried(ledger, Spoken(document_id="VB-1"), *family)) == [f"VB-1 {RECIPIENT}", f"VB-1 {OTHER}"]
        with ledger.read() as view:
            got = view.carried(Spoken(document_id="VB-1"), senders=(SENDER,), recipients=family)
        assert sorted(one.delivery.addressee for one in got) == family


def test_people_speak_of_what_they_have_in_hand(ledger: Ledger) -> None:
    (had, fetched, newer) = (
        one_delivery(ledger, "VB-1", octets=octets, subject=octets.decode()) for octets in (b"had", b"fetched", b"new")
    )
    with ledger.begin() as book:
        move(book, had.id, E.HANDED_OVER)
        assert book.fetched([fetched.id], at=AT)
    with ledger.read() as view:
        found = view.carried(Spoken(document_id="VB-1"), senders=(SENDER,), recipients=(RECIPIENT,))
    assert [one.delivery.id for one in found] == [had.id, fetched.id, newer.id]


def test_what_left_is_not_held_back_and_what_is_held_back_does_not_leave(ledger: Ledger) -> None:
    left, held = one_delivery(ledger, "VB-1"), one_delivery(ledger, "VB-2", octets=b"2")
    with ledger.begin() as book:
        assert book.fetched([left.id], at=AT)
        assert not book.fetched([left.id], at=AT)
        assert not book.write(step(left, E.HELD_BACK), at=AT, actor="test")
        assert book.write(step(held, E.HELD_BACK), at=AT, actor="test")
        assert not book.fetched([held.id], at=AT)
        moved = book.delivery(held.id)
    assert moved is not None
    assert moved.held_back
    assert moved == dataclasses.replace(held, state=S.RECALLED, version=moved.version)


def test_of_fetching_and_holding_back_at_once_one_wins(ledger: Ledger) -> None:
    """In transactions of their own, as two nodes have them."""
    for n in range(20):
        delivery = one_delivery(ledger, f"VB-{n}", octets=str(n).encode())
        held_back, start = step(delivery, E.HELD_BACK), threading.Barrier(2)

        def fetch(wanted: DeliveryId = delivery.id, start: threading.Barrier = start) -> bool:
            start.wait()
            return _written(ledger, lambda book: bool(book.fetched([wanted], at=AT)))

        def hold(wanted: Step = held_back, start: threading.Barrier = start) -> bool:
            start.wait()
            return _written(ledger, lambda book: book.write(wanted, at=AT, actor="test"))

        with ThreadPoolExecutor(2) as pool:
            if n % 2:  # whoever comes to the barrier last goes on first, mostly
                left, held = pool.submit(fetch), pool.submit(hold)
            else:
                held, left = pool.submit(hold), pool.submit(fetch)
        assert left.result() is not held.result()
        with ledger.read() as view:
            found = view.delivery(delivery.id)
        assert found is not None
        assert (found.fetched_at is not None, found.held_back) == (left.result(), held.result())


def _written(ledger: Ledger, work: Callable[[Book], bool]) -> bool:
    with ledger.begin() as book:
        return work(book)
