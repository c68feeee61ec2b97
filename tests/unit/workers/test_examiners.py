"""Real processes: whatever a message does to its examiner, everybody gets an answer."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import structlog

from tests.unit.workers import hostile
from trunk.application.examiners import Cost, TooCostly
from trunk.errors import ConfigurationError, OverloadedError
from trunk.settings import Examination
from trunk.workers.examiners import ExaminationFailedError, ExaminerPool, InHouse
from trunk.workers.nursery import Task
from trunk.workers.ward import Examiner

AT = datetime(2026, 11, 22, 3, tzinfo=UTC)
ROOT = Path(__file__).parents[3]
LIMITS = Examination(processes=2, seconds=0.5, memory_mib=64, queue=256)
PATIENCE = 60

Pool = ExaminerPool[Any]
Opener = Callable[..., Pool]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Pools whose processes know the tests' own examiners."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    pools: list[Pool] = []

    def make(limits: Examination = LIMITS, maker: Callable[[], Any] = hostile.make, **wish: Any) -> Pool:
        pools.append(ExaminerPool(maker, limits, **wish))
        return pools[-1]

    with structlog.testing.capture_logs():
        yield make
        for pool in pools:
            pool.close()


def ask(pool: Pool, words: bytes | Path, caller: str = "a") -> Future[Any]:
    size = len(words) if isinstance(words, bytes) else words.stat().st_size
    return pool.examine(words, size=size, at=AT, caller=caller)


def told(pool: Pool, words: bytes | Path, caller: str = "a") -> Any:
    return ask(pool, words, caller).result(PATIENCE)


def test_octets_go_through_the_pipe_and_large_ones_stay_in_their_file(opened: Opener, tmp_path: Path) -> None:
    pool = opened()
    large, empty = tmp_path / "large", tmp_path / "empty"
    large.write_bytes(b"x" * 3_000_000)
    empty.touch()
    assert told(pool, b"good") == ("seen", 4, AT)
    assert told(pool, large) == ("seen", 3_000_000, AT)
    assert told(pool, empty) == ("seen", 0, AT)


@pytest.mark.parametrize("words", [b"spin", b"spin-in-c"])
def test_what_takes_too_long_is_ended_and_refused(opened: Opener, words: bytes) -> None:
    pool = opened()
    with structlog.testing.capture_logs() as logs:
        assert told(pool, words) == TooCostly(cost=Cost.TIME, limit="at most 0.5 s")
    (event,) = logs
    assert (event["event"], event["cause"], event["systems"]) == ("examiner_ended", "time", ["a"])
    assert pool.ended == {"time": 1}
    assert told(pool, b"good", "b") == ("seen", 4, AT)


def test_a_larger_message_may_take_longer(opened: Opener) -> None:
    pool = opened(LIMITS.model_copy(update={"seconds": 0.1, "seconds_per_mib": 0.4}))
    late = told(pool, b"spin " + b"x" * 2**20)
    assert late == TooCostly(cost=Cost.TIME, limit="at most 0.5 s")


def test_what_takes_too_much_memory_is_refused_and_what_is_allowed_is_not(opened: Opener) -> None:
    pool = opened()
    assert told(pool, b"eat 32") == f"ate {32 * 2**20}"
    assert told(pool, b"eat 4000") == TooCostly(cost=Cost.MEMORY, limit="at most 64 MiB")
    assert pool.ended == {"memory": 1}
    assert told(pool, b"eat 32", "b") == f"ate {32 * 2**20}"


def test_a_larger_message_may_take_more_memory(opened: Opener) -> None:
    pool = opened()
    assert told(pool, b"eat 80" + b" " * 8 * 2**20) == f"ate {80 * 2**20}"


def test_who_kills_two_examiners_is_refused(opened: Opener) -> None:
    pool = opened()
    assert told(pool, b"die") == TooCostly(cost=Cost.DEATH, limit="an examination that ends")
    assert pool.ended == {"death": 2}


def test_whose_examiner_died_by_somebody_elses_hand_is_looked_at_again(opened: Opener, tmp_path: Path) -> None:
    pool = opened()
    assert told(pool, b"die-once " + bytes(tmp_path / "mark")) == "lived"
    assert pool.ended == {"death": 1}


def test_the_nursery_may_be_killed_too(opened: Opener) -> None:
    pool = opened()
    nursery = int(Path(f"/proc/{told(pool, b'pid')}/stat").read_text().rsplit(")", 1)[1].split()[1])
    os.kill(nursery, signal.SIGKILL)
    assert [told(pool, b"good") for _ in range(10)] == [("seen", 4, AT)] * 10
    pool.check()


def test_a_nursery_that_could_not_be_reborn_at_once_is_reborn_later(opened: Opener, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    pool = opened(LIMITS.model_copy(update={"processes": 1}), maker=partial(hostile.make_unless, broken))
    nursery = int(Path(f"/proc/{told(pool, b'pid')}/stat").read_text().rsplit(")", 1)[1].split()[1])
    broken.touch()
    os.kill(nursery, signal.SIGKILL)
    with pytest.raises(OverloadedError):
        for _ in range(1_000):  # those that it bore die a moment after it
            told(pool, b"good")
    with pytest.raises(RuntimeError):
        pool.check()
    broken.unlink()
    assert told(pool, b"good") == ("seen", 4, AT)
    pool.check()


def test_an_answer_that_nobody_understands_ends_no_keeper(opened: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = opened()
    monkeypatch.setattr(Examiner, "answers", Mock(side_effect=MemoryError))
    with pytest.raises(ExaminationFailedError, match="MemoryError"):
        told(pool, b"good")
    monkeypatch.undo()
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert [told(pool, b"good") for _ in range(5)] == [("seen", 4, AT)] * 5


def test_one_that_the_machine_does_not_let_work_is_told_to_come_again(opened: Opener, tmp_path: Path) -> None:
    pool = opened(LIMITS.model_copy(update={"seconds": 0.02}))
    with pytest.raises(OverloadedError):
        told(pool, b"sleep " + bytes(tmp_path / "mark"))
    assert (tmp_path / "mark").exists()
    assert pool.ended == {"starved": 1}


def test_a_fault_of_ours_is_a_fault_and_quotes_nothing(opened: Opener) -> None:
    pool = opened()
    with pytest.raises(ExaminationFailedError, match=r"^ZeroDivisionError at hostile\.py:\d+$"):
        told(pool, b"fault")
    assert not pool.ended


def test_an_examiner_that_was_taken_over_gets_no_further_than_a_wrong_answer(
    opened: Opener, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert told(opened(), b"evil") == TooCostly(cost=Cost.DEATH, limit="an examination that ends")
    assert not (tmp_path / "taken-over").exists()


def test_a_hundred_hostile_ones_and_the_good_ones_between_them_are_all_answered(opened: Opener) -> None:
    pool = opened(LIMITS.model_copy(update={"seconds": 0.1, "queue": 64}))
    words = (b"spin", b"spin-in-c", b"eat 4000", b"die")
    bad: list[Future[Any]] = []
    good: list[Future[Any]] = []
    refused = 0
    for number in range(100):
        try:
            bad.append(ask(pool, words[number % 4], "hostile"))
        except OverloadedError:
            refused += 1
        if number % 4 == 0:
            good.append(ask(pool, b"good", f"agency {number % 5}"))
    assert [one.result(PATIENCE) for one in good] == [("seen", 4, AT)] * 25
    ends = [one.exception(PATIENCE) or one.result() for one in bad]
    assert all(isinstance(end, TooCostly | OverloadedError) for end in ends)
    assert refused + len(ends) == 100
    assert sum(isinstance(end, TooCostly) for end in ends) >= 2


@pytest.fixture
def asked_together(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages went in each question."""
    counts: list[int] = []
    ask_one = Examiner.ask

    def counting(self: Examiner, tasks: Sequence[Task]) -> None:
        counts.append(len(tasks))
        ask_one(self, tasks)

    monkeypatch.setattr(Examiner, "ask", counting)
    return counts


