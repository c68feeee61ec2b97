"""All roads in a process of their own, so that nothing else that the proof does slows what travels on them.

The process reads one order a line from standard input and answers those that open a road; it ends with its caller.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from scripts.soak.road import Road


class FarRoad:
    """A road as its orderer sees it. Orders are carried out in turn, and need no answer."""

    def __init__(self, roads: Roads, number: int, port: int) -> None:
        self._roads, self._number, self.port = roads, number, port

    def lead_to(self, target: int) -> None:
        self._order(target=target)

    def be(self, *, delay_seconds: float = 0.0, stopped: bool = False, doubled: bool = False) -> None:
        """Everything that is not said is as on a good road."""
        self._order(delay_seconds=delay_seconds, stopped=stopped, doubled=doubled)

    def cut(self) -> None:
        self._order(cut=True)

    def cut_midway(self, most: int) -> None:
        self._order(cut_midway=most)

    def _order(self, **order: Any) -> None:
        self._roads.order({"road": self._number, **order})


class Roads:
    """The process of the roads."""

    def __init__(self, seed: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.soak.roads", str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    @property
    def pid(self) -> int:
        return self._process.pid

    def open(self, target: int = 0) -> FarRoad:
        """A new road to ``target``."""
        self.order({"open": target})
        assert self._process.stdout is not None  # noqa: S101  a pipe was asked for
        made = json.loads(self._process.stdout.readline())
        return FarRoad(self, made["road"], made["port"])

    def order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  a pipe was asked for
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        assert self._process.stdin is not None  # noqa: S101  a pipe was asked for
        self._process.stdin.close()
        self._process.wait(10)


@contextmanager
def roads(seed: int) -> Iterator[Roads]:
    """The process, as long as the block."""
    made = Roads(seed)
    try:
        yield made
    finally:
        made.close()


async def obey(road: Road, order: dict[str, Any]) -> None:
    """One order of those that need no answer."""
    match order:
        case {"cut": True}:
            road.cut()
        case {"cut_midway": most}:
            road.cut_midway(most)
        case {"target": target}:
            road.target = target
        case _:
            road.delay_seconds = order["delay_seconds"]
            road.stopped, road.doubled = order["stopped"], order["doubled"]


async def _serve(seed: int) -> None:
    loop = asyncio.get_running_loop()
    made: list[Road] = []
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    while line := await orders.readline():
        order = json.loads(line)
        if "open" in order:
            road = Road(order["open"], random.Random(f"{seed}:{len(made)}"))  # noqa: S311  repeatable, not secret
            await road.open()
            made.append(road)
            print(json.dumps({"road": len(made) - 1, "port": road.port}), flush=True)
        else:
            await obey(made[order["road"]], order)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
