"""The rules of ``[deadlines]``, with the public holidays of a country from a library that is kept up to date."""

from __future__ import annotations

from datetime import date, time, timedelta
from functools import lru_cache
from typing import Final

from trunk.domain.deadlines import Calendar, Rules
from trunk.errors import ConfigurationError
from trunk.settings import Deadlines

_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def rules(section: Deadlines) -> Rules:
    """Raises ``ConfigurationError`` for a country that the library does not know."""
    return Rules(
        calendar=calendar(section),
        fetch=timedelta(hours=section.fetch_working_hours),
        urgent_fetch=timedelta(minutes=section.urgent_fetch_minutes),
        receipt_until=time.fromisoformat(section.receipt_until),
        receipt_late_from=time.fromisoformat(section.receipt_late_from),
        receipt_late_until=time.fromisoformat(section.receipt_late_until),
        urgent_receipt=timedelta(minutes=section.urgent_receipt_minutes),
        remembered=timedelta(days=section.remembered_days),
    )


def calendar(section: Deadlines) -> Calendar:
    """Days of work by the settings first, then by the library, then by the week."""
    check_country(section.country)
    weekdays = frozenset(map(_WEEKDAYS.index, section.weekdays))
    free, working, country = frozenset(section.holidays), frozenset(section.working_days), section.country

    @lru_cache(maxsize=4_096)  # reports ask the same days for each document
    def works(day: date) -> bool:
        if day in working or day in free:
            return day in working
        holidays, made_up = _public(country, day.year)
        return day in made_up or (day.weekday() in weekdays and day not in holidays)

    return Calendar(works=works, hours=tuple(map(_span, section.hours)))


def check_country(country: str) -> None:
    """Raises ``ConfigurationError`` where nobody keeps that country's holidays."""
    # the library's table of names: asked for anything more, it loads the holidays of the whole world
    from holidays.registry import COUNTRIES  # noqa: PLC0415  what most commands need not load

    if country not in {codes[0] for _, *codes in COUNTRIES.values()}:
        raise ConfigurationError(
            f"deadlines.country: the library of public holidays knows no {country!r}: write VN, or another country's "
            "two letters (ISO 3166-1)"
        )


@lru_cache(maxsize=64)
def _public(country: str, year: int) -> tuple[frozenset[date], frozenset[date]]:
    """Days off, and Saturdays worked for days off elsewhere in the year.

    A set for each year: the library's own object fills itself while it is asked, which two threads must not do.
    """
    import holidays  # noqa: PLC0415  a tenth of a second that most commands need not spend

    found = holidays.country_holidays(country, years=year, expand=False)
    return frozenset(found), frozenset(day for day in found.weekend_workdays if day.year == year)


def _span(written: str) -> tuple[time, time]:
    start, end = written.split("-")
    return time.fromisoformat(start), time.fromisoformat(end)
