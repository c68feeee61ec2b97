"""The open model: latency counts from when a request was due, so a slow answer counts against all behind it.

Only lower bounds: a machine that is busy makes everything longer, and nothing shorter.
"""

from __future__ import annotations

import asyncio
import time

from tests.unit.load.slow_server import SlowServer
from trunk.load.client import Lane
from trunk.load.open_model import OpenModel, Timing
from trunk.load.wire import head_of

SLOW = 0.05
EVERY = 0.01
COUNT = 10


async def _run(server: SlowServer, *, lanes: int) -> list[Timing]:
    seen: dict[int, Timing] = {}

    async def perform(_: int, lane: Lane) -> int:
        return (await lane.ask([head_of(server.address, "POST /", key="k", length=0)])).status

    def told(number: int, status: int, timing: Timing) -> None:
        assert status == 201
        seen[number] = timing

    async with server.running():
        kept = [Lane(server.address) for _ in range(lanes)]
        model = OpenModel(kept, perform, told, clock=time.perf_counter)
        await model.run([number * EVERY for number in range(COUNT)])
        for lane in kept:
            lane.close()
    return [seen[number] for number in range(COUNT)]


def test_latency_includes_the_wait_behind_slow_answers() -> None:
    """Over one connection answer n comes after n + 1 times SLOW, and was due after n times EVERY.

    Counted from the send every latency would be about SLOW, as if nobody had waited: coordinated omission.
    """
    timings = asyncio.run(_run(SlowServer(seconds=SLOW), lanes=1))
    for number, timing in enumerate(timings):
        assert timing.latency >= (number + 1) * SLOW - number * EVERY - 0.005
        assert timing.waited >= number * (SLOW - EVERY) - 0.005


def test_requests_are_due_at_their_times_whatever_the_answers_do() -> None:
    timings = asyncio.run(_run(SlowServer(seconds=SLOW), lanes=1))
    first = timings[0].due
    assert all(abs(timing.due - first - number * EVERY) < 1e-6 for number, timing in enumerate(timings))


def test_with_connections_enough_nobody_waits_for_one() -> None:
    server = SlowServer(seconds=SLOW)
    timings = asyncio.run(_run(server, lanes=COUNT))
    assert [timing.waited for timing in timings] == [0.0] * COUNT
    assert server.connections <= COUNT


def test_a_connection_is_used_again_rather_than_another_one_opened() -> None:
    """Connections that idle for long are closed by servers."""

    async def run() -> int:
        used: list[str] = []

        async def perform(_: int, lane: str) -> None:
            used.append(lane)

        model = OpenModel(["a", "b", "c"], perform, lambda *_: None, clock=time.perf_counter)
        await model.run([number * 0.02 for number in range(5)])
        return len(set(used))

    assert asyncio.run(run()) == 1


def test_a_client_that_is_late_itself_says_so() -> None:
    """Its loop stands still while others fall due: that is no fault of what it measures."""

    async def run() -> list[Timing]:
        seen: list[Timing] = []

        async def perform(number: int, _: int) -> None:
            if number == 0:
                time.sleep(0.1)  # noqa: ASYNC251  on purpose
            await asyncio.sleep(0)

        model = OpenModel([1, 2, 3], perform, lambda _n, _o, timing: seen.append(timing), clock=time.perf_counter)
        await model.run([0.0, 0.01, 0.02])
        return sorted(seen, key=lambda timing: timing.due)

    timings = asyncio.run(run())
    assert timings[1].late >= 0.08
    assert timings[2].late >= 0.07
    assert timings[1].waited == timings[2].waited == 0.0


def test_waiting_for_a_connection_is_not_the_clients_lateness() -> None:
    timing = Timing(due=1.0, free=3.0, began=3.001, ended=4.0)
    assert (timing.latency, timing.waited) == (3.0, 2.0)
    assert abs(timing.late - 0.001) < 1e-9
