"""The open model: work starts at times that were fixed before, whatever becomes of the work before it.

Latency counts from when a piece of work was *due*. A client that counts from when it sent measures nothing while it
waits for a slow answer (coordinated omission). How late the client itself was, where a connection was free and it had
not begun, is kept beside it: such figures are of the client, not of what it measures.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

Lane = TypeVar("Lane")
Outcome = TypeVar("Outcome")
Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Timing:
    """When a piece of work was due, could begin, began and ended; seconds of one clock."""

    due: float
    free: float  #: since when there was a connection for it
    began: float
    ended: float

    @property
    def latency(self) -> float:
        return self.ended - self.due

    @property
    def late(self) -> float:
        """By how much the client itself was late."""
        return self.began - max(self.due, self.free)

    @property
    def waited(self) -> float:
        """For a connection, while all were busy."""
        return max(self.free - self.due, 0.0)


class OpenModel(Generic[Lane, Outcome]):
    """Does work by number over lanes, of which each does one piece at a time."""

    def __init__(
        self,
        lanes: Sequence[Lane],
        perform: Callable[[int, Lane], Awaitable[Outcome]],
        told: Callable[[int, Outcome, Timing], None],
        *,
        clock: Clock,
    ) -> None:
        """``perform`` must not raise: a failure is an outcome."""
        self._perform, self._told, self._clock = perform, told, clock
        self._free = list(lanes)  # the last used first: one that is left idle would be closed
        self._line: deque[tuple[int, float]] = deque()

    async def run(self, dues: Sequence[float]) -> float:
        """Work number n begins ``dues[n]`` seconds from now; returns the seconds until all is done."""
        began = self._clock()
        async with asyncio.TaskGroup() as group:
            for number, due in enumerate(dues):
                # also 0: who is late must let the others go on
                await asyncio.sleep(max(began + due - self._clock(), 0.0))
                self._arrive(group, number, began + due)
        return self._clock() - began

    def _arrive(self, group: asyncio.TaskGroup, number: int, due: float) -> None:
        if self._free:
            group.create_task(self._work(self._free.pop(), number, due))
        else:
            self._line.append((number, due))

    async def _work(self, lane: Lane, number: int, due: float) -> None:
        """This piece, then what has waited meanwhile."""
        free = due
        while True:
            began = self._clock()
            outcome = await self._perform(number, lane)
            ended = self._clock()
            self._told(number, outcome, Timing(due=due, free=free, began=began, ended=ended))
            if not self._line:
                break
            free = ended
            number, due = self._line.popleft()
        self._free.append(lane)
