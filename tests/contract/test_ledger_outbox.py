"""What the ledger promises of leases: nobody's work is done twice at a time, and nobody's is forgotten."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, entered, lease, one_delivery
from trunk.domain.entry import EnvelopeKind
from trunk.domain.priority import places_for_oldest
from trunk.storage.ledger import Ledger

MINUTE = timedelta(minutes=1)


def test_a_lease_says_everything_that_a_notice_needs(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1", b"<edXML/>", urgency=2))
    with ledger.begin() as book:
        first, second = book.lease(10, now=AT, until=AT + MINUTE, owner="a")
    assert (first.message_id, first.delivery) == (f"{accepted.deliveries[0].id}.0", accepted.deliveries[0])
    assert (first.envelope_sha256, first.envelope_size) == (accepted.envelope.sha256, 8)
    assert (first.kind, second.kind) == (EnvelopeKind.DOCUMENT, EnvelopeKind.ACKNOWLEDGEMENT)


def test_the_most_urgent_leave_first_then_the_oldest(ledger: Ledger) -> None:
    for document_id, urgency, minutes in (("a", 0, 0), ("b", 1, 3), ("c", 4, 5), ("d", 1, 2), ("e", 0, -1)):
        entered(ledger, acceptance(document_id, document_id.encode(), urgency=urgency, at=AT + minutes * MINUTE))
    order: list[str] = []
    with ledger.begin() as book:
        while entries := book.lease(1, now=AT + 9 * MINUTE, until=AT + 10 * MINUTE, owner="a"):
            order += [e.delivery.id for e in entries if e.kind is EnvelopeKind.DOCUMENT]
    with ledger.read() as view:
        documents = {view.find(reference)[0].document_id: reference for reference in order}
    assert list(documents) == ["c", "d", "b", "e", "a"]


def test_a_fifth_of_a_lease_is_for_those_that_are_ready_longest(ledger: Ledger) -> None:
    for n, urgency in enumerate((0, 1, 0, *([4] * 10))):
        entered(ledger, acceptance(f"VB-{n}", str(n).encode(), urgency=urgency, at=AT + n * MINUTE))
    now = AT + 20 * MINUTE
    with ledger.begin() as book:
        entries = book.lease(10, now=now, until=now + MINUTE, owner="a")
        again = book.lease(100, now=now, until=now + MINUTE, owner="b")
    assert [entry.delivery.urgency for entry in entries] == [4] * 8 + [0, 0]
    assert {entry.delivery.due_at for entry in entries[8:]} == {AT}  # the oldest document and its acknowledgement
    assert len({entry.id for entry in entries + again}) == len(entries) + len(again) == 26


@pytest.mark.parametrize("limit", [2, 3, 5, 11])
def test_an_ordinary_notice_leaves_in_bounded_leases_under_endless_urgent_mail(ledger: Ledger, limit: int) -> None:
    for n in range(3):
        one_delivery(ledger, f"letter-{n}", octets=f"l{n}".encode(), at=AT + n * MINUTE)
    left, leases, now = 6, 0, AT + 5 * MINUTE
    while left:
        now += MINUTE
        for n in range(limit):
            one_delivery(ledger, f"{leases}-{n}", octets=f"{leases}-{n}".encode(), urgency=3, at=now)
        with ledger.begin() as book:
            entries = book.lease(limit, now=now, until=now + MINUTE / 2, owner="a")
            book.strike([entry.id for entry in entries], owner="a")
        ordinary = sum(entry.delivery.urgency == 0 for entry in entries)
        assert ordinary == min(places_for_oldest(limit), left)
        assert entries[0].delivery.urgency == 3  # they still overtake
        left, leases = left - ordinary, leases + 1
    assert leases == -(-6 // places_for_oldest(limit))


def test_what_is_not_due_yet_stays(ledger: Ledger) -> None:
    one_delivery(ledger, at=AT + MINUTE)
    with ledger.begin() as book:
        assert lease(book) == []
        assert len(lease(book, now=AT + MINUTE)) == 2


def test_a_leased_entry_is_nobody_elses_until_the_lease_ends(ledger: Ledger) -> None:
    one_delivery(ledger)
    with ledger.begin() as book:
        taken = lease(book, owner="a")
        assert lease(book, owner="b", now=AT + MINUTE / 2) == []
        assert lease(book, owner="b", now=AT + MINUTE) == taken


def test_only_the_owner_strikes(ledger: Ledger) -> None:
    one_delivery(ledger)
    with ledger.begin() as book:
        entries = book.lease(10, now=AT, until=AT + MINUTE, owner="a")
        ids = [entry.id for entry in entries]
        book.strike(ids, owner="b")
        assert lease(book, owner="b", now=AT + MINUTE) == [entry.message_id for entry in entries]
        book.strike(ids, owner="a")  # slept through its lease: it is b's now
        assert len(lease(book, owner="c", now=AT + 3 * MINUTE)) == 2
        book.strike(ids, owner="c")
        assert lease(book, now=AT + 9 * MINUTE) == []


def test_only_the_owner_releases_and_what_is_released_is_due_when_it_was_said(ledger: Ledger) -> None:
    one_delivery(ledger)
    with ledger.begin() as book:
        ids = [entry.id for entry in book.lease(10, now=AT, until=AT + MINUTE, owner="a")]
        book.release(ids, owner="b", due_at=AT)
        assert lease(book) == []
        book.release(ids, owner="a", due_at=AT + MINUTE / 2)
        assert lease(book, now=AT + MINUTE / 3) == []
        assert len(lease(book, now=AT + MINUTE / 2, owner="b")) == 2
        book.release(ids, owner="a", due_at=AT)  # no longer a's
        assert lease(book, now=AT + MINUTE) == []


def test_an_id_is_never_given_again(ledger: Ledger) -> None:
    one_delivery(ledger, "VB-1")
    with ledger.begin() as book:
        old = [entry.id for entry in book.lease(10, now=AT, until=AT + MINUTE, owner="a")]
        book.strike(old, owner="a")
    one_delivery(ledger, "VB-2")
    with ledger.begin() as book:
        new = [entry.id for entry in book.lease(10, now=AT, until=AT + MINUTE, owner="a")]
    assert not set(old) & set(new)


def test_many_relays_lease_every_entry_once(ledger: Ledger) -> None:
    entered(ledger, *(acceptance(f"VB-{n}", urgency=n % 5, to=(RECIPIENT, OTHER, SENDER)) for n in range(50)))
    leased: list[int] = []
    lock = threading.Lock()

    def relay(owner: str) -> None:
        while True:
            with ledger.begin() as book:
                entries = book.lease(7, now=AT, until=AT + MINUTE, owner=owner)
            if not entries:
                return
            with lock:
                leased.extend(entry.id for entry in entries)

    relays = [threading.Thread(target=relay, args=(f"relay-{n}",)) for n in range(4)]
    for thread in relays:
        thread.start()
    for thread in relays:
        thread.join()
    assert len(leased) == len(set(leased)) == 200


def test_a_relay_does_not_wait_for_another_ones_transaction(ledger: Ledger, engine: Engine) -> None:
    entered(ledger, *(acceptance(f"VB-{n}") for n in range(3)))
    if engine.dialect.name == "sqlite":
        return  # there, only one of them is in the ledger at a time
    with ledger.begin() as book:
        mine = lease(book, 4, owner="a")
        with Ledger(engine).begin() as other:
            others = lease(other, 10, owner="b")
    assert len(mine) == 4
    assert len(others) == 2
