"""Whose turn is it to be fetched for? Callers take turns, whatever each has brought; nobody has everything.

Law: one exchange with a place at a time; one host and one caller hold half of all exchanges at most. Finding the next
turn looks at callers, and at no more of what each has waiting than there are exchanges at hand.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Sized
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")
S = TypeVar("S", bound=Sized)

_Places = OrderedDict[str, deque[T]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """For whom, and whom to ask."""

    caller: str
    host: str
    place: str


class Turns(Generic[T]):
    """``at_once`` exchanges. Not thread-safe."""

    def __init__(self, *, at_once: int) -> None:
        self._at_once = at_once
        self._half = max(at_once // 2, 1)
        self._waiting: OrderedDict[str, OrderedDict[str, _Places[T]]] = OrderedDict()
        self._callers: Counter[str] = Counter()
        self._hosts: Counter[str] = Counter()
        self._places: set[str] = set()

    def join(self, spot: Spot, task: T) -> None:
        """Stand in line."""
        hosts = self._waiting.setdefault(spot.caller, OrderedDict())
        hosts.setdefault(spot.host, OrderedDict()).setdefault(spot.place, deque()).append(task)

    def take(self) -> tuple[Spot, T] | None:
        """The next turn; hand it back (``done``) when the exchange is over. None while nobody can have one."""
        if self._callers.total() >= self._at_once:
            return None
        spot = next((spot for caller in self._waiting if (spot := self._free(caller)) is not None), None)
        if spot is None:
            return None
        hosts = self._waiting[spot.caller]
        places = hosts[spot.host]
        task = places[spot.place].popleft()
        _rotate(places, spot.place)
        _rotate(hosts, spot.host)
        _rotate(self._waiting, spot.caller)
        self._callers[spot.caller] += 1
        self._hosts[spot.host] += 1
        self._places.add(spot.place)
        return spot, task

    def done(self, spot: Spot) -> None:
        """The exchange is over."""
        self._callers -= Counter((spot.caller,))
        self._hosts -= Counter((spot.host,))
        self._places.discard(spot.place)

    def _free(self, caller: str) -> Spot | None:
        if self._callers[caller] >= self._half:
            return None
        for host, places in self._waiting[caller].items():
            if self._hosts[host] < self._half:
                place = next((one for one in places if one not in self._places), None)
                if place is not None:
                    return Spot(caller=caller, host=host, place=place)
        return None


def _rotate(waiting: OrderedDict[str, S], name: str) -> None:
    """To the end, or out if nothing waits there any more."""
    if waiting[name]:
        waiting.move_to_end(name)
    else:
        del waiting[name]
