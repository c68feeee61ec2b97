"""What goes wrong, by name: each fault happens while mail is under way, and is mended again.

A fault returns when it is over and everything has been healed; how long the trunk then takes to be well again is
measured by whoever ordered it. Faults of one lane exclude each other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from scripts.soak.traffic import Traffic
from scripts.soak.world import World

Strike = Callable[[World, Traffic], Awaitable[None]]
LANES: Final = {"trunk": 3, "database": 1, "broker": 1, "road": 3, "pulling": 1, "pushed": 1, "input": 2, "clock": 1}
"""How many of a lane may happen in one round."""


class NotHappenedError(Exception):
    """A fault that was ordered and did not come about: it is not counted."""


@dataclass(frozen=True, slots=True, eq=False)
class Fault:
    """One kind."""

    name: str
    lane: str
    strike: Strike


async def a_while(world: World, least: float, most: float) -> None:
    await asyncio.sleep(world.chance.uniform(least, most))
