"""What befalls PostgreSQL: killed at once or by one session, restarted, full, read-only, out of connections."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import psycopg

from scripts.private_process import PrivateServerError
from scripts.soak.faults import Fault, NotHappenedError, a_while
from scripts.soak.patience import until
from scripts.soak.traffic import Traffic
from scripts.soak.world import World

_REFUSALS: Final = 5
_STARTS: Final = 20


def faults(world: World) -> Iterator[Fault]:
    """All that it can suffer here."""
    yield Fault("database killed", "database", killed)
    yield Fault("database session killed in mid-commit", "database", session_killed)
    yield Fault("database stopped at once (immediate)", "database", stopped_at_once)
    yield Fault("database restarted", "database", restarted)
    yield Fault("database out of connections", "database", out_of_connections)
    yield Fault("database read-only", "database", read_only)
    if world.servers.disk is not None:
        yield Fault("database's disk full", "database", disk_full)


async def killed(world: World, _: Traffic) -> None:
    await asyncio.to_thread(world.servers.postgres.kill)
    await a_while(world, 0, 2)
    await _start(world)


async def session_killed(world: World, _: Traffic) -> None:
    """kill -9 of one session that writes: PostgreSQL ends all the others and recovers by itself."""
    postgres = world.servers.postgres
    busy = "SELECT pid FROM pg_stat_activity WHERE state = 'active' AND query ILIKE 'COMMIT%'"
    written = "SELECT pid FROM pg_stat_activity WHERE backend_xid IS NOT NULL OR application_name = 'edoc-trunk'"
    for statement in (*[busy] * 5, written):
        pids = (await asyncio.to_thread(postgres.sql, statement)).split()
        if pids:
            with suppress(ProcessLookupError):
                os.kill(int(world.chance.choice(pids)), signal.SIGKILL)
            return
    raise NotHappenedError("nobody is connected")


async def stopped_at_once(world: World, _: Traffic) -> None:
    """``pg_ctl stop -m immediate``: no good-byes, recovery at the next start."""
    postgres = world.servers.postgres
    os.kill(postgres.pid, signal.SIGQUIT)
    await until(lambda: not postgres.running)
    await a_while(world, 0, 2)
    await _start(world)


async def restarted(world: World, _: Traffic) -> None:
    await asyncio.to_thread(world.servers.postgres.stop)
    await a_while(world, 0, 1)
    await _start(world)


async def out_of_connections(world: World, _: Traffic) -> None:
    """Somebody else has taken them all."""
    taken: list[psycopg.Connection[object]] = []
    try:
        await asyncio.to_thread(_take_all, world.servers.postgres.url, taken)
        world.servers.database_road.cut()
        await asyncio.to_thread(_take_all, world.servers.postgres.url, taken)
        await a_while(world, 2, 5)
    finally:
        for connection in taken:
            connection.close()


def _take_all(url: str, taken: list[psycopg.Connection[object]]) -> None:
    """Until the server says that there are no more, several times: what the trunk lets go is taken, too."""
    refused = 0
    while refused < _REFUSALS:
        try:
            taken.append(psycopg.connect(url, connect_timeout=5))
        except psycopg.OperationalError:
            refused += 1
            time.sleep(0.1)


async def read_only(world: World, _: Traffic) -> None:
    on, off = ("ALTER SYSTEM SET default_transaction_read_only = " + word for word in ("on", "off"))
    await _sql(world, f"{on};\nSELECT pg_reload_conf();")
    world.servers.database_road.cut()  # sessions that are open keep what they had
    await a_while(world, 2, 5)
    await _sql(world, f"SET default_transaction_read_only = off;\n{off};\nSELECT pg_reload_conf();")
    world.servers.database_road.cut()


async def disk_full(world: World, _: Traffic) -> None:
    """The log of PostgreSQL may not be written any more either; then it stops, and starts as soon as there is room."""
    disk = world.servers.disk
    assert disk is not None  # noqa: S101  else it is not on the list
    await asyncio.to_thread(disk.fill)
    await a_while(world, 3, 6)
    await asyncio.to_thread(disk.free)
    await _start(world)


async def _start(world: World) -> None:
    """Where what it left behind is still going, it is started again, as its supervisor would."""
    for _ in range(_STARTS):
        with suppress(PrivateServerError):
            await asyncio.to_thread(world.servers.postgres.start)
            return
        await asyncio.sleep(0.2)
    raise PrivateServerError("PostgreSQL does not come back:\n")


async def _sql(world: World, statement: str) -> None:
    """Again and again: a fault of another kind may be in the way."""
    for _ in range(50):
        try:
            await asyncio.to_thread(world.servers.postgres.sql, statement)
        except PrivateServerError:
            await asyncio.sleep(0.3)
            continue
        return
    raise NotHappenedError(statement)
