"""What befalls trunk processes: killed at random and at every fail point, stopped, frozen, lied to about the time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from scripts.soak.clock import set_clock
from scripts.soak.faults import Fault, NotHappenedError, a_while
from scripts.soak.faults.bad_input import orphan
from scripts.soak.nodes import Node
from scripts.soak.patience import until
from scripts.soak.traffic import Traffic
from scripts.soak.world import World
from trunk.failpoints import NAMES

_LEASE_SECONDS: Final = 31  #: the longest lease of a trunk process's is half a minute
_PATIENCE_SECONDS: Final = 25.0
_HOUR: Final = 3600
_JUMPS: Final = {"an hour ahead": _HOUR, "an hour back": -_HOUR, "a day ahead": 24 * _HOUR, "a day back": -24 * _HOUR}


def faults(world: World) -> Iterator[Fault]:
    """All that this world's processes can suffer."""
    yield Fault("trunk killed", "trunk", killed)
    yield Fault("trunk stopped under load (SIGTERM)", "trunk", stopped)
    yield Fault("trunk frozen", "trunk", frozen)
    yield Fault("trunk frozen for longer than its leases", "trunk", outlived)
    for name in NAMES:
        if world.can_reach(name):
            yield Fault(f"trunk killed at {name}", "trunk", _KilledAt(name))
    if world.clock_file is not None:
        for words, seconds in _JUMPS.items():
            yield Fault(f"clock of a trunk {words}", "clock", _Jump(seconds))


async def _one(world: World) -> Node:
    """Of those that are at work. One stays out of it, as far as chance has a choice, so that mail flows."""
    for node in world.chance.sample(world.nodes, len(world.nodes)):
        if node.up.is_set() and not node.busy:
            return node
    raise NotHappenedError("no trunk process is at work")


async def killed(world: World, _: Traffic) -> None:
    await a_while(world, 0, 2)
    (await _one(world)).kill()


async def stopped(world: World, _: Traffic) -> None:
    """It has all the time that it takes."""
    node = await _one(world)
    node.busy = True
    try:
        node.terminate()
        await until(lambda: not node.up.is_set())
    finally:
        node.busy = False


async def frozen(world: World, _: Traffic) -> None:
    await _freeze(await _one(world), world.chance.uniform(1, 5))


async def outlived(world: World, _: Traffic) -> None:
    """Others have taken its leases; then it goes on where it stood."""
    await _freeze(await _one(world), _LEASE_SECONDS + world.chance.uniform(0, 3))


async def _freeze(node: Node, seconds: float) -> None:
    node.busy = True
    node.freeze()
    try:
        await asyncio.sleep(seconds)
    finally:
        node.thaw()
        node.busy = False


class _KilledAt:
    """All processes are armed; the first one that reaches the fail point dies there."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def __call__(self, world: World, traffic: Traffic) -> None:
        armed = [node for node in world.nodes if node.up.is_set() and not node.busy]
        if len(armed) < 2:  # one goes on
            raise NotHappenedError(self._name)
        before = self._fallen(armed)
        for node in armed:
            node.arm(self._name, world.chance.randint(1, 3) if self._name.startswith(_FREQUENT) else 1)
        try:
            await asyncio.wait_for(self._until_somebody_dies(world, traffic, armed, before), _PATIENCE_SECONDS)
        except TimeoutError:
            raise NotHappenedError(self._name) from None
        finally:
            for node in armed:
                node.disarm(self._name)

    async def _until_somebody_dies(self, world: World, traffic: Traffic, armed: list[Node], before: int) -> None:
        traffic.lead_to(self._name)
        if self._name.startswith("reconcile."):
            await orphan(world, traffic)
        await until(lambda: self._fallen(armed) > before)

    def _fallen(self, nodes: list[Node]) -> int:
        """How often they have died here: another fault of the round may have killed them elsewhere."""
        return sum(node.fell_at[self._name] for node in nodes)


_FREQUENT: Final = ("intake.", "dispatch.", "handover.")


class _Jump:
    """The wall clock of one process, and of it alone, is somewhere else for a while."""

    def __init__(self, seconds: int) -> None:
        self._seconds = seconds

    async def __call__(self, world: World, _: Traffic) -> None:
        assert world.clock_file is not None  # noqa: S101  else it is not on the list
        set_clock(world.clock_file, self._seconds)
        await a_while(world, 3, 6)
        set_clock(world.clock_file, 0)
        await asyncio.sleep(1.1)  # libfaketime looks once a second
