"""Answers as VXP clients read them: JSON in ASCII, always; all four fields, always; a list where a list is expected.

What deployed clients do without them decides: no DocId and they crash, no ``data`` and a refusal looks like an empty
inbox, 202 and they believe that it failed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from aiohttp import web

from trunk.domain.outcome import Rejected
from trunk.http.facades import MEDIA_TYPE, describe, number_of, patience, spell
from trunk.http.problems import status_of

_TOO_MANY: Final = 429
_COME_AGAIN: Final = 503

OK: Final = "0"
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


def envelope(*, doc_id: str = "") -> dict[str, Any]:
    """The four fields of a success."""
    return {"status": "OK", "ErrorCode": OK, "ErrorDesc": "", "DocId": doc_id}


def success(*, doc_id: str = "", **fields: Any) -> web.Response:
    return _response(envelope(doc_id=doc_id) | fields, status=200)


def failure(operation: str, rejected: Rejected, *, request_id: str = "") -> web.Response:
    """``rejected`` for a client that called ``operation`` (empty: nobody knows)."""
    described = {"status": "FAIL", "ErrorCode": number_of(rejected.code), "ErrorDesc": describe(rejected), "DocId": ""}
    status = status_of(rejected.code)
    if status == _TOO_MANY:
        status = _COME_AGAIN  # deployed clients know no 429
    if status >= 500 and request_id:
        described["ErrorDesc"] += f" [{request_id}]"
    response = _response({**described, **_EXPECTED.get(operation, _NO_ITEMS)}, status=status)
    response.headers.update(patience(rejected))
    return response


def operation_called(octets: bytes) -> str | None:
    """The operation of a request that could not be read, from its first octets; ``None``: it was not for us."""
    match = _OPERATION.match(octets[:2048])
    return None if match is None else (match[1] or b"").decode("ascii")


def _response(fields: Mapping[str, Any], *, status: int) -> web.Response:
    return web.Response(status=status, body=spell(fields), content_type=MEDIA_TYPE, charset="utf-8")
