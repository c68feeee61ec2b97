"""The doorway that every request passes: an id, a stop-watch, and a problem instead of whatever went wrong."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web

from trunk.domain.outcome import Rejected
from trunk.http.doors import DOORS, METERS
from trunk.http.problems import REQUEST_ID, RefusedError, codes, problem, rejected_by_aiohttp, rejected_by_fault

log = structlog.get_logger()

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

REQUEST_ID_HEADER: Final = "Trunk-Request-Id"
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

SAFE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Server": "edoc-trunk",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
)
NOTHING_RUNS: Final = "default-src 'none'; frame-ancestors 'none'"


@web.middleware
async def doorway(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer, whatever happens."""
    request[REQUEST_ID] = request.app[DOORS].new_id()
    seconds = asyncio.get_running_loop().time
    started = seconds()
    with structlog.contextvars.bound_contextvars(request_id=request[REQUEST_ID]):
        response = await _answer(request, handler)
        _count(request, response, seconds() - started)
    return response


async def safe_headers(request: web.Request, response: web.StreamResponse) -> None:
    """What every answer carries."""
    response.headers.update(SAFE)
    response.headers.setdefault("Content-Security-Policy", NOTHING_RUNS)
    if REQUEST_ID in request:
        response.headers[REQUEST_ID_HEADER] = request[REQUEST_ID]


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except RefusedError as refused:
        response = _refuse(request, refused.rejected, refused.headers)
        if refused.unread is not None:
            response.force_close()
        return response
    except web.HTTPException as fault:
        return _refuse(request, *rejected_by_aiohttp(fault))
    except Exception as fault:  # noqa: BLE001  the outermost door: a fault becomes a problem, never a traceback
        return _refuse(request, explain(fault), {})


def _refuse(request: web.Request, rejected: Rejected, headers: Mapping[str, str]) -> web.Response:
    found = codes(rejected.flaws)
    request.app[METERS].rejected(found)
    log.info("request_refused", codes=found)
    return problem(request, rejected, headers=headers)


def explain(fault: Exception) -> Rejected:
    """What an outsider learns of a fault. Logged: type and place only, its text may quote what a caller sent."""
    rejected = rejected_by_fault(fault)
    last = traceback.extract_tb(fault.__traceback__)[-1:]
    place = f"{last[0].filename.rpartition('/')[2]}:{last[0].lineno}" if last else ""
    write = log.warning if getattr(fault, "temporary", False) else log.error
    write("request_failed", fault=type(fault).__name__, cause=type(fault.__cause__).__name__, place=place)
    return rejected


def _count(request: web.Request, response: web.StreamResponse, seconds: float) -> None:
    resource = request.match_info.route.resource
    request.app[METERS].answered(
        method=request.method if request.method in _METHODS else "other",
        route=resource.canonical if resource is not None else "none",
        status=response.status,
        seconds=seconds,
    )
    log.debug("request_answered", status=response.status, milliseconds=round(seconds * 1000, 1))
