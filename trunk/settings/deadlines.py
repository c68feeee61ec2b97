"""When somebody is late: the rules as settings."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from trunk.settings.care import Section, apart


def _day(written: Any) -> Any:
    return date.fromisoformat(written) if isinstance(written, str) else written


_HOUR: Final = "^([01][0-9]|2[0-3]):[0-5][0-9]$"
_Hours = Annotated[
    tuple[Annotated[str, Field(pattern=f"{_HOUR[:-1]}-{_HOUR[1:]}")], ...], BeforeValidator(apart), Field(min_length=1)
]
_Days = Annotated[tuple[Annotated[date, BeforeValidator(_day)], ...], BeforeValidator(apart)]
_Weekdays = Annotated[
    tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...], BeforeValidator(apart), Field(min_length=1)
]


class Deadlines(Section):
    """When somebody is late. The defaults are those of NĐ 30/2020 and QĐ 28/2018; other rules are other values."""

    country: str = Field(default="VN", description="whose public holidays count (library `holidays`)")
    holidays: _Days = Field(default=(), description="further days without work, yyyy-mm-dd")
    working_days: _Days = Field(default=(), description="days of work although a weekend or holiday, yyyy-mm-dd")
    weekdays: _Weekdays = Field(default=("mon", "tue", "wed", "thu", "fri"), description="days of work")
    hours: _Hours = Field(default=("07:30-11:30", "13:30-17:00"), description="hours of work, by the clock of Vietnam")
    fetch_working_hours: float = Field(
        default=4, gt=0, description="working time after which a document that no system has fetched is overdue"
    )
    urgent_fetch_minutes: float = Field(
        default=30, gt=0, description="the same for urgent mail (priority 1 and up), by day and night"
    )
    receipt_until: str = Field(
        default="17:00", pattern=_HOUR, description="of the working day on which it came: then receipt is overdue"
    )
    receipt_late_from: str = Field(
        default="15:00", pattern=_HOUR, description="what comes after this is due in the next working morning"
    )
    receipt_late_until: str = Field(default="11:30", pattern=_HOUR, description="the end of that morning")
    urgent_receipt_minutes: float = Field(default=60, gt=0, description="for urgent mail, by day and night")
    remembered_days: float = Field(
        default=90, gt=0, le=3650, description="what was accepted longer ago is not listed as late any more"
    )

    @model_validator(mode="after")
    def _know_the_day(self) -> Self:
        moments = [moment for span in self.hours for moment in span.split("-")]
        if moments != sorted(set(moments)):
            raise ValueError("hours: one after the other, each from earlier to later: 07:30-11:30, 13:30-17:00")
        if self.receipt_late_from > self.receipt_until:
            raise ValueError("receipt_late_from: what comes after receipt_until cannot be received by then")
        return self
