"""Answers as VXP clients read them: JSON in ASCII, always; all four fields, always; a list where a list is expected.

What deployed clients do without them decides: no DocId and they crash, no ``data`` and a refusal looks like an empty
inbox, 202 and they believe that it failed. The error numbers are those that integrators already switch on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from trunk.domain.outcome import Flaw, Rejected
from trunk.domain.rejection import CATALOGUE, Code
from trunk.http.problems import RETRY_AFTER_SECONDS, status_of
from trunk.http.wire import shorten

MEDIA_TYPE: Final = "application/json"
SHOWN: Final = 20  #: faults in one ErrorDesc; the rest are counted

OK: Final = "0"
_SYSTEM_FAULT: Final = "20"

# Exact codes before families; the longest beginning decides.
NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ENV-0": "10",  # the octets are no edXML at all
        "ENV": "22",  # they are, and not as the rules want them
        Code.TOO_COSTLY: "21",
        "SIG": "21",
        Code.REVOCATION_UNKNOWN: "20",
        Code.CHAIN_INCOMPLETE: "20",
        "ADR": "19",
        Code.ADDRESSEE_UNKNOWN: "18",
        Code.ADDRESSEE_INACTIVE: "23",
        Code.SIGNER_WITHOUT_MANDATE: "21",
        "DUP": "21",
        "TRK": _SYSTEM_FAULT,
        Code.UNAUTHENTICATED: "15",
        Code.KEY_EXPIRED: "15",
        Code.REQUEST_SIGNATURE: "15",
        Code.STALE_REQUEST: "15",
        Code.NOT_ENROLLER: "15",
        Code.TOO_LARGE: "10",
        Code.MEDIA_TYPE: "10",
        Code.BODY_CUT_OFF: "10",
        Code.BODY_HASH: "10",
        Code.NOT_FOUND: "21",
        Code.WRONG_DIGEST: "21",
        Code.ALREADY_CONFIRMED: "21",
        Code.ALREADY_SETTLED: "21",
        Code.CORRUPT_PAYLOAD: "21",
    }
)

_NO_ITEMS: Final = MappingProxyType({"data": ()})
_NO_NUMBER: Final = MappingProxyType({"count": 0})
# What a client takes out of a reply without looking whether it is there. An operation that nobody knows gets a list.
_EXPECTED: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "countReceiveEdoc": _NO_NUMBER,
        "countReceiveStatus": _NO_NUMBER,
        **dict.fromkeys(
            ("sendEdoc", "getEdoc", "downloadEdoc", "updateStatus", "registerAgency", "deleteAgency"),
            MappingProxyType({}),
        ),
    }
)
_OPERATION: Final = re.compile(rb"[A-Z]{1,20} (?:https?://[^/ ]*)?/+vxp(?:/+([A-Za-z0-9]{0,40}))?[/? \r\n]")


def number_of(code: Code) -> str:
    """The error number that stands for a code of the catalogue."""
    return next((NUMBERS[code[:end]] for end in range(len(code), 0, -1) if code[:end] in NUMBERS), _SYSTEM_FAULT)


def spell(fields: Mapping[str, Any]) -> bytes:
    """JSON in ASCII: the client reads some answers as US-ASCII."""
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def envelope(*, doc_id: str = "") -> dict[str, Any]:
    """The four fields of a success."""
    return {"status": "OK", "ErrorCode": OK, "ErrorDesc": "", "DocId": doc_id}


def success(*, doc_id: str = "", **fields: Any) -> web.Response:
    return _response(envelope(doc_id=doc_id) | fields, status=200)


def failure(operation: str, rejected: Rejected, *, request_id: str = "") -> web.Response:
    """``rejected`` for a client that called ``operation`` (empty: nobody knows)."""
    described = {"status": "FAIL", "ErrorCode": number_of(rejected.code), "ErrorDesc": _describe(rejected), "DocId": ""}
    status = status_of(rejected.code)
    if status >= 500 and request_id:
        described["ErrorDesc"] += f" [{request_id}]"
    response = _response({**described, **_EXPECTED.get(operation, _NO_ITEMS)}, status=status)
    if rejected.retry_after is not None or CATALOGUE[rejected.code].temporary:
        response.headers["Retry-After"] = str(rejected.retry_after or RETRY_AFTER_SECONDS)
    return response


def operation_called(octets: bytes) -> str | None:
    """The operation of a request that could not be read, from its first octets; ``None``: it was not for us."""
    match = _OPERATION.match(octets[:2048])
    return None if match is None else (match[1] or b"").decode("ascii")


def _response(fields: Mapping[str, Any], *, status: int) -> web.Response:
    return web.Response(status=status, body=spell(fields), content_type=MEDIA_TYPE, charset="utf-8")


def _describe(rejected: Rejected) -> str:
    """Every reason, in Vietnamese, with its code."""
    shown = [_sentence(flaw) for flaw in rejected.flaws[:SHOWN]]
    if len(rejected.flaws) > SHOWN:
        shown.append(f"… và {len(rejected.flaws) - SHOWN} lỗi khác")
    return " | ".join(shown)


def _sentence(flaw: Flaw) -> str:
    refusal = CATALOGUE[flaw.code]
    line = f"dòng {flaw.line}" if flaw.line is not None else ""
    expected = f"cần: {flaw.expected}" if flaw.expected else ""
    got = f"nhận được: {shorten(flaw.got)}" if flaw.got else ""
    place = "; ".join(part for part in (line, flaw.path, expected, got) if part)
    return f"{flaw.code} {refusal.title.vi}{f' ({place})' if place else ''}. {refusal.remedy.vi}"
