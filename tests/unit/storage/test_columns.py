"""Times in the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunk.storage.columns import time_text

ZONES = st.timedeltas(min_value=timedelta(hours=-12), max_value=timedelta(hours=14)).map(
    lambda offset: timezone(timedelta(minutes=offset // timedelta(minutes=1)))
)
TIMES = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001 - bounds


@given(TIMES)
def test_a_time_is_spelled_so_that_it_can_be_read_back(time: datetime) -> None:
    assert datetime.fromisoformat(time_text(time)) == time


@given(TIMES, TIMES)
def test_spelled_times_sort_as_times_do(one: datetime, two: datetime) -> None:
    assert (one < two) == (time_text(one) < time_text(two))


def test_the_same_moment_has_one_spelling() -> None:
    hanoi = timezone(timedelta(hours=7))
    spelled = "2026-11-22 01:30:00.000000+00:00"
    assert time_text(datetime(2026, 11, 22, 8, 30, tzinfo=hanoi)) == spelled
    assert time_text(datetime(2026, 11, 22, 1, 30, tzinfo=UTC)) == spelled


def test_a_time_without_a_zone_has_none() -> None:
    with pytest.raises(ValueError, match="zone"):
        time_text(datetime(2026, 11, 22))  # noqa: DTZ001 - that is the point
