"""What recipients' systems do wrong, pulling, consuming and posted to: slow, failing, wrong, twice, gone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from scripts.soak.faults import Fault, a_while
from scripts.soak.traffic import Traffic
from scripts.soak.world import World

_PULLING = {
    "wrong digests": "wrong",
    "say that they failed": "failed",
    "confirm twice": "twice",
    "die before they confirm": "forgets",
}
_PUSHED = {"slow": "slow", "500": "500", "wrong digests": "wrong", "cut off after storing": "cut", "gone": "gone"}


def faults(_: World) -> Iterator[Fault]:
    """Of each kind of recipient."""
    yield Fault("pulling recipients: slow", "pulling", slow)
    yield Fault("pulling recipients: gone", "pulling", gone)
    for words, mood in _PULLING.items():
        yield Fault(f"pulling recipients: {words}", "pulling", partial(_confused, mood=mood))
    for words, mood in _PUSHED.items():
        yield Fault(f"posted-to recipients: {words}", "pushed", partial(_moody, mood=mood))


async def slow(world: World, _: Traffic) -> None:
    some = world.chance.sample(world.pulling[1:], len(world.pulling) // 3)
    for one in some:
        one.slow_seconds = 0.5
    await a_while(world, 2, 5)
    for one in some:
        one.slow_seconds = 0.0


async def gone(world: World, _: Traffic) -> None:
    some = world.chance.sample(world.pulling[1:], len(world.pulling) // 3)
    for one in some:
        one.gone = True
    await a_while(world, 2, 5)
    for one in some:
        one.gone = False


async def _confused(world: World, _: Traffic, *, mood: str) -> None:
    for one in world.recipients.values():
        one.mood, one.wrong_share = mood, 0.3
    await a_while(world, 2, 5)
    for one in world.recipients.values():
        one.mood, one.wrong_share = "", 0.01


async def _moody(world: World, _: Traffic, *, mood: str) -> None:
    for desk in world.push_desks:
        desk.mood, desk.share = mood, world.chance.choice((0.3, 1.0))
    await a_while(world, 2, 5)
    for desk in world.push_desks:
        desk.mood = ""
