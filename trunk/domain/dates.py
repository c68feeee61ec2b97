"""edXML dates as the ledger keeps them: ``yyyy/MM/dd``."""

from __future__ import annotations

from datetime import date


def spell_date(day: date | None) -> str:
    return "" if day is None else f"{day:%Y/%m/%d}"


def parse_date(text: str) -> date | None:
    """The day that ``spell_date`` wrote; ``None`` for an empty text."""
    if not text:
        return None
    year, month, day = text.split("/")
    return date(int(year), int(month), int(day))
