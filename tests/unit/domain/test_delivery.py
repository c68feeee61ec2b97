from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunk.domain import delivery as d

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WAITING = d.Delivery(
    id=d.DeliveryId("D1"),
    envelope_id=d.EnvelopeId("E1"),
    addressee=d.AgencyCode("G01"),
    due_at=NOW,
    expires_at=NOW + timedelta(days=7),
)


def a_delivery(state: d.DeliveryState, attempts: int = 0) -> d.Delivery:
    return dataclasses.replace(WAITING, state=state, attempts=attempts)


def test_the_table_names_every_state() -> None:
    assert set(d.TRANSITIONS) == set(d.DeliveryState) == set(d.OVERTAKEN)


def test_no_event_both_moves_and_is_overtaken() -> None:
    for state in d.DeliveryState:
        assert not set(d.TRANSITIONS[state]) & d.OVERTAKEN[state]


@pytest.mark.parametrize("state", d.DeliveryState)
@pytest.mark.parametrize("event", d.DeliveryEvent)
def test_only_the_table_moves_a_delivery(state: d.DeliveryState, event: d.DeliveryEvent) -> None:
    delivery = a_delivery(state)
    if event in d.OVERTAKEN[state]:
        assert d.advance(delivery, event) is None
    elif event in d.TRANSITIONS[state]:
        step = d.advance(delivery, event)
        assert step is not None
        assert step.after.state is d.TRANSITIONS[state][event]
        assert step.after.version == delivery.version + 1
        assert step.before is delivery
        assert step.enqueue == (step.after.state is d.DeliveryState.QUEUED)
    else:
        with pytest.raises(d.IllegalTransitionError):
            d.advance(delivery, event)


def test_every_state_can_be_reached_from_queued() -> None:
    seen: set[d.DeliveryState] = set()
    todo = [d.DeliveryState.QUEUED]
    while todo:
        state = todo.pop()
        if state not in seen:
            seen.add(state)
            todo += d.TRANSITIONS[state].values()
    assert seen == set(d.DeliveryState)


@pytest.mark.parametrize("state", [*sorted(d.WAITING), d.DeliveryState.EXPIRED])
def test_an_agency_that_says_it_has_the_envelope_is_believed(state: d.DeliveryState) -> None:
    step = d.advance(a_delivery(state), d.DeliveryEvent.HANDED_OVER)
    assert step is not None
    assert step.after.state is d.DeliveryState.DELIVERED
    assert step.acknowledge is d.AckKind.DELIVERED


@pytest.mark.parametrize("state", sorted(d.FINAL))
def test_what_people_have_settled_is_not_replayed(state: d.DeliveryState) -> None:
    with pytest.raises(d.IllegalTransitionError):
        d.advance(a_delivery(state), d.DeliveryEvent.REPLAY_ORDERED)


def test_failed_attempts_are_counted_and_a_replay_starts_afresh() -> None:
    failed = d.advance(a_delivery(d.DeliveryState.DISPATCHED, attempts=3), d.DeliveryEvent.ATTEMPT_FAILED)
    assert failed is not None
    assert failed.after.attempts == 4
    replayed = d.advance(failed.after, d.DeliveryEvent.REPLAY_ORDERED, expires_at=NOW + timedelta(days=30))
    assert replayed is not None
    assert replayed.after.attempts == 0
    assert replayed.after.expires_at == NOW + timedelta(days=30)


def test_every_ending_owes_the_sender_an_acknowledgement() -> None:
    endings = {d.DeliveryState.DELIVERED, d.DeliveryState.RECEIVED, d.DeliveryState.EXPIRED} | d.FINAL
    assert set(d.ACKNOWLEDGED_AS) == endings


@pytest.mark.parametrize("state", d.DeliveryState)
def test_held_back_is_only_what_nobody_has(state: d.DeliveryState) -> None:
    may_be = state in d.WAITING | {d.DeliveryState.EXPIRED}
    assert (d.DeliveryEvent.HELD_BACK in d.TRANSITIONS[state]) is may_be


@pytest.mark.parametrize("state", sorted(set(d.DeliveryState) - {d.DeliveryState.REFUSED, d.DeliveryState.RECALLED}))
def test_whoever_agrees_gives_it_back_from_wherever_it_is(state: d.DeliveryState) -> None:
    step = d.advance(a_delivery(state), d.DeliveryEvent.GIVEN_BACK)
    assert step is not None
    assert (step.after.state, step.acknowledge) == (d.DeliveryState.RECALLED, d.AckKind.RECALLED)


@pytest.mark.parametrize("event", d.DeliveryEvent)
def test_nothing_leaves_a_recall(event: d.DeliveryEvent) -> None:
    """Nor does a late word of a system turn it into a delivery: bookkeeping is quiet, people's words are refused."""
    assert d.DeliveryEvent.HELD_BACK in d.OVERTAKEN[d.DeliveryState.RECALLED]
    assert not d.TRANSITIONS[d.DeliveryState.RECALLED]
    if event in {d.DeliveryEvent.RECEIPTED, d.DeliveryEvent.RETURNED, d.DeliveryEvent.REPLAY_ORDERED}:
        with pytest.raises(d.IllegalTransitionError):
            d.advance(a_delivery(d.DeliveryState.RECALLED), event)
    else:
        assert d.advance(a_delivery(d.DeliveryState.RECALLED), event) is None


@given(events=st.lists(st.sampled_from(d.DeliveryEvent), max_size=30))
def test_whatever_happens_in_whatever_order_no_law_is_broken(events: list[d.DeliveryEvent]) -> None:
    """Versions count the moves; what is final stays; whoever was relayed to is asked and not held back."""
    delivery, moves = WAITING, 0
    for event in events:
        before = delivery
        try:
            step = d.advance(before, event)
        except d.IllegalTransitionError:
            step = None
        if step is None:
            continue
        delivery, moves = step.after, moves + 1
        assert before.state not in d.FINAL
        assert (step.acknowledge is None) is (delivery.state in d.UNFINISHED)
        if event is d.DeliveryEvent.HELD_BACK:
            assert before.state in d.WAITING | {d.DeliveryState.EXPIRED}
    assert delivery.version == moves


def test_held_back_says_that_nobody_fetched_it() -> None:
    recalled = a_delivery(d.DeliveryState.RECALLED)
    assert recalled.held_back
    assert not dataclasses.replace(recalled, fetched_at=NOW).held_back
    assert not WAITING.held_back
