"""What a document is called across old and new codes: agency, date and number, in one spelling.

``DocumentId`` is ``OrganId,yyyy/MM/dd,number/notation`` where it is written by the rule, and real mail writes the
agency under its code of 2016 here and of 2020 there, or knows number, date and agency only. The key is the same for
all of them. It finds candidates; it is not unique, for fixed sample ids are sent as they are.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Final

from trunk.domain.agency import Directory
from trunk.domain.dates import spell_date

_DOCUMENT_ID: Final = re.compile(
    r"(?P<organ>[^,]{1,35}),(?P<day>\d{4}[/-]\d{1,2}[/-]\d{1,2}),(?P<code>[^,].*)", re.DOTALL
)


def key(directory: Directory, organ_id: str, day: date | None, code: str) -> str:
    """The key of the document that ``organ_id`` issued; empty where date, agency or number is missing."""
    number = _folded(code)
    if day is None or not organ_id or not number:
        return ""
    agency = directory.find(organ_id)
    return f"{agency.code if agency else organ_id},{spell_date(day)},{number}"


def keys_of_id(directory: Directory, document_id: str) -> Iterator[str]:
    """What a ``DocumentId`` that is written by the rule says; nothing for any other."""
    match = _DOCUMENT_ID.fullmatch(document_id.strip())
    day = _day(match["day"]) if match else None
    if match and day:
        yield key(directory, match["organ"].strip(), day, match["code"])


def _folded(code: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFC", code)).casefold()


def _day(text: str) -> date | None:
    year, month, day = map(int, re.split("[/-]", text))
    try:
        return date(year, month, day)
    except ValueError:
        return None  # 2014/02/30 occurs
