from __future__ import annotations

import asyncio
import contextvars
import threading

import pytest

from trunk.domain.rejection import Code
from trunk.errors import OverloadedError
from trunk.http.offload import Offload
from trunk.http.problems import RefusedError

NAME: contextvars.ContextVar[str] = contextvars.ContextVar("NAME", default="")


def test_work_is_done_in_a_thread_and_in_the_callers_context() -> None:
    async def story() -> tuple[str, str]:
        NAME.set("request-7")
        return await offload.run(lambda: (NAME.get(), threading.current_thread().name))

    offload = Offload(threads=1, waiting=0)
    name, thread = asyncio.run(story())
    offload.close()
    assert name == "request-7"
    assert thread.startswith("offload")


def test_what_work_raises_reaches_who_waits_for_it() -> None:
    def work() -> None:
        raise KeyError("x")

    offload = Offload(threads=1, waiting=0)
    with pytest.raises(KeyError):
        asyncio.run(offload.run(work))
    offload.close()
    assert offload.taken == 0


def test_a_full_line_refuses_at_once_and_has_room_again_afterwards() -> None:
    async def story() -> None:
        gate = threading.Event()
        offload = Offload(threads=1, waiting=1)
        busy = [asyncio.create_task(offload.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadedError):
            offload.require_room()
        with pytest.raises(OverloadedError):
            await offload.run(gate.wait)
        gate.set()
        await asyncio.gather(*busy)
        offload.require_room()
        offload.close()

    asyncio.run(story())


def test_who_stops_waiting_keeps_its_place_taken_until_the_work_is_done() -> None:
    async def story() -> None:
        gate, done = threading.Event(), threading.Event()
        offload = Offload(threads=1, waiting=0)
        waiting = asyncio.create_task(offload.run(lambda: (gate.wait(), done.set())))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert offload.taken == 1
        gate.set()
        offload.close()
        assert done.is_set()
        assert offload.taken == 0

    asyncio.run(story())


def test_who_has_its_share_is_told_so_and_another_finds_room() -> None:
    async def story() -> None:
        gate = threading.Event()
        offload = Offload(threads=1, waiting=3, share=0.5)
        flood, quiet = offload.of("flood"), offload.of("quiet")
        busy = [asyncio.create_task(flood.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        for refuse in (flood.require_room, lambda: flood._submit(gate.wait)):
            with pytest.raises(RefusedError) as refused:
                refuse()
            assert refused.value.rejected.code is Code.SENDER_SHARE
            assert refused.value.rejected.retry_after
        quiet.require_room()
        busy += [asyncio.create_task(quiet.run(gate.wait)) for _ in range(2)]
        await asyncio.sleep(0)
        assert offload.taken == 4
        with pytest.raises(OverloadedError):
            offload.require_room()
        gate.set()
        await asyncio.gather(*busy)
        flood.require_room()
        offload.close()
        assert offload.taken == 0

    asyncio.run(story())


def test_they_take_turns_so_that_nobody_stands_behind_all_of_another() -> None:
    async def story() -> list[str]:
        gate, done = threading.Event(), list[str]()
        offload = Offload(threads=1, waiting=20)
        busy: list[asyncio.Task[object]] = [asyncio.create_task(offload.of("flood").run(gate.wait))]
        busy += [asyncio.create_task(offload.of("flood").run(lambda: done.append("flood"))) for _ in range(9)]
        busy += [asyncio.create_task(offload.of("quiet").run(lambda: done.append("quiet"))) for _ in range(2)]
        await asyncio.sleep(0)
        gate.set()
        await asyncio.gather(*busy)
        offload.close()
        return done

    assert asyncio.run(story())[:4].count("quiet") == 2


def test_work_of_a_closed_pool_is_refused_and_holds_no_place() -> None:
    offload = Offload(threads=1, waiting=0)
    offload.close()
    with pytest.raises(RuntimeError):
        asyncio.run(offload.run(lambda: None))
    assert offload.taken == 0
