"""Lanes: in order inside one, side by side between them, and on few threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from queues.broker import Disposition, Message
from queues.lanes import Lanes, decide, redelivery_pause


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    pool = Lanes(threads=4, name="test")
    yield pool
    assert pool.close(seconds=10)


def test_jobs_of_one_lane_run_in_order(lanes: Lanes) -> None:
    seen: list[int] = []
    done = threading.Event()
    for number in range(500):
        lanes.submit("one", partial(seen.append, number))
    lanes.submit("one", done.set)
    assert done.wait(10)
    assert seen == list(range(500))


def test_lanes_run_side_by_side(lanes: Lanes) -> None:
    meeting = threading.Barrier(4, timeout=10)
    done = threading.Semaphore(0)

    def meet() -> None:
        meeting.wait()
        done.release()

    for number in range(4):
        lanes.submit(f"lane {number}", meet)
    assert all(done.acquire(timeout=10) for _ in range(4))


def test_a_thread_that_was_just_woken_does_not_count_as_idle(lanes: Lanes) -> None:
    meeting, done = threading.Barrier(2, timeout=10), threading.Semaphore(0)

    def meet() -> None:
        meeting.wait()
        done.release()

    lanes.submit("one", done.release)
    assert done.acquire(timeout=10)
    with lanes._change:  # the only thread there is cannot wake up between the two
        lanes.submit("one", meet)
        lanes.submit("two", meet)
    assert done.acquire(timeout=10)
    assert done.acquire(timeout=10)


def test_three_thousand_lanes_need_four_threads(lanes: Lanes) -> None:
    names: set[str] = set()
    done = threading.Semaphore(0)

    def note() -> None:
        names.add(threading.current_thread().name)
        done.release()

    for number in range(3_000):
        lanes.submit(f"lane {number}", note)
    assert all(done.acquire(timeout=10) for _ in range(3_000))
    assert len(names) <= 4


def test_lanes_without_work_have_no_thread() -> None:
    before = threading.active_count()
    pool = Lanes(threads=4, name="test")
    assert threading.active_count() == before
    assert pool.close(seconds=1)


def test_a_busy_lane_does_not_starve_another() -> None:
    pool = Lanes(threads=1, name="test")
    seen: list[str] = []
    done, begun, begin = threading.Event(), threading.Event(), threading.Event()

    def wait() -> None:
        begun.set()
        assert begin.wait(10)

    pool.submit("busy", wait)
    assert begun.wait(10)
    for _ in range(100):
        pool.submit("busy", partial(seen.append, "busy"))
    pool.submit("rare", partial(seen.append, "rare"))
    pool.submit("rare", done.set)
    begin.set()
    assert done.wait(10)
    assert seen.index("rare") <= 2
    assert pool.close(seconds=10)


def test_a_job_that_raises_takes_nobody_along(lanes: Lanes) -> None:
    done = threading.Event()

    def fail() -> None:
        raise RuntimeError("a mistake")

    for _ in range(10):
        lanes.submit("one", fail)
    lanes.submit("one", done.set)
    assert done.wait(10)


def test_a_job_for_later_runs_behind_the_others(lanes: Lanes) -> None:
    seen: list[str] = []
    done = threading.Event()
    lanes.submit("one", done.set, after=0.05)
    lanes.submit("one", partial(seen.append, "now"))
    assert done.wait(10)
    assert seen == ["now"]


def test_closing_finishes_the_job_at_work_and_drops_the_rest() -> None:
    pool = Lanes(threads=1, name="test")
    begun, go, seen = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        go.wait(10)
        seen.append("finished")

    pool.submit("one", work)
    pool.submit("one", partial(seen.append, "dropped"))
    assert begun.wait(10)
    assert not pool.close(seconds=0)
    go.set()
    assert pool.close(seconds=10)
    pool.submit("one", partial(seen.append, "too late"))
    assert seen == ["finished"]


def test_a_job_may_close_its_own_lanes() -> None:
    pool = Lanes(threads=2, name="test")
    done = threading.Event()

    def close() -> None:
        assert pool.close(seconds=5)
        done.set()

    pool.submit("one", close)
    assert done.wait(10)


def test_a_handler_that_raises_says_redeliver() -> None:
    def handle(_: Message) -> Disposition:
        raise KeyError("x")

    assert decide(handle, Message(id="1", queue="q", body=b"")) is Disposition.REDELIVER


def test_the_pause_before_a_redelivery_grows_and_is_bounded() -> None:
    pauses = [redelivery_pause(earlier) for earlier in range(12)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] == redelivery_pause(100) == redelivery_pause(2**31) == 5.0
