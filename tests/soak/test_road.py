"""A road carries octets, and does to them what it is told to."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest

from scripts.soak.patience import until
from scripts.soak.road import Road

SECONDS = 30
Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Town:
    """A server that says back what it hears, and a road to it."""

    def __init__(self) -> None:
        self.heard: list[bytearray] = []  #: by connection
        self.road = Road(0, random.Random(1))  # noqa: S311  repeatable
        self._writers: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.road.target = server.sockets[0].getsockname()[1]
        await self.road.open()
        try:
            yield
        finally:
            server.close()
            self.road.close()
            for writer in self._writers:
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
            await until(lambda: len(asyncio.all_tasks()) == 1)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard = bytearray()
        self.heard.append(heard)
        self._writers.append(writer)
        try:
            while piece := await reader.read(1000):
                heard += piece
                writer.write(piece)
        except ConnectionError:
            pass
        writer.close()

    async def travel(self) -> Stream:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.road.port)
        self._writers.append(writer)
        return reader, writer


def in_town(scene: Callable[[Town], Awaitable[None]]) -> None:
    async def play() -> None:
        town = Town()
        async with asyncio.timeout(SECONDS), town.open():
            await scene(town)

    asyncio.run(play())


def test_it_carries_both_ways_and_ends_in_order() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        sent = bytes(range(256)) * 4_000
        writer.write(sent)
        assert await reader.readexactly(len(sent)) == sent
        writer.write_eof()
        assert await reader.read() == b""

    in_town(scene)


def test_a_cut_is_a_reset() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        writer.write(b"x")
        await reader.readexactly(1)
        assert town.road.cut() == 1
        with pytest.raises(ConnectionResetError):
            await reader.read()
        assert not town.road.trips

    in_town(scene)


def test_a_cut_midway_lets_some_octets_pass_and_no_more() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        writer.write(b"x")
        await reader.readexactly(1)
        assert town.road.cut_midway(500) == 1
        with pytest.raises(ConnectionError):
            writer.write(b"y" * 1_000)
            while await reader.read(100):
                pass
        assert 1 <= len(town.heard[0]) <= 501

    in_town(scene)


def test_a_slow_road_keeps_the_order_also_when_it_is_quick_again() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        town.road.delay_seconds = 0.2
        writer.write(b"first")
        await until(lambda: any(end._late for trip in town.road.trips for end in (trip.near, trip.far) if end))
        town.road.delay_seconds = 0.0
        writer.write(b"second")
        assert await reader.readexactly(11) == b"firstsecond"

    in_town(scene)


def test_a_stopped_road_swallows_and_says_nothing() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        writer.write(b"a")
        await reader.readexactly(1)
        town.road.stopped = True
        writer.write(b"swallowed")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await reader.read(1)
        town.road.stopped = False
        writer.write(b"b")
        assert await reader.readexactly(1) == b"b"
        assert bytes(town.heard[0]) == b"ab"

    in_town(scene)


def test_what_is_doubled_arrives_twice_and_is_answered_once() -> None:
    async def scene(town: Town) -> None:
        town.road.doubled = True
        reader, writer = await town.travel()
        writer.write(b"twice")
        assert await reader.readexactly(5) == b"twice"
        await until(lambda: [bytes(one) for one in town.heard] == [b"twice", b"twice"])

    in_town(scene)


def test_where_nobody_is_the_traveller_is_turned_back() -> None:
    async def scene(town: Town) -> None:
        town.road.target = 1
        reader, _ = await town.travel()
        with pytest.raises(ConnectionResetError):
            await reader.read()

    in_town(scene)


def test_an_end_does_not_overtake_what_was_said_before_it_and_is_not_forgotten() -> None:
    async def scene(town: Town) -> None:
        reader, writer = await town.travel()
        town.road.delay_seconds = 0.1
        writer.write(b"last words")
        writer.write_eof()
        assert await reader.read() == b"last words"
        await until(lambda: not town.road.trips)

    in_town(scene)
