"""The plan of faults: repeatable, complete, and never two of what excludes each other."""

from __future__ import annotations

import random
from collections import Counter

from scripts.soak.rounds import rounds

LANES = {f"{lane} {n}": lane for lane, count in (("trunk", 9), ("road", 5), ("database", 3)) for n in range(count)}
ROOM = {"trunk": 2, "road": 2, "database": 1}


def planned(seed: int, times: int = 4) -> list[list[str]]:
    return list(rounds(LANES, ROOM, times=times, chance=random.Random(seed)))  # noqa: S311  repeatable


def test_each_fault_happens_alone_first_and_as_often_as_wanted_in_all() -> None:
    plan = planned(1)
    assert sorted(name for group in plan[: len(LANES)] for name in group) == sorted(LANES)
    assert all(len(group) == 1 for group in plan[: len(LANES)])
    assert Counter(name for group in plan for name in group) == dict.fromkeys(LANES, 4)


def test_no_round_has_more_of_a_lane_than_there_is_room_for_nor_a_fault_twice() -> None:
    for group in planned(2):
        assert len(set(group)) == len(group)
        assert all(count <= ROOM[lane] for lane, count in Counter(LANES[name] for name in group).items())


def test_the_seed_decides() -> None:
    assert planned(3) == planned(3)
    assert planned(3) != planned(4)


def test_none_wanted_is_none() -> None:
    assert planned(1, times=0) == []
