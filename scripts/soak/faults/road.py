"""What befalls the roads between every pair: cuts, resets in mid-message, delays, black holes, doubled connections."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from typing import Final

from scripts.soak.faults import Fault, a_while
from scripts.soak.roads import FarRoad
from scripts.soak.traffic import Traffic
from scripts.soak.world import World

_PIECE: Final = 20_000  #: octets within which a connection is cut


def faults(world: World) -> Iterator[Fault]:
    """Five for each pair."""
    for pair in pairs(world):
        for words, happen in _KINDS.items():
            yield Fault(f"road {pair}: {words}", "road", partial(_befall, pair=pair, happen=happen))


def pairs(world: World) -> dict[str, list[FarRoad]]:
    """All pairs that speak, and the roads between them."""
    ground = world.ground
    found = {"agency-trunk": list(ground.node_roads), "trunk-endpoint": [ground.push_road]}
    if ground.servers is not None:
        found["trunk-database"] = [ground.servers.database_road]
        found["trunk-broker"] = [ground.servers.broker_road]
        found["agency-broker"] = [ground.servers.agencies_road]
    return found


async def _befall(world: World, _: Traffic, *, pair: str, happen: Callable[[World, FarRoad], Awaitable[None]]) -> None:
    roads = pairs(world)[pair]
    some = world.chance.sample(roads, world.chance.randint(1, len(roads)))
    await asyncio.gather(*(happen(world, road) for road in some))


async def _cut(world: World, road: FarRoad) -> None:
    for _ in range(world.chance.randint(1, 4)):
        road.cut()
        await a_while(world, 0.1, 0.5)


async def _cut_midway(world: World, road: FarRoad) -> None:
    for _ in range(world.chance.randint(1, 4)):
        road.cut_midway(_PIECE)
        await a_while(world, 0.3, 1)


async def _slow(world: World, road: FarRoad) -> None:
    road.be(delay_seconds=world.chance.uniform(0.05, 0.3))
    await a_while(world, 2, 4)
    road.be()


async def _out(world: World, road: FarRoad) -> None:
    """The cable is out for a while; then everything that was on its way is reset."""
    road.be(stopped=True)
    await a_while(world, 1, 5)
    road.be()
    road.cut()


async def _doubled(world: World, road: FarRoad) -> None:
    """Whatever is sent arrives twice, on two connections."""
    road.be(doubled=True)
    road.cut()
    await a_while(world, 2, 4)
    road.be()
    road.cut()


_KINDS: Final[dict[str, Callable[[World, FarRoad], Awaitable[None]]]] = {
    "cut": _cut,
    "reset in mid-message": _cut_midway,
    "slow": _slow,
    "black hole": _out,
    "doubled": _doubled,
}
