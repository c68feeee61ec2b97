"""When somebody is late: working time of Vietnam, and what is due when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trunk.application.deadlines import calendar, rules
from trunk.domain.deadlines import HANOI, Rules, reply_due
from trunk.errors import ConfigurationError
from trunk.settings import Deadlines

RULES: Final = rules(Deadlines())
CALENDAR: Final = RULES.calendar
HOUR: Final = timedelta(hours=1)

moments = st.timedeltas(timedelta(0), timedelta(days=2526)).map(lambda since: datetime(2024, 1, 1, tzinfo=UTC) + since)
spans = st.timedeltas(timedelta(minutes=1), timedelta(hours=60))


def at(written: str) -> datetime:
    return datetime.strptime(written, "%d/%m/%Y %H:%M").replace(tzinfo=HANOI)


def works(day: str) -> bool:
    return CALENDAR.works(date.fromisoformat(day))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hours": ("13:30-17:00", "07:30-11:30")},
        {"hours": ("07:30-07:30",)},
        {"hours": ("07:30-12:00", "11:30-17:00")},
        {"hours": ("7-11",)},
        {"hours": ()},
        {"weekdays": ("monday",)},
        {"receipt_late_from": "17:30"},
        {"receipt_until": "25:00"},
        {"holidays": ("30/04/2026",)},
        {"remembered_days": 1e9},
    ],
)
def test_settings_that_make_no_day_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Deadlines(**wrong)


@pytest.mark.parametrize("country", ["XX", "", "vn", "Việt Nam"])
def test_a_country_that_nobody_keeps_holidays_for_is_a_fault_of_the_settings(country: str) -> None:
    with pytest.raises(ConfigurationError, match=r"deadlines\.country.*write VN"):
        rules(Deadlines(country=country))


@pytest.mark.parametrize(
    ("eve", "first"),
    [
        ("2024-02-09", "2024-02-10"),
        ("2025-01-28", "2025-01-29"),
        ("2026-02-16", "2026-02-17"),
        ("2027-02-05", "2027-02-06"),
        ("2028-01-25", "2028-01-26"),
        ("2029-02-12", "2029-02-13"),
        ("2030-02-01", "2030-02-02"),
    ],
)
def test_tet_follows_the_moon(eve: str, first: str) -> None:
    new_year = date.fromisoformat(first)
    days = [date.fromisoformat(eve), *(new_year + timedelta(days=n) for n in range(3))]
    assert not any(CALENDAR.works(day) for day in days)


def test_days_off_are_substituted_and_made_up() -> None:
    assert not works("2026-08-31")  # a Monday, for which the Saturday before last was worked
    assert works("2026-08-22")
    assert not works("2026-08-29")
    assert not works("2026-04-27")  # the Kings' day was a Sunday
    assert not works("2026-11-24")


def test_settings_know_days_that_the_library_does_not() -> None:
    own = calendar(Deadlines(holidays=("2026-01-02",), working_days=("2026-01-10", "2026-02-17")))
    found = {
        day: own.works(date.fromisoformat(day)) for day in ("2026-01-02", "2026-01-10", "2026-02-17", "2026-01-09")
    }
    assert found == {"2026-01-02": False, "2026-01-10": True, "2026-02-17": True, "2026-01-09": True}


@pytest.mark.parametrize(
    ("moment", "working"),
    [
        ("25/11/2026 07:30", True),
        ("25/11/2026 11:29", True),
        ("25/11/2026 11:30", False),
        ("25/11/2026 12:00", False),
        ("25/11/2026 17:00", False),
        ("25/11/2026 07:29", False),
        ("24/11/2026 09:00", False),  # a holiday
        ("28/11/2026 09:00", False),  # a Saturday
    ],
)
def test_offices_are_open(moment: str, working: bool) -> None:  # noqa: FBT001  a column of the table
    assert CALENDAR.is_working(at(moment).astimezone(UTC)) is working


@pytest.mark.parametrize(
    ("accepted", "fetch", "receipt"),
    [
        ("25/11/2026 08:00", "25/11/2026 14:00", "25/11/2026 17:00"),
        ("25/11/2026 03:00", "25/11/2026 11:30", "25/11/2026 17:00"),  # in the night of a day of work
        ("25/11/2026 12:00", "26/11/2026 08:00", "25/11/2026 17:00"),
        ("25/11/2026 14:59", "26/11/2026 09:29", "25/11/2026 17:00"),
        ("25/11/2026 15:00", "26/11/2026 09:30", "26/11/2026 11:30"),
        ("25/11/2026 19:00", "26/11/2026 11:30", "26/11/2026 11:30"),
        ("27/11/2026 16:00", "30/11/2026 10:30", "30/11/2026 11:30"),  # Friday evening
        ("28/11/2026 10:00", "30/11/2026 11:30", "30/11/2026 11:30"),
        ("23/11/2026 16:30", "25/11/2026 11:00", "25/11/2026 11:30"),  # before a holiday
        ("13/02/2026 16:00", "23/02/2026 10:30", "23/02/2026 11:30"),  # Friday before Tết
        ("21/08/2026 16:00", "22/08/2026 10:30", "22/08/2026 11:30"),  # the Saturday is worked
        ("28/08/2026 16:00", "03/09/2026 10:30", "03/09/2026 11:30"),  # and this Monday is not
        ("31/12/2026 16:00", "04/01/2027 10:30", "04/01/2027 11:30"),  # over the year
    ],
)
def test_ordinary_mail_is_due(accepted: str, fetch: str, receipt: str) -> None:
    for moment in (at(accepted), at(accepted).astimezone(UTC)):
        assert RULES.fetch_due(moment, urgent=False) == at(fetch)
        assert RULES.receipt_due(moment, urgent=False) == at(receipt)


def test_urgent_mail_is_due_by_day_and_night() -> None:
    moment = at("16/02/2026 23:50")
    assert RULES.fetch_due(moment, urgent=True) == at("17/02/2026 00:20")
    assert RULES.receipt_due(moment, urgent=True) == at("17/02/2026 00:50")


@pytest.mark.parametrize(
    ("due_date", "expected"),
    [
        ("", None),
        ("2026/11/24", None),  # over when it came: nobody could keep that
        ("2026/11/25", "2026-11-25T23:59:59.999999+07:00"),
        ("9999/12/31", "9999-12-31T23:59:59.999999+07:00"),
    ],
)
def test_an_answer_is_due_at_the_end_of_its_day(due_date: str, expected: str | None) -> None:
    due = reply_due(due_date, at("25/11/2026 00:30").astimezone(UTC))
    assert (due.isoformat() if due else None) == expected


@given(moments, spans)
def test_working_time_ends_in_working_time(moment: datetime, span: timedelta) -> None:
    end = CALENDAR.add(moment, span)
    assert end - moment >= span
    assert CALENDAR.is_working(end - timedelta(microseconds=1))


@given(moments, spans, spans)
def test_working_time_adds_up(moment: datetime, one: timedelta, other: timedelta) -> None:
    assert CALENDAR.add(CALENDAR.add(moment, one), other) == CALENDAR.add(moment, one + other)


@given(moments, moments, st.booleans())
def test_what_comes_later_is_due_no_earlier(one: datetime, other: datetime, urgent: bool) -> None:  # noqa: FBT001
    first, second = sorted((one, other))
    for due in (RULES.fetch_due, RULES.receipt_due):
        assert first < due(first, urgent=urgent) <= due(second, urgent=urgent)


@given(moments, st.booleans(), st.sampled_from(["fetch_due", "receipt_due"]))
def test_late_now_is_a_range_of_acceptance(now: datetime, urgent: bool, name: str) -> None:  # noqa: FBT001
    due = partial(getattr(RULES, name), urgent=urgent)
    found = RULES.accepted_by(due, now)
    assert found is not None
    assert due(found) < now <= due(found + timedelta(milliseconds=2))


def test_nothing_is_late_where_nothing_is_remembered() -> None:
    forgetful: Rules = replace(RULES, remembered=HOUR)
    now = at("28/11/2026 12:00")
    assert forgetful.accepted_by(partial(RULES.fetch_due, urgent=False), now) is None


def test_a_year_without_work_still_ends() -> None:
    idle = replace(CALENDAR, works=lambda _: False, hours=((time(8), time(9)),))
    assert idle.add(at("25/11/2026 08:00"), HOUR) == at("26/11/2027 09:00")
