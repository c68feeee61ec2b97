"""When to try again: exponential backoff with full jitter, bounded. Pure: chance comes in by the door."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrySchedule:
    """``first`` doubles with every failed attempt up to ``longest``; half of each wait is drawn by chance."""

    first: timedelta = timedelta(seconds=15)
    longest: timedelta = timedelta(minutes=30)

    def next_attempt(self, attempts: int, *, now: datetime, chance: Callable[[], float]) -> datetime:
        """When to try after ``attempts`` failures (1 or more); ``chance`` returns a number in [0, 1)."""
        wait = min(self.first * 2.0 ** min(attempts - 1, 20), self.longest)
        return now + wait * (0.5 + chance() / 2)
