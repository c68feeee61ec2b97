"""When somebody is late: working time by the clock of Vietnam, and the rules that count in it. Values in, values out.

What the law says of hours and minutes is data (``Rules``, from the settings): another regulation is other values.
Vietnam has had one zone without summer time since 1975, so a fixed offset says all there is to say.

Law: every due time comes no earlier for mail that was accepted later. So "late now" is a range of times of acceptance
(``Rules.accepted_by``), which an index answers, and no report walks the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Final

from trunk.domain.dates import parse_date

HANOI: Final = timezone(timedelta(hours=7), "+07:00")
URGENT: Final = 1
"""From this priority on mail is urgent (khẩn)."""

_DAY: Final = timedelta(days=1)
_NEVER: Final = timedelta(0)
_LONGEST_REST: Final = 366


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Days and hours of work. ``works`` says of any day whether it is one of work."""

    works: Callable[[date], bool]
    hours: tuple[tuple[time, time], ...]  #: in their order, apart from each other

    def is_working(self, moment: datetime) -> bool:
        """Whether offices are open: from the first moment of the hours up to the last, not included."""
        here = moment.astimezone(HANOI)
        return self.works(here.date()) and any(start <= here.time() < end for start, end in self.hours)

    def next_working_day(self, day: date) -> date:
        """The first day of work after ``day``."""
        for _ in range(_LONGEST_REST):
            day += _DAY
            if self.works(day):
                return day
        return day  # settings that leave a year without work: some day must be named

    def add(self, moment: datetime, working: timedelta) -> datetime:
        """When so much working time has passed since ``moment``."""
        if working <= _NEVER:
            return moment
        for start, end in self._spans(moment.astimezone(HANOI)):
            if working <= end - start:
                return start + working
            working -= end - start
        raise AssertionError("days of work never end")

    def _spans(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working time from ``moment`` on, a stretch at a time."""
        day = moment.date()
        if not self.works(day):
            day = self.next_working_day(day)
        while True:
            for opens, closes in self.hours:
                start, end = max(_at(day, opens), moment), _at(day, closes)
                if start < end:
                    yield start, end
            day = self.next_working_day(day)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What is due when."""

    calendar: Calendar
    fetch: timedelta  #: of working time
    urgent_fetch: timedelta  #: by day and night
    receipt_until: time  #: of the day of work on which it came
    receipt_late_from: time  #: what comes from here on, or on a day without work, is due in the next working morning
    receipt_late_until: time
    urgent_receipt: timedelta  #: by day and night
    remembered: timedelta  #: what was accepted longer ago is not listed as late any more

    def fetch_due(self, accepted_at: datetime, *, urgent: bool) -> datetime:
        """By when the recipient's system must have fetched it."""
        if urgent:
            return accepted_at + self.urgent_fetch
        return self.calendar.add(accepted_at, self.fetch)

    def receipt_due(self, accepted_at: datetime, *, urgent: bool) -> datetime:
        """By when the recipient's people must have taken it in, or turned it down."""
        if urgent:
            return accepted_at + self.urgent_receipt
        here = accepted_at.astimezone(HANOI)
        if self.calendar.works(here.date()) and here.time() < self.receipt_late_from:
            return _at(here.date(), self.receipt_until)
        return _at(self.calendar.next_working_day(here.date()), self.receipt_late_until)

    def accepted_by(self, due: Callable[[datetime], datetime], now: datetime) -> datetime | None:
        """The latest acceptance whose ``due`` has passed by ``now``; ``None``: none that is remembered."""
        low, high = now - self.remembered, now
        if due(low) >= now:
            return None
        while high - low > timedelta(milliseconds=1):
            middle = low + (high - low) / 2
            low, high = (middle, high) if due(middle) < now else (low, middle)
        return low


def reply_due(due_date: str, accepted_at: datetime) -> datetime | None:
    """The end of the day on which an answer is due (edXML ``DueDate``, as the ledger keeps it).

    ``None``: no answer is asked for, or by a day that was over when the document came: nobody could keep that.
    """
    day = parse_date(due_date)
    if day is None or day < accepted_at.astimezone(HANOI).date():
        return None
    return datetime.combine(day, time.max, HANOI)


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, HANOI)
