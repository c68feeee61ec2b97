from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from trunk.errors import LedgerUnavailableError
from trunk.workers.loops import Loop, Went


def a_loop(step: Callable[[], Went], **settings: float) -> Loop:
    return Loop(name="test", step=step, chance=lambda: 0.0, **settings)


def test_a_loop_sleeps_until_it_is_woken() -> None:
    steps = threading.Semaphore(0)

    def step() -> Went:
        steps.release()
        return Went.IDLE

    loop = a_loop(step, pause_seconds=60)
    loop.start()
    assert steps.acquire(timeout=5)
    assert not steps.acquire(timeout=0.05)
    loop.wake()
    assert steps.acquire(timeout=5)
    assert loop.stop()


def test_a_wake_during_a_step_is_not_lost() -> None:
    steps = threading.Semaphore(0)
    loop: Loop

    def step() -> Went:
        steps.release()
        if first.is_set():
            return Went.IDLE
        first.set()
        loop.wake()
        return Went.IDLE

    first = threading.Event()
    loop = a_loop(step, pause_seconds=60)
    loop.start()
    assert steps.acquire(timeout=5)
    assert steps.acquire(timeout=5)
    assert loop.stop()


def test_a_step_that_fails_is_shown_and_tried_again() -> None:
    failed, mended = threading.Event(), threading.Event()
    again = threading.Event()

    def step() -> Went:
        if not failed.is_set():
            failed.set()
            raise LedgerUnavailableError
        if not mended.wait(timeout=5):
            raise AssertionError
        again.set()
        return Went.IDLE

    loop = a_loop(step, backoff_seconds=0.01)
    loop.start()
    assert failed.wait(5)
    mended.set()
    assert again.wait(5)
    assert loop.stop()


def test_a_loop_in_trouble_says_so() -> None:
    def step() -> Went:
        raise ZeroDivisionError

    loop = a_loop(step, backoff_seconds=60)
    with pytest.raises(RuntimeError, match="does not run"):
        loop.check()
    loop.start()
    for _ in range(500):
        if loop.trouble:
            break
        threading.Event().wait(0.01)
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        loop.check()
    assert loop.stop()


def test_a_clock_that_is_set_back_holds_up_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second back at every look: whoever waits until a time of day waits for ever."""
    at = [time.time()]

    def backwards() -> float:
        at[0] -= 1
        return at[0]

    steps = threading.Semaphore(0)

    def step() -> Went:
        steps.release()
        raise LedgerUnavailableError

    monkeypatch.setattr(time, "time", backwards)
    loop = a_loop(step, backoff_seconds=0.05)
    loop.start()
    tried = [steps.acquire(timeout=5) for _ in range(3)]
    assert loop.stop()
    assert all(tried)
