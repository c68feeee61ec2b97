"""Shared secrets in the ledger, and the parts of inboxes and lists that façades ask for; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, SYSTEM, acceptance
from trunk.domain.agency import SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import DeliveryEvent, DeliveryState, advance
from trunk.domain.entry import EnvelopeKind
from trunk.domain.shared_secret import SharedSecretRecord
from trunk.domain.tracking import InboxSelection, Search
from trunk.storage.ledger import Ledger

DAY = timedelta(days=1)
SECRET = SharedSecretRecord(
    id="s1",
    system=SYSTEM,
    name="000.00.00.H41",
    sealed=b"\x00\xff sealed",
    created_at=AT,
    expires_at=AT + 90 * DAY,
    fresh_for=timedelta(minutes=5),
)


def test_a_secret_comes_back_as_it_was_put(ledger: Ledger) -> None:
    second = replace(SECRET, id="s0", created_at=AT + DAY, expires_at=None, fresh_for=None)
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset()))
        book.put_shared_secret(second)
        book.put_shared_secret(SECRET)
    with ledger.read() as view:
        assert view.shared_secrets("000.00.00.H41") == [SECRET, second]
        assert view.shared_secrets_of(SYSTEM) == [SECRET, second]
        assert view.shared_secrets("unknown") == view.shared_secrets_of(SystemId("unknown")) == []


def test_the_end_of_a_secret_comes_nearer_and_never_moves_away(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset()))
        book.put_shared_secret(SECRET)
        assert book.retire_shared_secret("s1", at=AT + 7 * DAY)
        assert not book.retire_shared_secret("s1", at=AT + 8 * DAY)
        assert not book.retire_shared_secret("unknown", at=AT)
        (ending,) = book.view.shared_secrets_of(SYSTEM)
        assert ending.valid(AT + 6 * DAY)
        assert not ending.valid(AT + 7 * DAY)
        assert book.retire_shared_secret("s1", at=AT + DAY)
        assert not book.view.shared_secrets_of(SYSTEM)[0].valid(AT + DAY)


def test_a_secret_belongs_to_a_system(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as book:
        book.put_shared_secret(SECRET)


def test_an_inbox_can_be_asked_for_a_part_of_it(ledger: Ledger) -> None:
    for submitted in (acceptance("D1", b"1"), acceptance("D2", b"2", at=AT + DAY)):
        with ledger.begin() as book:
            book.accept([submitted])
    documents = InboxSelection(kinds=frozenset({EnvelopeKind.DOCUMENT}))
    with ledger.read() as view:
        page = view.inbox([RECIPIENT], after=None, limit=10, only=documents)
        first, second = page.items
        assert view.waiting([RECIPIENT], documents) == 2
        assert view.waiting([SENDER], documents) == 0
        notices = InboxSelection(kinds=frozenset({EnvelopeKind.ACKNOWLEDGEMENT}))
        assert view.waiting([SENDER], notices) == 2
        assert view.inbox([RECIPIENT], after=None, limit=10, only=notices).items == []
        for only in (InboxSelection(accepted_after=AT + DAY), InboxSelection(accepted_after=AT + timedelta(hours=1))):
            assert list(view.inbox([RECIPIENT], after=None, limit=10, only=only).items) == [second]
        assert list(
            view.inbox([RECIPIENT], after=None, limit=10, only=InboxSelection(accepted_before=AT + DAY)).items
        ) == [first]
    step = advance(first.delivery, DeliveryEvent.ATTEMPT_FAILED, due_at=AT + DAY)
    assert step is not None
    with ledger.begin() as book:
        assert book.write(step, at=AT, actor="x")
    offered = InboxSelection(states=frozenset({DeliveryState.QUEUED, DeliveryState.DISPATCHED}))
    with ledger.read() as view:
        assert list(view.inbox([RECIPIENT], after=None, limit=10, only=offered).items) == [second]
        assert view.waiting([RECIPIENT], offered) == 1
        assert view.waiting([RECIPIENT], InboxSelection()) == 2


def test_a_list_of_what_was_sent_leaves_out_what_was_received(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.accept([acceptance("D1", b"1")])
    with ledger.read() as view:
        assert len(view.search(Search(agency=RECIPIENT))) == 1
        assert view.search(Search(agency=RECIPIENT, sent_only=True)) == []
        assert len(view.search(Search(agency=SENDER, sent_only=True))) == 1
        assert view.search(Search(agency=OTHER, sent_only=True)) == []
