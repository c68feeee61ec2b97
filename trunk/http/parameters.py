"""Reads what a request asks for, strictly: unknown, repeated or wrong parameters are refused by name, all at once."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trunk.domain.delivery import DeliveryId, EnvelopeId
from trunk.domain.outcome import Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError
from trunk.http.wire import shorten

T = TypeVar("T")

# An id that cannot be one of ours is not looked up: a NUL would not even reach the database's own refusal.
_ID_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")
_MAX_ID: Final = 64

Reference = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""A text that real mail uses as an id: anything but control characters."""


def _digits(value: Any) -> Any:
    """An integer in plain digits; pydantic alone would also read ``1.0``, `` 1`` and ``1_0``."""
    if isinstance(value, str) and not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise ValueError("digits")
    return value


Integer = Annotated[int, BeforeValidator(_digits)]


class Query(BaseModel):
    """The query of a route; subclasses declare its parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NoQuery(Query):
    """For routes without parameters."""


Q = TypeVar("Q", bound=Query)


def read_query(request: web.Request, form: type[Q]) -> Q:
    """The query as ``form``. Leaves by ``RefusedError`` with every fault."""
    raw: dict[str, Any] = {}
    flaws: list[Flaw] = []
    for name in dict.fromkeys(request.query):
        values = request.query.getall(name)
        if _is_list(form, name):
            raw[name] = values
        elif len(values) == 1:
            raw[name] = values[0]
        else:
            flaws.append(Flaw(code=Code.BAD_REQUEST, path=shorten(name), expected="once", got=f"{len(values)} times"))
    try:
        query = form.model_validate(raw)
    except ValidationError as error:
        flaws += _flaws(error)
    if flaws:
        raise RefusedError(Rejected(flaws=flaws))
    return query


def read_json(octets: bytes, form: TypeAdapter[T]) -> T:
    """A JSON body as ``form``. Leaves by ``RefusedError`` with every fault."""
    try:
        return form.validate_json(octets, strict=True)
    except ValidationError as error:
        raise RefusedError(Rejected(flaws=_flaws(error))) from error


def envelope_id(request: web.Request) -> EnvelopeId:
    return EnvelopeId(_id(request, "envelope_id"))


def delivery_id(request: web.Request) -> DeliveryId:
    return DeliveryId(_id(request, "delivery_id"))


def reference(request: web.Request, name: str) -> str:
    """A part of the path that can be one of our names."""
    return _id(request, name)


def bad(name: str, *, expected: str, got: str = "") -> RefusedError:
    """One parameter that is wrong."""
    return RefusedError(refuse(Code.BAD_REQUEST, path=name, expected=expected, got=shorten(got)))


def _id(request: web.Request, name: str) -> str:
    text = request.match_info[name]
    if not 0 < len(text) <= _MAX_ID or not _ID_LETTERS.issuperset(text):
        raise RefusedError(refuse(Code.NOT_FOUND, path=name, got=shorten(text)))
    return text


def _is_list(form: type[Query], name: str) -> bool:
    declared = form.model_fields.get(name)
    return declared is not None and get_origin(declared.annotation) is tuple


def _flaws(error: ValidationError) -> list[Flaw]:
    return [_flaw(fault) for fault in error.errors(include_url=False)]


def _flaw(fault: ErrorDetails) -> Flaw:
    kind, discriminator = fault["type"], fault.get("ctx", {}).get("discriminator", "").strip("'")
    steps = [str(part) for part in fault["loc"] if part not in _HIDDEN]
    path = ".".join([*steps, discriminator] if discriminator else steps)
    got = fault["input"]
    return Flaw(
        code=Code.BAD_REQUEST,
        path=shorten(path),
        expected=_EXPECTED.get(kind, fault["msg"]),
        got=shorten(got) if isinstance(got, str) and kind not in _QUIET else "",
    )


_HIDDEN: Final = frozenset({"taken", "failed"})  # names of alternatives, not of parameters
_QUIET: Final = frozenset({"json_invalid", "missing"})
_EXPECTED: Final = {
    "missing": "required",
    "extra_forbidden": "no such parameter",
    "value_error": "an integer in plain digits",
    "string_pattern_mismatch": "other characters; see /api/v1/docs",
}
