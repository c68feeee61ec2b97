"""Mixes and plans: what is asked for is what is sent, in the shares that were asked for."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from trunk.load.mix import Part, Size, apportion, parse_part, parse_share, parse_size
from trunk.load.plan import Arrival, Draft, Kind, Plan, Spacing, Wish, make_plan

SMALL, LARGE = Size("25k", 25_000), Size("2m", 2_000_000)


def plan(**more: Any) -> Plan:
    values: dict[str, Any] = {
        "sender": "H41.90",
        "recipients": ("A", "B", "C"),
        "per_second": 50.0,
        "seconds": 20.0,
        "sizes": (Part(SMALL),),
    }
    return make_plan(Wish(**{**values, **more}))


@pytest.mark.parametrize(
    ("text", "octets", "name"),
    [("25k", 25_000, "25k"), ("2M", 2_000_000, "2m"), ("100MB", 100_000_000, "100m"), ("9000", 9_000, "9000")],
)
def test_sizes_are_read_as_people_write_them(text: str, octets: int, name: str) -> None:
    assert parse_size(text) == Size(name, octets)


@pytest.mark.parametrize("text", ["", "k", "0", "-1k", "1.5m", "2g", "25 k k"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no size"):
        parse_size(text)


@pytest.mark.parametrize(("text", "share"), [("1%", 0.01), ("0.5%", 0.005), ("0.01", 0.01), ("0", 0.0)])
def test_shares_are_read(text: str, share: float) -> None:
    assert parse_share(text) == pytest.approx(share)


@pytest.mark.parametrize("text", ["1", "100%", "-1%", "x", "", "1 %%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no share"):
        parse_share(text)


def test_a_part_has_a_weight() -> None:
    assert parse_part("2m=5", parse_size) == Part(LARGE, 5)
    assert parse_part("2m", parse_size) == Part(LARGE, 1)
    for text in ("2m=", "2m=0", "2m=x", "2m=1.5"):
        with pytest.raises(ValueError, match="is no weight"):
            parse_part(text, parse_size)


@pytest.mark.parametrize(
    ("weights", "count", "numbers"),
    [((90, 9, 1), 1000, [900, 90, 10]), ((1, 1), 3, [2, 1]), ((5, 1), 1, [1, 0]), ((1, 1, 1), 100, [34, 33, 33])],
)
def test_weights_are_kept_as_near_as_whole_numbers_go(weights: tuple[int, ...], count: int, numbers: list[int]) -> None:
    found = Counter(apportion([Part(n, weight) for n, weight in enumerate(weights)], count))
    assert [found[n] for n in range(len(weights))] == numbers


def test_evenly_spaced_arrivals_are_where_they_have_to_be() -> None:
    made = plan()
    assert made.dues == [pytest.approx(number / 50) for number in range(1000)]


def test_random_arrivals_are_in_order_within_the_time_and_the_same_for_a_seed() -> None:
    made = plan(spacing=Spacing.POISSON)
    assert made.dues == sorted(made.dues)
    assert made.dues[0] >= 0
    assert made.dues[-1] <= 20
    gaps = {round(later - sooner, 3) for sooner, later in zip(made.dues, made.dues[1:], strict=False)}
    assert len(gaps) > 20
    assert plan(spacing=Spacing.POISSON) == made
    assert plan(spacing=Spacing.POISSON, seed=2).dues != made.dues


def test_kinds_have_their_shares_and_sizes_too() -> None:
    made = plan(repeats=0.05, bad=0.01, sizes=(Part(SMALL, 9), Part(LARGE)))
    assert Counter(one.kind for one in made.arrivals) == {Kind.FRESH: 940, Kind.REPEAT: 50, Kind.BAD: 10}
    assert Counter(draft.size for draft in made.drafts) == {SMALL: 855, LARGE: 95}
    assert sum(draft.bad for draft in made.drafts) == 10


def test_a_share_that_is_asked_for_is_there_at_least_once() -> None:
    made = plan(per_second=1.0, seconds=10.0, repeats=0.001, bad=0.001)
    assert Counter(one.kind for one in made.arrivals) == {Kind.FRESH: 8, Kind.REPEAT: 1, Kind.BAD: 1}


def test_a_repetition_is_of_a_good_document_that_was_due_a_second_before() -> None:
    made = plan(repeats=0.2, bad=0.2)
    due = {one.document: at for one, at in zip(made.arrivals, made.dues, strict=True) if one.kind is Kind.FRESH}
    repeats = [(one, at) for one, at in zip(made.arrivals, made.dues, strict=True) if one.kind is Kind.REPEAT]
    assert len(repeats) == 200
    for one, at in repeats:
        assert not made.drafts[one.document].bad
        assert due[one.document] < at
        assert due[one.document] <= at - 1 or at < 1.2


def test_every_recipient_gets_as_much_as_any_other() -> None:
    made = plan(at_once=(Part(1), Part(2)))
    assert Counter(len(draft.recipients) for draft in made.drafts) == {1: 500, 2: 500}
    assert Counter(code for draft in made.drafts for code in draft.recipients) == {"A": 500, "B": 500, "C": 500}
    assert all(len(set(draft.recipients)) == len(draft.recipients) for draft in made.drafts)


def test_one_submission_alone_is_a_plan() -> None:
    made = plan(per_second=1.0, seconds=1.0)
    assert made == Plan([Draft(SMALL, ("A",))], [Arrival(Kind.FRESH, 0)], [0.0])


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"seconds": 0.001}, "not one submission"),
        ({"repeats": 0.5, "bad": 0.5}, "leave nothing that is new"),
        ({"at_once": (Part(4),)}, "4 recipients of one document, and 3 are named"),
        ({"at_once": (Part(3),), "recipients": ("A", "A", "B")}, "3 recipients of one document, and 2 are named"),
        ({"per_second": 1.0, "seconds": 2.0, "repeats": 0.1, "bad": 0.1}, "too few"),
    ],
)
def test_what_cannot_be_meant_is_refused(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        plan(**more)
