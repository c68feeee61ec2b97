"""When is it worth asking a place again? Backs off by place and by host; who fails is left alone for a while."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

_REMEMBERED: Final = 4096
_MOST_DOUBLINGS: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """How often a place failed in a row, and until when it is left alone."""

    failures: int
    since: datetime  #: when it failed last
    until: datetime


class Patience:
    """``chance`` spreads the waits, so that what failed together does not come back together."""

    def __init__(
        self,
        *,
        forgiven: int,
        chance: Callable[[], float],
        first: timedelta = timedelta(seconds=15),
        longest: timedelta = timedelta(hours=1),
    ) -> None:
        """``forgiven``: failures in a row that have no consequence yet."""
        self._forgiven = forgiven
        self._chance = chance
        self._first = first
        self._longest = longest
        self._records: OrderedDict[str, Record] = OrderedDict()
        self._lock = threading.Lock()

    def has(self, place: str, *, now: datetime) -> bool:
        """Whether the place may be asked now. A clock that was set back behind the failure keeps nobody waiting."""
        with self._lock:
            record = self._records.get(place)
        return record is None or not record.since <= now < record.until

    def failed(self, place: str, *, now: datetime, at_least: timedelta = timedelta()) -> Record:
        with self._lock:
            before = self._records.get(place)
            failures = 1 if before is None else before.failures + 1
            beyond = failures - self._forgiven
            wait = timedelta()
            if beyond > 0:
                wait = min(self._first * 2 ** min(beyond - 1, _MOST_DOUBLINGS), self._longest)
            until = now + max(wait * (0.5 + self._chance() / 2), at_least)
            record = Record(failures=failures, since=now, until=until)
            self._records[place] = record
            self._records.move_to_end(place)
            while len(self._records) > _REMEMBERED:
                self._records.popitem(last=False)
            return record

    def answered(self, place: str) -> None:
        with self._lock:
            self._records.pop(place, None)

    def record(self, place: str) -> Record | None:
        with self._lock:
            return self._records.get(place)