def at_work(pool: Pool, words: bytes) -> Future[Any]:
    """Asked, and taken out of the line."""
    asked = ask(pool, words, "slow")
    while pool.waiting:
        time.sleep(0.01)
    return asked


def test_small_ones_that_wait_are_asked_together(opened: Opener, asked_together: list[int]) -> None:
    pool = opened(LIMITS.model_copy(update={"processes": 1}))
    first = at_work(pool, b"spin")
    good = [ask(pool, b"good %d" % number, f"agency {number % 3}") for number in range(20)]
    assert [one.result(PATIENCE) for one in good] == [("seen", len(b"good %d" % n), AT) for n in range(20)]
    assert isinstance(first.result(PATIENCE), TooCostly)
    assert max(asked_together) == 8
    assert len(asked_together) < 12


@pytest.mark.parametrize(
    ("words", "cost"), [(b"spin", Cost.TIME), (b"eat 4000", Cost.MEMORY), (b"die", Cost.DEATH), (b"evil", Cost.DEATH)]
)
def test_one_that_spoils_a_common_question_is_refused_and_the_others_are_not(
    opened: Opener, asked_together: list[int], words: bytes, cost: Cost
) -> None:
    pool = opened(LIMITS.model_copy(update={"processes": 1}))
    first = at_work(pool, b"spin")
    asked = [ask(pool, words if number == 3 else b"good", f"agency {number}") for number in range(9)]
    answers = [one.result(PATIENCE) for one in asked]
    assert answers.pop(3).cost is cost
    assert answers == [("seen", 4, AT)] * 8
    assert isinstance(first.result(PATIENCE), TooCostly)
    assert max(asked_together) > 1


