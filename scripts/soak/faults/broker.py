"""What befalls RabbitMQ: killed, stopped, frozen, blocked by alarms, emptied, and its volume lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from contextlib import suppress

from scripts.private_process import PrivateServerError
from scripts.soak import amqp
from scripts.soak.faults import Fault, NotHappenedError, a_while
from scripts.soak.traffic import Traffic
from scripts.soak.world import World


def faults(_: World) -> Iterator[Fault]:
    """All that it can suffer here."""
    yield Fault("broker killed", "broker", killed)
    yield Fault("broker stopped", "broker", stopped)
    yield Fault("broker frozen", "broker", frozen)
    yield Fault("broker blocked: memory alarm", "broker", memory_alarm)
    yield Fault("broker blocked: disk alarm", "broker", disk_alarm)
    yield Fault("broker's queues deleted", "broker", queues_deleted)
    yield Fault("broker's volume wiped", "broker", wiped)


async def killed(world: World, _: Traffic) -> None:
    await asyncio.to_thread(world.servers.rabbit.kill)
    await a_while(world, 0, 1)
    await asyncio.to_thread(world.servers.rabbit.start)


async def stopped(world: World, _: Traffic) -> None:
    await asyncio.to_thread(world.servers.rabbit.stop)
    await a_while(world, 0, 1)
    await asyncio.to_thread(world.servers.rabbit.start)


async def wiped(world: World, _: Traffic) -> None:
    """An administrator starts it empty and makes the agencies' users anew; queues and notices are the trunk's."""
    rabbit = world.servers.rabbit
    await asyncio.to_thread(rabbit.kill)
    await asyncio.to_thread(rabbit.wipe)
    await asyncio.to_thread(rabbit.start)
    await asyncio.to_thread(world.servers.add_users)


async def frozen(world: World, _: Traffic) -> None:
    pid = world.servers.rabbit.pid
    os.kill(pid, signal.SIGSTOP)
    try:
        await a_while(world, 2, 6)
    finally:
        os.kill(pid, signal.SIGCONT)


async def memory_alarm(world: World, _: Traffic) -> None:
    await _alarm(world, "vm_memory_monitor:set_vm_memory_high_watermark", '{absolute, "1MB"}', '{absolute, "1GB"}')


async def disk_alarm(world: World, _: Traffic) -> None:
    await _alarm(world, "rabbit_disk_monitor:set_disk_free_limit", '"100000GB"', '"50MB"')


async def _alarm(world: World, what: str, worse: str, better: str) -> None:
    """Raised and ended in one order: each ``rabbitmqctl`` costs a core a second and a half."""
    milliseconds = world.chance.randint(2_000, 5_000)
    order = f"{what}({worse}), timer:sleep({milliseconds}), {what}({better}), ok."
    await asyncio.to_thread(world.servers.rabbit.ctl, "eval", order)


async def queues_deleted(world: World, _: Traffic) -> None:
    """Most of them, with all the notices that are in them."""
    everybody = [code for codes in world.plan.by_mode.values() for code in codes]
    some = world.chance.sample(everybody, len(everybody) * 2 // 3)
    with suppress(PrivateServerError):
        try:
            await asyncio.to_thread(amqp.delete_queues, world.servers.rabbit.url, some)
        except amqp.TROUBLES as fault:
            raise NotHappenedError("queues deleted") from fault
