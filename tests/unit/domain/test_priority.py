"""Urgent mail overtakes and starves nobody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trunk.domain.priority import SHARE, places_for_oldest


@given(st.integers(2, 10_000))
def test_the_oldest_have_at_least_a_fifth_and_the_urgent_the_rest(places: int) -> None:
    oldest = places_for_oldest(places)
    assert places <= SHARE * oldest < places + SHARE
    assert 0 < oldest < places


def test_one_place_is_for_the_most_urgent() -> None:
    assert (places_for_oldest(0), places_for_oldest(1)) == (0, 0)


@given(st.integers(2, 40), st.integers(0, 200), st.data())
def test_a_letter_leaves_in_bounded_windows_whatever_urgent_mail_comes(
    places: int, before_it: int, data: st.DataObject
) -> None:
    """A model of a line: numbers are times of arrival, and ours is an ordinary letter with some before it."""
    ordinary, urgent, clock = list(range(before_it + 1)), [], before_it + 1
    windows = 0
    while before_it in ordinary:
        coming = data.draw(st.integers(0, 2 * places))
        urgent += range(clock, clock + coming)
        clock += coming
        taken = urgent[: places - places_for_oldest(places)]
        urgent = urgent[len(taken) :]
        oldest = sorted(ordinary + urgent)[: places - len(taken)]
        ordinary = [one for one in ordinary if one not in oldest]
        urgent = [one for one in urgent if one not in oldest]
        windows += 1
    assert windows <= -(-(before_it + 1) // places_for_oldest(places))
