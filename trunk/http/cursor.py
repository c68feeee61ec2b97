"""A place in an inbox, as callers carry it: opaque, and read back strictly.

It says where to go on reading, not whose inbox: a cursor of another agency, or a made-up one, shows nothing more
than the caller's own mail.
"""

from __future__ import annotations

import base64
import binascii
from typing import Final, TypeGuard

import orjson

from trunk.domain.tracking import InboxCursor

VERSION: Final = 1
MAX_LENGTH: Final = 160
_MAX_POSITION: Final = 2**62
_MAX_URGENCY: Final = 9


def spell_cursor(cursor: InboxCursor) -> str:
    fields = [VERSION, cursor.floor, cursor.window, cursor.urgency, cursor.position]
    return base64.urlsafe_b64encode(orjson.dumps(fields)).rstrip(b"=").decode()


def parse_cursor(text: str) -> InboxCursor | None:
    """The place that ``text`` spells; ``None`` if we never spelled it so."""
    fields = _fields(text)
    if fields is None or len(fields) != 5 or fields[0] != VERSION:
        return None
    floor, window, urgency, position = fields[1:]
    if not (_is_place(floor) and _is_place(window) and floor <= window):
        return None
    if (urgency is None) != (position is None):
        return None
    if urgency is not None and not (0 <= urgency <= _MAX_URGENCY and _is_place(position)):
        return None
    cursor = InboxCursor(floor=floor, window=window, urgency=urgency, position=position)
    return cursor if spell_cursor(cursor) == text else None


def _fields(text: str) -> list[int | None] | None:
    if len(text) > MAX_LENGTH or not text.isascii():
        return None
    try:
        fields = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, orjson.JSONDecodeError):
        return None
    if not isinstance(fields, list) or any(type(field) not in (int, type(None)) for field in fields):
        return None
    return fields


def _is_place(number: int | None) -> TypeGuard[int]:
    return number is not None and 0 <= number < _MAX_POSITION
