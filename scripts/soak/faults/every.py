"""The list of all faults that a world can suffer."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.soak.faults import Fault, bad_input, broker, database, recipients, road, trunk
from scripts.soak.world import World


def every(world: World, only: Sequence[str] = ()) -> dict[str, Fault]:
    """By name; ``only``: those alone whose names begin with one of these words."""
    served = (database, broker) if world.ground.servers is not None else ()
    found = [fault for module in (trunk, *served, road, recipients, bad_input) for fault in module.faults(world)]
    return {fault.name: fault for fault in found if not only or fault.name.startswith(tuple(only))}
