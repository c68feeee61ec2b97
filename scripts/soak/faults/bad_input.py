"""What comes in and ought not to: forged letters and notices, poison, altered octets, rows edited by hand, replays."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from scripts.private_process import PrivateServerError
from scripts.soak import amqp
from scripts.soak.faults import Fault, NotHappenedError, a_while
from scripts.soak.traffic import Traffic
from scripts.soak.world import World

_LEASE_ENTRIES: Final = """UPDATE outbox SET ready_at = now() + interval '400 days', owner = 'zombie'
    WHERE id IN (SELECT id FROM outbox ORDER BY id DESC LIMIT 20)"""
_LEASE_WORK: Final = "UPDATE lease SET until = now() + interval '400 days', owner = 'zombie'"
_ORPHAN: Final = """INSERT INTO outbox (delivery_id, version, urgency, ready_at)
    SELECT md5(random()::text), 0, 4, now()"""
_UNQUEUE: Final = "DELETE FROM outbox WHERE id IN (SELECT id FROM outbox ORDER BY id DESC LIMIT 20)"


def faults(world: World) -> Iterator[Fault]:
    """With RabbitMQ and PostgreSQL more than without."""
    yield Fault("letters with a broken signature", "input", forged_letters)
    yield Fault("everything received is sent again", "input", replayed)
    yield Fault("stored octets altered", "input", altered)
    if world.ground.servers is not None:
        yield Fault("forged AMQP messages", "input", forged_notices)
        yield Fault("poison AMQP messages", "input", poison)
        yield Fault("row edited: outbox leased into the future", "input", leased_entries)
        yield Fault("row edited: work leased into the future", "input", leased_work)
        yield Fault("row edited: outbox entry without delivery", "input", orphan)
        yield Fault("row edited: outbox entries deleted", "input", unqueued)


async def forged_letters(world: World, traffic: Traffic) -> None:
    for sender in world.senders:
        letter = await traffic.letter(sender, world.chance)
        await sender.send(world.ground.desk.forged(letter))


async def replayed(world: World, traffic: Traffic) -> None:
    """The same submissions at once and again, and confirmations of what was confirmed long ago."""
    letters = list(traffic.recent)
    await asyncio.gather(*(traffic.again(letter) for letter in letters for _ in range(3)))
    for recipient in world.pulling:
        held = world.oracle.held.get(recipient.agency)
        if held is not None and held.confirmed:
            delivery_id = next(iter(held.confirmed))
            await recipient.confirm(delivery_id, held.deliveries[delivery_id])


async def altered(world: World, _: Traffic) -> None:
    """One octet of the newest large envelopes is turned on the disk, and turned back by an administrator."""
    files = await asyncio.to_thread(_newest, world.ground.province.settings().data_folder / "objects")
    if not files:
        raise NotHappenedError("no large envelope is stored")
    for file in files:
        _turn(file)
    await a_while(world, 1, 4)
    for file in files:
        _turn(file)


def _newest(folder: Path) -> list[Path]:
    files = (file for file in folder.glob("??/??/*") if file.is_file())
    return sorted(files, key=lambda file: file.stat().st_mtime)[-3:]


def _turn(file: Path) -> None:
    with file.open("r+b") as octets:
        octets.seek(1000)
        octet = octets.read(1)[0]
        octets.seek(1000)
        octets.write(bytes([octet ^ 1]))


async def forged_notices(world: World, _: Traffic) -> None:
    await _by_amqp(world, "forge")


async def poison(world: World, _: Traffic) -> None:
    await _by_amqp(world, "poison")


async def _by_amqp(world: World, what: str) -> None:
    url, oracle = world.servers.rabbit.url, world.oracle
    try:
        for code in world.chance.sample(world.addressees, 5):
            delivery_id = next(iter(oracle.held[code].deliveries), "gone") if code in oracle.held else "gone"
            if what == "forge":
                await asyncio.to_thread(amqp.forge, url, code, "0" * 36, delivery_id)
            else:
                await asyncio.to_thread(amqp.poison, url, code)
    except amqp.TROUBLES as fault:
        raise NotHappenedError(what) from fault


async def leased_entries(world: World, _: Traffic) -> None:
    await _until_some(world, _LEASE_ENTRIES)


async def leased_work(world: World, _: Traffic) -> None:
    await _until_some(world, _LEASE_WORK)


async def orphan(world: World, _: Traffic) -> None:
    await _until_some(world, _ORPHAN)


async def unqueued(world: World, _: Traffic) -> None:
    await _until_some(world, _UNQUEUE)


async def _until_some(world: World, statement: str) -> None:
    """Until there is a row to be edited; by psql, as a careless administrator does."""
    database = world.servers.database_url.rpartition("/")[2]
    counted = f"WITH done AS ({statement} RETURNING 1) SELECT count(*) FROM done"  # noqa: S608  one of those above
    for _ in range(60):
        try:
            if int(await asyncio.to_thread(world.servers.postgres.sql, counted, database=database)):
                return
        except PrivateServerError:  # a fault of another kind is in the way
            pass
        await asyncio.sleep(0.1)
    raise NotHappenedError(statement)
