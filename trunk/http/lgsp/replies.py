"""Answers as clients of provincial LGSP services read them: JSON, always, also where a request could not be read.

``errorDetail`` of a 401 is ours: the deployed services leave it empty, and nobody can tell a wrong secret from one
that has ended.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from trunk.domain.outcome import Rejected
from trunk.domain.rejection import CATALOGUE
from trunk.http.facades import MEDIA_TYPE, describe, number_of, patience, spell
from trunk.http.problems import status_of

OK: Final = "OK"
_UNAUTHORIZED: Final = 401
_MEANT: Final = re.compile(rb"[A-Z]{1,20} (?:https?://[^/ ]*)?/+lgsp[/? \r\n]")


def success(*, message: str = OK, **fields: Any) -> web.Response:
    return answer({"success": True, "message": message, **fields})


def answer(fields: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    body = spell(fields)
    return web.Response(status=status, body=body, content_type=MEDIA_TYPE, charset="utf-8", headers=headers)


def failure(rejected: Rejected, *, request_id: str = "") -> web.Response:
    """``rejected``, with the number that integrators know and every reason."""
    status = status_of(rejected.code)
    if status == _UNAUTHORIZED:
        return answer(_unauthorized(rejected), status=status)
    described = describe(rejected)
    if status >= 500 and request_id:
        described += f" [{request_id}]"
    data = {"docId": None, "status": "error", "errorCode": number_of(rejected.code), "errorDesc": described}
    fields = {"success": False, "message": CATALOGUE[rejected.code].title.vi, "data": data}
    return answer(fields, status=status, headers=patience(rejected))


def is_meant(octets: bytes) -> bool:
    """Whether a request that could not be read was for this façade, by its first octets."""
    return _MEANT.match(octets[:2048]) is not None


def _unauthorized(rejected: Rejected) -> dict[str, Any]:
    return {
        "errorDetail": describe(rejected),
        "code": _UNAUTHORIZED,
        "message": "Unauthorized",
        "licenseInfo": "invalid",
        "totalTime": 0,
    }