def test_a_suspect_leaves_an_examiner_to_the_others(opened: Opener) -> None:
    """With both at its mails, nobody else would be answered before one of them is."""
    pool = opened(LIMITS.model_copy(update={"seconds": 3.0}))
    assert told(pool, b"die", "hostile") == TooCostly(cost=Cost.DEATH, limit="an examination that ends")
    bad = [ask(pool, b"spin", "hostile") for _ in range(2)]
    for _ in range(5):
        assert told(pool, b"good", "other") == ("seen", 4, AT)
    assert not any(one.done() for one in bad)
    assert bad[1].cancel()
    assert isinstance(bad[0].result(PATIENCE), TooCostly)


def test_killing_examiners_in_the_middle_of_everything_loses_nothing(opened: Opener) -> None:
    pool = opened()
    killed = [told(pool, b"pid") for _ in range(20)]
    asked = [ask(pool, b"x" * 200_000) for _ in range(200)]
    for pid in set(killed):
        os.kill(pid, signal.SIGKILL)
    assert [one.result(PATIENCE) for one in asked] == [("seen", 200_000, AT)] * 200


def test_a_line_that_is_full_says_so_at_once(opened: Opener) -> None:
    pool = opened(LIMITS.model_copy(update={"processes": 1, "queue": 2, "seconds": 5.0}))
    asked: list[Future[Any]] = []
    with pytest.raises(OverloadedError):
        asked.extend(ask(pool, b"spin") for _ in range(4))
    assert pool.waiting == 2
    for one in asked:
        one.cancel()


def test_who_went_away_is_not_examined(opened: Opener, tmp_path: Path) -> None:
    pool = opened(LIMITS.model_copy(update={"processes": 1}))
    first, second = ask(pool, b"spin"), ask(pool, b"die-once " + bytes(tmp_path / "mark"))
    assert second.cancel()
    assert isinstance(first.result(PATIENCE), TooCostly)
    assert told(pool, b"good", "b") == ("seen", 4, AT)
    assert not (tmp_path / "mark").exists()


def test_closing_finishes_what_is_in_line(opened: Opener) -> None:
    pool = opened(LIMITS.model_copy(update={"processes": 1}))
    asked = [ask(pool, b"good") for _ in range(20)]
    pool.close()
    assert [one.result(0) for one in asked] == [("seen", 4, AT)] * 20
    with pytest.raises(OverloadedError):
        ask(pool, b"good")


def test_examiners_do_not_hear_the_signals_for_an_orderly_stop(opened: Opener) -> None:
    """A service manager sends them to every process of the service."""
    assert {signal.SIGTERM, signal.SIGINT} <= set(told(opened(), b"stops"))


def test_what_cannot_be_made_is_told_when_it_is_opened(opened: Opener) -> None:
    with pytest.raises(ConfigurationError, match="nobody is trusted"):
        opened(maker=hostile.make_nothing)


@pytest.mark.parametrize("words", ["announce", "idle"])
def test_nobody_survives_the_kill_of_the_service(words: str) -> None:
    """Nursery and examiners are gone, also one that never looks up from its work."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        program = (
            "from tests.unit.workers import test_examiners as t, hostile\n"
            "pool = t.ExaminerPool(hostile.make, t.LIMITS.model_copy(update={'seconds': 60.0}))\n"
            f"t.ask(pool, b'announce {port}')\n"
            "t.threading.Event().wait()\n"
        )
        service = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env={"PYTHONPATH": "."})
        door.settimeout(PATIENCE)
        with door.accept()[0] as heard:
            examiner, nursery = map(int, heard.makefile().read().split())
    handles = [os.pidfd_open(pid) for pid in (examiner, nursery)]
    try:
        if words == "announce":
            service.kill()
        else:
            os.kill(nursery, signal.SIGKILL)
        for handle in handles:
            _gone(handle)
    finally:
        service.kill()
        service.wait()
        for handle in handles:
            os.close(handle)


def _gone(handle: int) -> None:
    import select

    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    assert waiting.poll(PATIENCE * 1000), "it lives on"


def test_in_the_house_it_is_done_at_once_and_by_the_same_hands(tmp_path: Path) -> None:
    house: InHouse[Any] = InHouse(hostile.make)
    file = tmp_path / "large"
    file.write_bytes(b"x" * 10)
    assert house.examine(b"good", size=4, at=AT).result(0) == ("seen", 4, AT)
    assert house.examine(file, size=10, at=AT).result(0) == ("seen", 10, AT)
    assert not house.apart


def test_many_threads_may_ask(opened: Opener) -> None:
    pool = opened()
    answers: list[Any] = []
    ask_twenty = partial(_ask_often, pool, answers)
    threads = [threading.Thread(target=ask_twenty, args=(size,)) for size in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == sorted((size, size) for size in range(1, 9) for _ in range(20))


def _ask_often(pool: Pool, answers: list[Any], size: int) -> None:
    answers.extend((size, told(pool, b"x" * size)[1]) for _ in range(20))
