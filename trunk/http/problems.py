"""Refusals and faults as problems (RFC 9457): the only place where a nature becomes an HTTP status.

A problem lists every fault at once, in both languages; ``Accept-Language`` chooses the one of ``title`` and
``detail``. A fault of our own shows its code and the request id, never a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final, TypeVar

import structlog
from aiohttp import web
from pydantic import Field

from queues.broker import QueueError
from trunk.domain.outcome import Flaw, Rejected, refuse
from trunk.domain.rejection import CATALOGUE, Code, Nature, Refusal
from trunk.domain.rejection import Text as CatalogueText
from trunk.errors import OverloadedError, TrunkError
from trunk.http.language import Language, preferred
from trunk.http.wire import Shape, shorten

T = TypeVar("T")
log = structlog.get_logger()

PATH: Final = "/api/v1/problems/{code}"
MEDIA_TYPE: Final = "application/problem+json"
REQUEST_ID: Final = web.RequestKey("request_id", str)
RETRY_AFTER_SECONDS: Final = 5
SHOWN: Final = 500  #: faults in one problem; the rest are counted

STATUS: Final[Mapping[Nature, int]] = MappingProxyType(
    {
        Nature.MALFORMED: 400,
        Nature.INVALID: 422,
        Nature.UNAUTHENTICATED: 401,
        Nature.FORBIDDEN: 403,
        Nature.NOT_FOUND: 404,
        Nature.GONE: 410,
        Nature.CONFLICT: 409,
        Nature.TOO_LARGE: 413,
        Nature.UNSUPPORTED: 415,
        Nature.METHOD: 405,
        Nature.RANGE: 416,
        Nature.OVERLOADED: 503,
        Nature.THROTTLED: 429,
        Nature.UNAVAILABLE: 503,
        Nature.BROKEN: 500,
    }
)

# What aiohttp itself refuses, in our words.
_BY_AIOHTTP: Final[Mapping[int, Code]] = MappingProxyType(
    {
        404: Code.NOT_FOUND,
        405: Code.METHOD_NOT_ALLOWED,
        413: Code.TOO_LARGE,
        415: Code.MEDIA_TYPE,
        416: Code.RANGE_NOT_SATISFIABLE,
        503: Code.OVERLOADED,
    }
)


class Bilingual(Shape):
    """A sentence in Vietnamese and in English."""

    vi: str
    en: str

    @classmethod
    def of(cls, text: CatalogueText) -> Bilingual:
        return cls(vi=text.vi, en=text.en)


class Fault(Shape):
    """One reason of a refusal, and where it applies."""

    code: str = Field(examples=["ENV-101"])
    line: int | None = Field(description="line of the submitted XML")
    path: str = Field(description="element of the XML, or parameter of the request; empty: the whole")
    expected: str
    got: str
    title: Bilingual
    remedy: Bilingual

    @classmethod
    def of(cls, flaw: Flaw) -> Fault:
        refusal = CATALOGUE[flaw.code]
        return cls(
            code=flaw.code,
            line=flaw.line,
            path=flaw.path,
            expected=flaw.expected,
            got=shorten(flaw.got),
            title=Bilingual.of(refusal.title),
            remedy=Bilingual.of(refusal.remedy),
        )


class SealedRejection(Shape):
    """The trunk's sealed statement that it did not take the envelope."""

    kind: str = Field(examples=["rejected"])
    xml: str = Field(description="an edXML status message with the trunk's signature")


class Problem(Shape):
    """RFC 9457: what went wrong, and every reason."""

    type: str = Field(json_schema_extra={"format": "uri-reference"}, examples=["/api/v1/problems/ENV-101"])
    title: str
    status: int
    detail: str
    instance: str = Field(description="the request id, also in the header Trunk-Request-Id")
    code: str = Field(examples=["ENV-101"])
    faults: list[Fault]
    acknowledgement: SealedRejection | None = Field(
        description="where the sender is known: the refusal under the trunk's seal"
    )


class RefusedError(Exception):
    """Carries a refusal from a handler to the door. Use cases return refusals; handlers may leave by this."""

    def __init__(
        self, rejected: Rejected, *, headers: Mapping[str, str] | None = None, unread: str | None = None
    ) -> None:
        super().__init__(rejected.code)
        self.rejected = rejected
        self.headers = headers or {}
        self.unread = unread  #: why the body was left unread: the connection cannot be used again


def insist(outcome: T | Rejected) -> T:
    """The good outcome; a refusal leaves the handler."""
    if isinstance(outcome, Rejected):
        raise RefusedError(outcome)
    return outcome


def status_of(code: Code) -> int:
    """The HTTP status of a refusal for this reason."""
    return STATUS[CATALOGUE[code].nature]


def problem(request: web.BaseRequest, rejected: Rejected, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """``rejected`` as a response."""
    language = preferred(request.headers.get("Accept-Language", ""))
    shape = describe(rejected, language=language, instance=request.get(REQUEST_ID, ""))
    return web.Response(
        status=shape.status,
        body=shape.model_dump_json().encode(),
        content_type=MEDIA_TYPE,
        headers={"Content-Language": language, **_retry(rejected), **(headers or {})},
    )


def describe(rejected: Rejected, *, language: Language, instance: str) -> Problem:
    refusal = CATALOGUE[rejected.code]
    sealed = rejected.sealed
    return Problem(
        type=PATH.format(code=refusal.code),
        title=_in(refusal.title, language),
        status=STATUS[refusal.nature],
        detail=_detail(refusal, rejected.flaws, language),
        instance=instance,
        code=refusal.code,
        faults=[Fault.of(flaw) for flaw in rejected.flaws[:SHOWN]],
        acknowledgement=None if sealed is None else SealedRejection(kind="rejected", xml=sealed.decode()),
    )


def rejected_by_aiohttp(fault: web.HTTPException) -> tuple[Rejected, Mapping[str, str]]:
    """What aiohttp refused by itself, in our words."""
    code = _BY_AIOHTTP.get(fault.status, Code.BAD_REQUEST if fault.status < 500 else Code.INTERNAL)
    headers = {"Allow": fault.headers["Allow"]} if "Allow" in fault.headers else {}
    return refuse(code), headers


def rejected_by_fault(fault: Exception) -> Rejected:
    """What an outsider learns of a fault of ours: its code, and whether coming again may help."""
    if isinstance(fault, OverloadedError):
        return refuse(Code.OVERLOADED, retry_after=fault.retry_after)
    if isinstance(fault, QueueError):
        return refuse(Code.UNAVAILABLE, retry_after=RETRY_AFTER_SECONDS)
    if isinstance(fault, TrunkError):
        return refuse(Code(fault.code), retry_after=RETRY_AFTER_SECONDS if fault.temporary else None)
    return refuse(Code.INTERNAL)


def codes(flaws: Iterable[Flaw]) -> list[str]:
    """The distinct codes, in order."""
    return list(dict.fromkeys(str(flaw.code) for flaw in flaws))


def _retry(rejected: Rejected) -> dict[str, str]:
    seconds = rejected.retry_after
    if seconds is None and CATALOGUE[rejected.code].temporary:
        seconds = RETRY_AFTER_SECONDS
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _detail(refusal: Refusal, flaws: Sequence[Flaw], language: Language) -> str:
    remedy = _in(refusal.remedy, language)
    if len(flaws) == 1:
        return remedy
    counted = f"Có {len(flaws)} lỗi" if language == "vi" else f"{len(flaws)} faults"
    return f"{counted}. {remedy}"


def _in(text: CatalogueText, language: Language) -> str:
    return text.vi if language == "vi" else text.en
