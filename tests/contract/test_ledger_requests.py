"""Recalls that are open, as the ledger closes them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from tests.ledger_kit import AT, OTHER, RECIPIENT, accept, acceptance, new_id
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import DeliveryId, EnvelopeId
from trunk.storage.ledger import Ledger

LATER = AT + timedelta(hours=1)


@pytest.fixture
def asked(ledger: Ledger) -> list[ChangeRequest]:
    """Of one delivery a recall and an update, and a recall of another."""
    document = acceptance(to=(RECIPIENT, OTHER))
    accept(ledger, document)
    one, other = document.entry.deliveries
    requests = [
        _request(one.id, one.envelope_id, RequestKind.RECALL),
        _request(one.id, one.envelope_id, RequestKind.UPDATE),
        _request(other.id, one.envelope_id, RequestKind.RECALL),
    ]
    with ledger.begin() as book:
        book.enter_requests(requests)
    return requests


def _request(delivery: DeliveryId, envelope: EnvelopeId, kind: RequestKind) -> ChangeRequest:
    return ChangeRequest(
        id=new_id(),
        kind=kind,
        state=RequestState.OPEN,
        delivery_id=delivery,
        envelope_id=envelope,
        asked_by=envelope,
        asked_at=AT,
    )


def _states(ledger: Ledger, asked: list[ChangeRequest]) -> list[RequestState]:
    with ledger.read() as view:
        found = view.requests({one.delivery_id for one in asked})
    by_id = {one.id: one for each in found.values() for one in each}
    return [by_id[one.id].state for one in asked]


def test_what_another_hub_held_back_closes_the_recalls_of_that_delivery(
    ledger: Ledger, asked: list[ChangeRequest]
) -> None:
    for _ in range(2):
        with ledger.begin() as book:
            book.hold_back_requests(asked[0].delivery_id, at=LATER)
        assert _states(ledger, asked) == [RequestState.HELD_BACK, RequestState.OPEN, RequestState.OPEN]
    with ledger.read() as view:
        (first, _) = sorted(view.requests([asked[0].delivery_id])[asked[0].delivery_id], key=lambda one: one.id)
    assert (first.answered_at, first.answered_by) == (LATER, None)


def test_an_answer_that_came_before_stays(ledger: Ledger, asked: list[ChangeRequest]) -> None:
    with ledger.begin() as book:
        assert book.answer_request(asked[0].id, RequestState.REFUSED, by=asked[0].envelope_id, at=AT)
        book.hold_back_requests(asked[0].delivery_id, at=LATER)
    assert _states(ledger, asked)[0] is RequestState.REFUSED


def test_of_two_answers_at_once_one_closes_it(ledger: Ledger, asked: list[ChangeRequest]) -> None:
    """In transactions of their own, as two nodes have them."""
    words, start = (RequestState.AGREED, RequestState.REFUSED), threading.Barrier(2)

    def answer(word: RequestState) -> bool:
        start.wait()
        with ledger.begin() as book:
            return book.answer_request(asked[0].id, word, by=EnvelopeId(f"by-{word}"), at=LATER)

    with ThreadPoolExecutor(2) as pool:
        closed = list(pool.map(answer, words))
    assert sorted(closed) == [False, True]
    with ledger.read() as view:
        (found,) = [one for one in view.requests([asked[0].delivery_id])[asked[0].delivery_id] if one.id == asked[0].id]
    word = words[closed.index(True)]
    assert (found.state, found.answered_by, found.answered_at) == (word, f"by-{word}", LATER)
    assert _states(ledger, asked)[1:] == [RequestState.OPEN] * 2


def test_what_was_never_asked_is_not_answered(ledger: Ledger, asked: list[ChangeRequest]) -> None:
    with ledger.begin() as book:
        assert not book.answer_request("unknown", RequestState.AGREED, by=asked[0].envelope_id, at=LATER)
    assert _states(ledger, asked) == [RequestState.OPEN] * 3
