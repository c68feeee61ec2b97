"""Who took the processors: seconds of each party, from /proc, of the dead as well as of the living."""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from pathlib import Path
from typing import Final

from scripts.soak.world import World

_LOOK_SECONDS: Final = 2.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Meter:
    """Looks at all processes every other second; what one took in its last moments is not seen."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[tuple[int, int], tuple[str, float]] = {}  #: process and when it began -> party, seconds

    async def watch(self) -> None:
        """For ever."""
        while True:
            self.look()
            await asyncio.sleep(_LOOK_SECONDS)

    def look(self) -> None:
        processes = dict(_processes())
        roots = self._roots()
        for pid, (parent, began, seconds) in processes.items():
            party = self._seen.get((pid, began), ("", 0.0))[0] or _party(pid, parent, processes, roots)
            if party:
                self._seen[pid, began] = (party, seconds)

    def shares(self) -> dict[str, float]:
        """Processor seconds by party."""
        self.look()
        total: dict[str, float] = defaultdict(float)
        for party, seconds in self._seen.values():
            total[party] += seconds
        return {party: round(seconds, 1) for party, seconds in sorted(total.items())}

    def _roots(self) -> dict[int, str]:
        here = self._world
        roots = {os.getpid(): "agencies and faults", here.ground.roads.pid: "roads"}
        roots |= dict.fromkeys(here.ground.desk.pids, "letters")
        roots |= {node.process.pid: "trunk" for node in here.nodes if node.process is not None}
        if here.ground.servers is not None:
            servers = here.ground.servers
            roots |= {servers.postgres.pid: "PostgreSQL", servers.rabbit.pid: "RabbitMQ"}
        return roots


def _party(pid: int, parent: int, processes: dict[int, tuple[int, int, float]], roots: dict[int, str]) -> str:
    while pid and pid not in roots:
        pid, parent = parent, processes.get(parent, (0, 0, 0.0))[0]
    return roots.get(pid, "")


def _processes() -> list[tuple[int, tuple[int, int, float]]]:
    """Process → parent, start, seconds."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        found.append((int(entry.name), (int(words[1]), int(words[19]), (int(words[11]) + int(words[12])) / _TICKS)))
    return found
