"""How values are spelled in the native API: JSON in snake_case, times in RFC 3339 at +07:00 with milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

HANOI: Final = timezone(timedelta(hours=7))
MAX_GOT: Final = 120

Moment = Annotated[
    str,
    Field(
        json_schema_extra={"format": "date-time"},
        description="RFC 3339 at +07:00, with milliseconds",
        examples=["2026-11-22T08:30:00.125+07:00"],
    ),
]
Digest = Annotated[
    str,
    Field(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 over the octets as submitted, lower-case hex",
        examples=["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"],
    ),
]


class Shape(BaseModel):
    """A JSON object of the API: what is described is what is sent, no more."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def spell_time(moment: datetime) -> str:
    return moment.astimezone(HANOI).isoformat(timespec="milliseconds")


def answer(shape: BaseModel, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """``shape`` as JSON."""
    octets = shape.__pydantic_serializer__.to_json(shape)
    return web.Response(status=status, body=octets, content_type="application/json", headers=headers)


def shorten(text: str) -> str:
    """What a caller sent, fit to be shown back to it: short, and text even where it was none."""
    short = text if len(text) <= MAX_GOT else f"{text[: MAX_GOT - 1]}…"
    return short.encode(errors="backslashreplace").decode()
