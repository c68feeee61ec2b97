"""Who is late with what, and how quick everybody is, worked out from times."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import pytest

from trunk.application.deadlines import rules
from trunk.domain.deadlines import HANOI
from trunk.domain.delivery import AgencyCode, DeliveryId, DeliveryState
from trunk.domain.punctuality import LateKind, Passage, Quickness, measure
from trunk.settings import Deadlines

RULES: Final = rules(Deadlines())
WEDNESDAY: Final = datetime(2026, 11, 25, 9, 0, tzinfo=HANOI)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)
S, K = DeliveryState, LateKind

WAITS: Final = Passage(
    delivery_id=DeliveryId("D1"),
    addressee=AgencyCode("H36.17"),
    urgency=0,
    state=S.DISPATCHED,
    accepted_at=WEDNESDAY,
    fetched_at=None,
    settled_at=None,
    due_date="2026/11/26",
)


def late(passage: Passage, *, after: timedelta = 3 * DAY) -> list[LateKind]:
    return [one.kind for one in passage.late_now(RULES, WEDNESDAY + after)]


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (S.QUEUED, [K.NOT_FETCHED, K.NOT_RECEIVED, K.NOT_ANSWERED]),
        (S.DISPATCHED, [K.NOT_FETCHED, K.NOT_RECEIVED, K.NOT_ANSWERED]),
        (S.DEFERRED, [K.NOT_FETCHED, K.NOT_RECEIVED, K.NOT_ANSWERED]),
        (S.RELAYED, [K.NOT_RECEIVED, K.NOT_ANSWERED]),
        (S.DELIVERED, [K.NOT_RECEIVED, K.NOT_ANSWERED]),
        (S.RECEIVED, [K.NOT_ANSWERED]),
        (S.REFUSED, []),
        (S.EXPIRED, []),
        (S.RECALLED, []),
    ],
)
def test_what_is_owed_depends_on_the_state(state: DeliveryState, expected: list[LateKind]) -> None:
    assert late(replace(WAITS, state=state)) == expected


def test_nothing_is_late_before_its_time_nor_for_ever() -> None:
    assert late(WAITS, after=HOUR) == []
    assert late(WAITS, after=9 * HOUR) == [K.NOT_FETCHED, K.NOT_RECEIVED]
    assert late(WAITS, after=91 * DAY) == []


def test_what_was_fetched_is_not_late_with_that() -> None:
    assert late(replace(WAITS, fetched_at=WEDNESDAY + 2 * DAY)) == [K.NOT_RECEIVED, K.NOT_ANSWERED]
    assert late(replace(WAITS, answered_at=WEDNESDAY + 2 * DAY)) == [K.NOT_FETCHED, K.NOT_RECEIVED]


def test_how_late_is_said() -> None:
    longest = WAITS.late_now(RULES, WEDNESDAY + DAY)[0]
    assert (longest.due_at, longest.by(WEDNESDAY + DAY)) == (WEDNESDAY + 6 * HOUR, 18 * HOUR)


def test_what_came_late_stays_late_in_the_report() -> None:
    done = replace(
        WAITS,
        state=S.RECEIVED,
        fetched_at=WEDNESDAY + HOUR,
        settled_at=WEDNESDAY + 9 * HOUR,
        answered_at=WEDNESDAY + 2 * DAY,
    )
    assert list(done.were_late(RULES, WEDNESDAY + 9 * DAY)) == [K.NOT_RECEIVED, K.NOT_ANSWERED]
    prompt = replace(done, settled_at=WEDNESDAY + 2 * HOUR, answered_at=WEDNESDAY + DAY)
    assert list(prompt.were_late(RULES, WEDNESDAY + 9 * DAY)) == []


def test_what_expired_was_late_and_what_was_recalled_was_not() -> None:
    now = WEDNESDAY + 9 * DAY
    assert list(replace(WAITS, state=S.EXPIRED).were_late(RULES, now)) == [K.NOT_FETCHED, K.NOT_RECEIVED]
    assert list(replace(WAITS, state=S.RECALLED).were_late(RULES, now)) == []


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        ((), None),
        ((5,), (300, 300)),
        ((1, 3), (120, 180)),
        (tuple(range(1, 11)), (330, 540)),
        ((0, 0, 0, 0, 0, 0, 0, 0, 0, 60), (0, 0)),
    ],
)
def test_median_and_nine_of_ten(minutes: tuple[int, ...], expected: tuple[float, float] | None) -> None:
    found = Quickness.of(timedelta(minutes=m) for m in minutes)
    assert (found and (found.median, found.p90)) == expected


def test_a_recipient_is_measured_by_what_happened() -> None:
    fetched, received, counts = measure([WAITS, replace(WAITS, fetched_at=WEDNESDAY + HOUR)], RULES, WEDNESDAY + DAY)
    assert fetched == Quickness(count=1, median=3600, p90=3600)
    assert received is None
    assert counts == {K.NOT_FETCHED: 1, K.NOT_RECEIVED: 2}
