from __future__ import annotations

import pytest

from trunk.workers.turns import Spot, Turns


def spot(caller: str, host: str = "", place: str = "") -> Spot:
    return Spot(caller=caller, host=host or f"host of {caller}", place=place or f"place of {caller}")


def taken(turns: Turns[str]) -> list[str]:
    """Everybody who may be served now, one after the other, each done before the next."""
    found = []
    while (turn := turns.take()) is not None:
        found.append(turn[1])
        turns.done(turn[0])
    return found


def test_callers_take_turns_whatever_each_has_brought() -> None:
    turns: Turns[str] = Turns(at_once=8)
    for number in range(4):
        turns.join(spot("crowd", place=str(number)), f"c{number}")
    for number in range(2):
        turns.join(spot("small"), f"s{number}")
    assert taken(turns) == ["c0", "s0", "c1", "s1", "c2", "c3"]


def test_callers_take_turns_at_one_place_too() -> None:
    turns: Turns[str] = Turns(at_once=8)
    for number in range(3):
        turns.join(spot("crowd", "h", "p"), f"c{number}")
    turns.join(spot("small", "h", "p"), "s")
    assert taken(turns) == ["c0", "s", "c1", "c2"]


@pytest.mark.parametrize("shared", ["caller", "host"])
def test_one_caller_and_one_host_have_half_at_most(shared: str) -> None:
    turns: Turns[int] = Turns(at_once=8)
    for number in range(20):
        name = str(number)
        turns.join(spot("a" if shared == "caller" else name, "h" if shared == "host" else name, name), number)
    held = [turn for _ in range(20) if (turn := turns.take()) is not None]
    assert [task for _, task in held] == [0, 1, 2, 3]
    turns.join(spot("b"), 99)
    assert turns.take() == (spot("b"), 99)
    turns.done(held[0][0])
    again = turns.take()
    assert again is not None
    assert again[1] == 4


def test_a_place_is_asked_by_one_at_a_time_and_does_not_keep_up_another() -> None:
    turns: Turns[str] = Turns(at_once=8)
    for task in ("first", "second"):
        turns.join(spot("a", "h", "p"), task)
    turns.join(spot("a", "h", "other"), "third")
    held = [turn for _ in range(3) if (turn := turns.take()) is not None]
    assert [task for _, task in held] == ["first", "third"]
    turns.done(held[0][0])
    again = turns.take()
    assert again is not None
    assert again[1] == "second"


def test_there_are_no_more_exchanges_than_allowed() -> None:
    turns: Turns[int] = Turns(at_once=4)
    for number in range(9):
        turns.join(spot(str(number)), number)
    assert [turn[1] for _ in range(9) if (turn := turns.take()) is not None] == [0, 1, 2, 3]
