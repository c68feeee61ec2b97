"""Who is next, and who gets a place: everybody as much as the others; suspects have one examiner."""

from __future__ import annotations

import threading
import time

import pytest

from trunk.errors import OverloadedError
from trunk.workers.line import SUSPECT_SECONDS, Line, Turn


class Seconds:
    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def line(places: int = 8, seconds: Seconds | None = None) -> Line[str]:
    return Line(places=places, seconds=seconds or Seconds())


def take(queue: Line[str]) -> Turn[str]:
    (turn,) = queue.take()
    return turn


def together(queue: Line[str], most: int = 4) -> list[str]:
    """Light ones are written small."""
    return [turn.task for turn in queue.take(most=most, light=str.islower)]


def test_callers_take_turns_whatever_each_has_brought() -> None:
    queue = line()
    for task in ("a1", "a2", "a3"):
        queue.join("a", task)
    for task in ("b1", "b2"):
        queue.join("b", task)
    assert [take(queue).task for _ in range(5)] == ["a1", "b1", "a2", "b2", "a3"]
    assert queue.length == 0


def test_there_are_so_many_places() -> None:
    queue = line(places=2)
    queue.join("a", "1")
    queue.join("b", "2")
    with pytest.raises(OverloadedError):
        queue.join("c", "3")


def test_suspects_together_get_one_examiner() -> None:
    queue = line()
    queue.suspect("x")
    queue.suspect("y")
    for caller in ("x", "y", "a"):
        queue.join(caller, caller)
    first = take(queue)
    assert (first.task, first.suspect) == ("x", True)
    assert take(queue).task == "a"
    queue.done(first)
    assert take(queue).task == "y"


def test_who_waits_for_a_suspects_turn_is_woken_when_it_is_over() -> None:
    queue = line()
    queue.suspect("x")
    queue.join("x", "1")
    queue.join("x", "2")
    first = take(queue)
    got: list[str] = []
    waiting = threading.Thread(target=lambda: got.append(take(queue).task))
    waiting.start()
    queue.done(first)
    waiting.join(20)
    assert got == ["2"]


def test_who_holds_most_places_gives_them_up_to_who_holds_fewer() -> None:
    queue = line(places=4)
    assert [queue.join("x", str(number)) for number in range(4)] == [None] * 4
    assert queue.join("a", "a1") == "3"
    assert queue.join("a", "a2") == "2"
    with pytest.raises(OverloadedError):
        queue.join("a", "a3")
    with pytest.raises(OverloadedError):
        queue.join("x", "4")
    assert [take(queue).task for _ in range(4)] == ["0", "a1", "1", "a2"]


def test_suspicion_ends() -> None:
    seconds = Seconds()
    queue = line(seconds=seconds)
    queue.suspect("x")
    seconds.at += SUSPECT_SECONDS + 1
    queue.join("x", "1")
    queue.join("x", "2")
    assert [take(queue).suspect, take(queue).suspect] == [False, False]


def test_a_closed_line_takes_nobody_and_serves_who_stands_in_it() -> None:
    queue = line()
    queue.join("a", "1")
    queue.close()
    with pytest.raises(OverloadedError):
        queue.join("a", "2")
    assert take(queue).task == "1"
    assert queue.take() == []


def test_light_ones_are_taken_together_in_turn_but_no_more_than_half_of_who_waits() -> None:
    queue = line(places=20)
    for task in ("a1", "a2", "a3", "a4", "a5"):
        queue.join("a", task)
    queue.join("b", "b1")
    assert together(queue) == ["a1", "b1", "a2"]
    assert together(queue) == ["a3", "a4"]
    assert together(queue) == ["a5"]


def test_there_are_no_more_together_than_are_asked_for() -> None:
    queue = line(places=20)
    for number in range(19):
        queue.join("a", f"a{number}")
    assert together(queue, 2) == ["a0", "a1"]


def test_a_heavy_one_goes_alone_and_is_never_taken_along() -> None:
    queue = line(places=20)
    for caller, task in (("a", "A"), ("a", "a2"), ("b", "B"), ("c", "c1"), ("c", "c2"), ("d", "d1")):
        queue.join(caller, task)
    assert together(queue) == ["A"]
    assert together(queue) == ["B"]
    assert together(queue) == ["c1", "d1"]


def test_suspects_go_alone() -> None:
    queue = line(places=20)
    queue.suspect("x")
    for caller, task in (("a", "a1"), ("x", "x1"), ("a", "a2"), ("x", "x2"), ("a", "a3")):
        queue.join(caller, task)
    assert together(queue) == ["a1", "a2", "a3"]
    assert together(queue) == ["x1"]


def in_reserve(queue: Line[str], after: float = 10) -> tuple[threading.Thread, list[str]]:
    """Somebody who takes what has waited for ``after`` seconds, and what it has taken."""
    taken: list[str] = []
    thread = threading.Thread(target=lambda: taken.extend(turn.task for turn in queue.take(after=after)), daemon=True)
    thread.start()
    return thread, taken


def test_a_reserve_leaves_who_has_just_come_to_the_first() -> None:
    queue = line(seconds=Seconds())
    queue.join("a", "1")
    thread, taken = in_reserve(queue)
    thread.join(0.3)
    assert thread.is_alive()
    assert take(queue).task == "1"
    queue.close()
    thread.join(30)
    assert taken == []


def test_a_reserve_takes_who_has_waited_while_the_first_is_held_up() -> None:
    seconds = Seconds()
    queue = line(seconds=seconds)
    thread, taken = in_reserve(queue)
    queue.join("a", "1")
    thread.join(0.3)
    assert thread.is_alive()
    seconds.at = 10
    queue.join("a", "2")
    thread.join(30)
    assert taken == ["1"]


def test_a_reserve_is_told_of_whom_the_first_leaves_behind() -> None:
    queue = line(seconds=time.monotonic)  # type: ignore[arg-type]
    thread, taken = in_reserve(queue, after=0.05)
    first: list[str] = []
    taking = threading.Thread(target=lambda: first.extend(turn.task for turn in queue.take()), daemon=True)
    taking.start()
    for task in ("1", "2"):
        queue.join("a", task)
    for one in (thread, taking):
        one.join(30)
    assert sorted(first + taken) == ["1", "2"]


def test_a_reserve_does_not_spin_over_suspects_who_may_not_be_served() -> None:
    queue = line(seconds=(seconds := Seconds()))
    queue.suspect("x")
    queue.join("x", "1")
    at_work = take(queue)
    queue.join("x", "2")
    seconds.at = 30
    thread, taken = in_reserve(queue)
    before = time.process_time()
    thread.join(0.5)
    assert time.process_time() - before < 0.25
    queue.done(at_work)
    thread.join(30)
    assert taken == ["2"]
