from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Coroutine, Mapping
from typing import Any

from trunk.domain.delivery import AgencyCode
from trunk.http.waiting import WaitingRoom

A, B = AgencyCode("A"), AgencyCode("B")


class Looks:
    """The ledger's answer to the common look, and how often it was asked."""

    def __init__(self, positions: Mapping[AgencyCode, int] | None = None, *, faults: int = 0) -> None:
        self.positions, self.faults = positions or {}, faults
        self.asked: list[frozenset[AgencyCode]] = []

    async def __call__(self, agencies: Collection[AgencyCode]) -> Mapping[AgencyCode, int]:
        self.asked.append(frozenset(agencies))
        if len(self.asked) <= self.faults:
            raise OSError("the ledger is away")
        return self.positions


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(story, 20))


def test_a_bell_from_another_thread_wakes_those_who_wait_for_that_agency_only() -> None:
    async def story() -> None:
        room = WaitingRoom(poll_seconds=60)
        with room.listening({A}, newest=Looks()) as first, room.listening({B}, newest=Looks()) as second:
            threading.Thread(target=room.ring, args=(A,)).start()
            assert await first.hear(10, seen=0)
            assert not await second.hear(0.01, seen=0)

    run(story())


def test_a_bell_between_the_look_and_the_wait_is_not_lost() -> None:
    async def story() -> None:
        room = WaitingRoom(poll_seconds=60)
        with room.listening({A}, newest=Looks()) as ear:
            room.ring(A)
            await asyncio.sleep(0)
            assert await ear.hear(10, seen=0)
            assert not await ear.hear(0.01, seen=0)

    run(story())


def test_one_look_serves_all_who_wait() -> None:
    async def story() -> None:
        looks = Looks({B: 7})
        room = WaitingRoom(poll_seconds=0.01)
        with room.listening({A}, newest=looks) as first, room.listening({A, B}, newest=looks) as second:
            heard = await asyncio.gather(first.hear(0.1, seen=6), second.hear(10, seen=6))
        assert heard == [False, True]
        assert set(looks.asked) == {frozenset({A, B})}

    run(story())


def test_positions_that_were_seen_are_no_news() -> None:
    async def story() -> None:
        looks = Looks({A: 7})
        room = WaitingRoom(poll_seconds=0.01)
        with room.listening({A}, newest=looks) as ear:
            assert not await ear.hear(0.1, seen=7)
            assert len(looks.asked) > 1

    run(story())


def test_a_look_that_fails_does_not_end_the_looking() -> None:
    async def story() -> None:
        room = WaitingRoom(poll_seconds=0.01)
        with room.listening({A}, newest=Looks({A: 1}, faults=3)) as ear:
            assert await ear.hear(10, seen=0)

    run(story())


def test_nothing_runs_when_nobody_waits() -> None:
    async def story() -> None:
        looks = Looks()
        room = WaitingRoom(poll_seconds=0.01)
        with room.listening({A}, newest=looks):
            assert any(task.get_name() == "waiting-room" for task in asyncio.all_tasks())
        await asyncio.sleep(0)
        assert all(task.get_name() != "waiting-room" for task in asyncio.all_tasks())
        with room.listening({A}, newest=looks) as ear:
            room.ring(A)
            assert await ear.hear(10, seen=0)

    run(story())


def test_a_bell_for_nobody_and_one_after_the_end_are_quiet() -> None:
    room = WaitingRoom()
    room.ring(A)

    async def story() -> None:
        room.listening({A}, newest=Looks()).__enter__()

    run(story())
    room.ring(A)


def test_a_closed_room_wakes_everybody() -> None:
    async def story() -> None:
        room = WaitingRoom(poll_seconds=60)
        with room.listening({A}, newest=Looks()) as ear:
            room.close()
            assert await ear.hear(10, seen=0)
        assert room.closed

    run(story())
