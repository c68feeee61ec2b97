"""``trunk serve --workers N``: its processes killed, its parent killed, all of it stopped, under load."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from scripts.province import make_province
from scripts.trunk_process import TrunkProcess
from tests.faults.test_nodes import Senders, dispatched, settle, until

pytestmark = pytest.mark.timeout(600)


@pytest.fixture
def trunk(tmp_path: Path) -> Iterator[tuple[TrunkProcess, Senders]]:
    province = make_province(tmp_path)
    with TrunkProcess(province.config, workers=2) as running:
        yield running, Senders(province, [running.url(timeout=180)], pace=0.5)


def workers(running: TrunkProcess) -> list[int]:
    """The ones that listen."""
    alive = {one["worker"] for one in running.log if one.get("event") == "worker_started"}
    return sorted(alive - {one["worker"] for one in running.log if one.get("event") == "worker_died"})


def listening(running: TrunkProcess) -> int:
    return sum(one.get("event") == "trunk_listening" for one in running.log)


def there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_each_process_that_is_killed_is_replaced_and_nothing_is_lost(trunk: tuple[TrunkProcess, Senders]) -> None:
    running, senders = trunk
    until(lambda: listening(running) == 2)
    with senders.at_work():
        for times, pid in enumerate(workers(running), 3):
            senders.more(3)
            os.kill(pid, signal.SIGKILL)
            until(lambda times=times: listening(running) == times)
        senders.more(3)
    assert senders.surprises == []
    until(lambda: dispatched(senders.province, senders.oracle, senders.urls[0]), seconds=60)
    settle(senders.province, senders.oracle, senders.urls[0])
    assert running.stop() == 0
    assert not any(there(pid) for pid in workers(running))


def test_processes_whose_parent_is_killed_end_in_order_by_themselves(trunk: tuple[TrunkProcess, Senders]) -> None:
    running, senders = trunk
    until(lambda: listening(running) == 2)
    with ExitStack() as stack:
        with senders.at_work():
            senders.more(3)
            orphans = workers(running)
            os.kill(running.pid, signal.SIGKILL)
            assert running.wait() == -signal.SIGKILL
            until(lambda: not any(there(pid) for pid in orphans))
            next_one = stack.enter_context(TrunkProcess(senders.province.config, workers=2))
            senders.urls[0] = next_one.url(timeout=180)
            senders.more(3)
        assert sum(one.get("event") == "trunk_stopped" for one in running.log) == 2, "not in order"
        assert senders.surprises == []
        until(lambda: dispatched(senders.province, senders.oracle, senders.urls[0]), seconds=60)
        settle(senders.province, senders.oracle, senders.urls[0])
