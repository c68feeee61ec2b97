"""The line in front of the examiners: bounded, and fair between those who stand in it.

Callers take turns, whatever each has brought; when every place is taken, whoever holds most of them gives one up to
who holds fewer. Whoever brought something that broke a limit is *suspect* for a while: all suspects together get one
examiner. So a flood of costly files delays the mail of its own sender, not everybody's.

Who takes first of all takes at once; a *reserve* takes what has waited for a moment, because the first is held up. One
that is always at work has everything at hand and takes more at a time; two that alternate push each other out of the
processors' caches.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from trunk.errors import OverloadedError

T = TypeVar("T")

SUSPECT_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Turn(Generic[T]):
    """Somebody's turn; hand it back when done."""

    caller: str
    task: T
    suspect: bool


class Line(Generic[T]):
    """``places`` to wait in. Thread-safe."""

    def __init__(self, *, places: int, seconds: Callable[[], float]) -> None:
        self._places = places
        self._seconds = seconds
        self._waiting: OrderedDict[str, deque[tuple[float, T]]] = OrderedDict()  #: since when, and what
        self._suspects: dict[str, float] = {}  # until when
        self._suspects_at_work = 0
        self._length = 0
        self._closed = False
        self._idle = 0  #: how many wait who are no reserve
        lock = threading.Lock()
        self._changed, self._reserve = threading.Condition(lock), threading.Condition(lock)

    @property
    def length(self) -> int:
        """How many wait."""
        return self._length

    def join(self, caller: str, task: T) -> T | None:
        """Stand in line; returns whom that has put out of it. Raises ``OverloadedError`` when there is no place."""
        with self._changed:
            gone = self._make_room(caller)
            self._waiting.setdefault(caller, deque()).append((self._seconds(), task))
            self._length += 1
            (self._changed if self._idle else self._reserve).notify()
            return gone

    def take(self, *, most: int = 1, light: Callable[[T], bool] = lambda _: False, after: float = 0.0) -> list[Turn[T]]:
        """The next turn, as soon as there is one; nothing when the line is closed and empty.

        Where it is a ``light`` one, further light ones with it (``most`` in all), but no more than a fair part of who
        waits: half. ``after``: of a reserve, how many seconds somebody must have waited.
        """
        with self._changed:
            while (turn := self._next() if self._ripe_in(after) <= 0 else None) is None:
                if self._closed and not self._length:
                    return []
                self._await(after)
            turns = [turn]
            if light(turn.task) and not turn.suspect:
                most = min(most, 1 + self._length // 2)
                while len(turns) < most and (turn := self._next(light)) is not None:
                    turns.append(turn)
            if self._length:
                (self._changed if self._idle else self._reserve).notify()
            return turns

    def _await(self, after: float) -> None:
        """Until something has changed; as a reserve, until somebody has waited for long."""
        if after:
            left = self._ripe_in(after)  # nought: nobody is there, or suspects who wait for another suspect's end
            self._reserve.wait(left if left > 0 else None)
            return
        self._idle += 1
        self._changed.wait()
        self._idle -= 1

    def _ripe_in(self, after: float) -> float:
        """Seconds until the first of those in line has waited for ``after``; who is closing waits for nothing."""
        if not after or self._closed or not self._length:
            return 0.0
        return after - (self._seconds() - min(tasks[0][0] for tasks in self._waiting.values()))

    def done(self, turn: Turn[T]) -> None:
        """Its task is finished."""
        if turn.suspect:
            with self._changed:
                self._suspects_at_work -= 1
                self._changed.notify_all()
                self._reserve.notify_all()

    def suspect(self, caller: str) -> None:
        """``caller`` broke a limit."""
        with self._changed:
            now = self._seconds()
            self._suspects = {name: until for name, until in self._suspects.items() if until > now}
            self._suspects[caller] = now + SUSPECT_SECONDS

    def close(self) -> None:
        """Nobody joins any more; who waits is still served."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._reserve.notify_all()

    def _next(self, light: Callable[[T], bool] | None = None) -> Turn[T] | None:
        """Of anybody; or of those only who have a light task and are no suspects."""
        for caller, tasks in self._waiting.items():
            suspect = self._is_suspect(caller)
            if suspect and (self._suspects_at_work or light is not None):
                continue
            if light is not None and not light(tasks[0][1]):
                continue
            _, task = tasks.popleft()
            self._waiting.move_to_end(caller)
            self._forget_if_gone(caller)
            self._length -= 1
            self._suspects_at_work += suspect
            return Turn(caller, task, suspect)
        return None

    def _make_room(self, caller: str) -> T | None:
        if self._closed:
            raise OverloadedError
        if self._length < self._places:
            return None
        most = max(self._waiting, key=lambda name: len(self._waiting[name]))
        if len(self._waiting[most]) <= len(self._waiting.get(caller, ())) + 1:
            raise OverloadedError
        self._length -= 1
        return self._waiting[most].pop()[1]

    def _forget_if_gone(self, caller: str) -> None:
        if not self._waiting[caller]:
            del self._waiting[caller]

    def _is_suspect(self, caller: str) -> bool:
        return self._suspects.get(caller, 0.0) > self._seconds()
