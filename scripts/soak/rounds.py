"""Which faults happen together, and in which order: the seed decides. Pure."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping


def rounds(
    lanes: Mapping[str, str], room: Mapping[str, int], *, times: int, chance: random.Random
) -> Iterator[list[str]]:
    """Names in groups that may happen at once: each of ``lanes`` (name → lane) once alone, then ``times - 1`` times
    with others, no more of a lane in one group than ``room`` says."""
    names = sorted(lanes)
    alone = chance.sample(names, len(names)) if times else []
    yield from ([name] for name in alone)
    left = [name for name in names for _ in range(times - 1)]
    chance.shuffle(left)
    while left:
        group = _group(left, lanes, room)
        for name in group:
            left.remove(name)
        yield group


def _group(left: list[str], lanes: Mapping[str, str], room: Mapping[str, int]) -> list[str]:
    """Of the fullest lanes first, so that none is left over for the end."""
    taken: Counter[str] = Counter()
    group: list[str] = []
    for name in left:
        lane = lanes[name]
        if name not in group and taken[lane] < room[lane]:
            taken[lane] += 1
            group.append(name)
    return group
