"""Values as real mail writes them: dates in four shapes, numbers that may be empty, times without a zone.

Everything here answers ``None`` for what it cannot read; whether that deserves a warning is the reader's
business. Times without a zone are Vietnam's (+07:00), where the mail comes from.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from typing import Final

#: The zone of the wire.
VIETNAM: Final = timezone(timedelta(hours=7))

_SPACE: Final = " \t\r\n"
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_MOMENT: Final = re.compile(
    r"(?:(?P<year>\d{4})(?P<mark>[/-])(?P<month>\d{1,2})(?P=mark)(?P<day>\d{1,2})|(?P<d>\d{1,2})/(?P<m>\d{1,2})/(?P<y>\d{4}))"
    r"(?:[T ](?P<hour>\d{1,2}):(?P<minute>\d{1,2})(?::(?P<second>\d{1,2})(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d{2}:\d{2})?)?",
    re.ASCII,
)
_NUMBER: Final = re.compile(r"[0-9]{1,9}")
_IDENTIFIER: Final = re.compile(r"[^,]{1,35},(?P<date>\d{4}/\d{2}/\d{2}),[^/,]+/.+", re.ASCII | re.DOTALL)


def collapse(text: str) -> str:
    """As XML Schema collapses white space: identifiers, codes and numbers are compared in this form."""
    if not text or (" " not in text and "\n" not in text and "\t" not in text and "\r" not in text):
        return text
    return _SPACES.sub(" ", text).strip(_SPACE)


def parse_date(text: str) -> date | None:
    """The day; a time of day behind it is ignored. ``None`` for an impossible date."""
    match = _MOMENT.fullmatch(collapse(text)) if text else None
    if match is None:
        return None
    year, month, day = (match["year"], match["month"], match["day"]) if match["year"] else match.group("y", "m", "d")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def parse_time(text: str) -> datetime | None:
    """The instant, with its zone; without one it is Vietnam's time."""
    match, day = _MOMENT.fullmatch(collapse(text)), parse_date(text)
    if match is None or day is None:
        return None
    hour, minute, second = (int(match[part] or 0) for part in ("hour", "minute", "second"))
    microsecond = int((match["fraction"] or "0").ljust(6, "0")[:6])
    try:
        zone = _zone(match["zone"])
        return datetime(day.year, day.month, day.day, hour, minute, second, microsecond, tzinfo=zone)
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if not text:
        return VIETNAM
    if text == "Z":
        return timezone(timedelta(0))
    hours, minutes = int(text[1:3]), int(text[4:6])
    return timezone((-1 if text[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def parse_number(text: str) -> int | None:
    if not text:
        return None
    collapsed = collapse(text)
    return int(collapsed) if _NUMBER.fullmatch(collapsed) else None


def parse_flag(text: str) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(collapse(text).lower())


def well_formed_document_id(text: str) -> bool:
    """Whether it is ``OrganId,yyyy/MM/dd,number/notation`` with a date that exists: usual, and not required."""
    match = _IDENTIFIER.fullmatch(text)
    return match is not None and parse_date(match["date"]) is not None


def spell_date(day: date) -> str:
    return f"{day.year:04}/{day.month:02}/{day.day:02}"


def spell_time(instant: datetime) -> str:
    """``yyyy/MM/dd HH:mm:ss`` in Vietnam's time: the wire has no zone and no fractions."""
    local = instant.astimezone(VIETNAM)
    return f"{spell_date(local.date())} {local.hour:02}:{local.minute:02}:{local.second:02}"
