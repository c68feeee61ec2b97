"""The parent of several processes: who dies is replaced, who dies of its start not in haste, and all stop together."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest
from structlog.testing import capture_logs

from trunk.workers.supervisor import Supervisor, _pause

LIVES = "import sys; sys.stdin.read()"
DEAF = "import signal, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); sys.stdin.read()"
ORDERLY = """
import signal, sys
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGTERM}})
open({mark!r}, "w").close()
signal.sigwait({{signal.SIGTERM}})
sys.exit({code})
"""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def supervisor(code: str, clock: Clock, *, workers: int = 1, grace_seconds: float = 30) -> Supervisor:
    made = Supervisor(command=[sys.executable, "-c", code], workers=workers, grace_seconds=grace_seconds, seconds=clock)
    made.start()
    return made


@pytest.fixture
def living(clock: Clock) -> Iterator[Supervisor]:
    made = supervisor(LIVES, clock, workers=2)
    yield made
    made.finish()


def children(made: Supervisor) -> list[int]:
    return [place.child.pid for place in made._places]


def kill_the_first(made: Supervisor) -> None:
    made._places[0].child.kill()
    made._places[0].child.wait(30)


def test_who_dies_is_replaced_and_the_others_are_left_alone(living: Supervisor, clock: Clock) -> None:
    first, second = children(living)
    kill_the_first(living)
    living.look()
    assert children(living) == [first, second], "not at once"
    clock.now += 1
    living.look()
    assert children(living)[0] != first
    assert children(living)[1] == second


def test_who_dies_again_and_again_is_started_after_longer_and_longer_pauses(living: Supervisor, clock: Clock) -> None:
    with capture_logs() as told:
        for _ in range(6):
            kill_the_first(living)
            living.look()
            clock.now += 15
            living.look()
    assert [one["again_in_seconds"] for one in told if one["event"] == "worker_died"] == [1, 2, 4, 8, 15, 15]


def test_the_pause_is_bounded_however_often_it_dies() -> None:
    assert [_pause(deaths) for deaths in (1, 5, 5_000)] == [1, 15, 15]


def test_a_worker_that_cannot_be_started_now_takes_nobody_down(
    living: Supervisor, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = children(living)
    kill_the_first(living)
    living.look()
    with monkeypatch.context() as crowded, capture_logs() as told:
        crowded.setattr(subprocess, "Popen", Mock(side_effect=OSError(errno.ENOMEM, "Cannot allocate memory")))
        clock.now += 1
        living.look()
    assert [one["event"] for one in told] == ["worker_not_started"]
    clock.now += 15
    living.look()
    assert children(living)[0] != first
    assert children(living)[1] == second


def test_who_lived_long_is_forgiven(living: Supervisor, clock: Clock) -> None:
    with capture_logs() as told:
        for lived in (0, 0, 60):
            clock.now += lived
            kill_the_first(living)
            living.look()
            clock.now += 15
            living.look()
    assert [one["again_in_seconds"] for one in told if one["event"] == "worker_died"] == [1, 2, 1]


def test_nobody_is_waited_for_who_has_died_before_the_stop(living: Supervisor) -> None:
    kill_the_first(living)
    living.look()
    assert living.finish() == 0


@pytest.mark.parametrize("code", [0, 3])
def test_the_worst_exit_code_is_the_whole_ones(clock: Clock, tmp_path: Path, code: int) -> None:
    mark = tmp_path / "ready"
    made = supervisor(ORDERLY.format(code=code, mark=str(mark)), clock)
    pause = threading.Event()
    for _ in range(1200):
        if mark.exists():
            break
        pause.wait(0.05)
    assert made.finish() == code


def test_who_does_not_stop_in_time_is_killed_and_all_have_one_time_together(clock: Clock) -> None:
    made = Supervisor(command=[sys.executable, "-c", DEAF], workers=3, grace_seconds=0, seconds=clock)
    out, into = os.pipe()
    keep = os.dup(1)
    os.dup2(into, 1)
    made.start()
    os.dup2(keep, 1)
    for handle in (keep, into):
        os.close(handle)
    heard = b""
    while len(heard) < 3:  # each says that it is deaf from now on
        heard += os.read(out, 1)
    os.close(out)
    assert made.finish() == signal.SIGKILL
