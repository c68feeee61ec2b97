"""The façade's door: which operation is meant, who calls, and an answer in LGSP's form whatever happens inside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import structlog
from aiohttp import web

from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.doors import DOORS, METERS, OFFLOAD, Call, Visit
from trunk.http.facades import drained
from trunk.http.lgsp import agencies, receiving, sending
from trunk.http.lgsp.doors import MEANS, Means, Turn
from trunk.http.lgsp.guard import Guard
from trunk.http.lgsp.login import log_in
from trunk.http.lgsp.replies import failure
from trunk.http.middleware import explain
from trunk.http.problems import REQUEST_ID, RefusedError, codes, rejected_by_aiohttp
from trunk.http.submitting import spool

log = structlog.get_logger()

Handle = Callable[[Turn], Awaitable[web.StreamResponse]]

PATHS: Final = ("/lgsp", "/lgsp/{operation:.*}")
GUARD: Final = web.AppKey("lgsp_guard", Guard)
DRAIN_SECONDS: Final = 30.0

_MAX_SMALL_BODY: Final = 64 << 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of LGSP's. ``handle`` is None where nobody has shown yet who he is."""

    handle: Handle | None
    method: str
    with_file: bool = False


OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "v1/auth/login": Operation(handle=None, method="POST"),
        "v1/sendEdoc": Operation(handle=sending.send, method="POST", with_file=True),
        "v1/syncReceivedEdocList": Operation(handle=receiving.list_received, method="GET"),
        "v1/getEdoc": Operation(handle=receiving.fetch, method="GET"),
        "v1/updateStatus": Operation(handle=receiving.update, method="POST"),
        "v1/getAgenciesList": Operation(handle=agencies.list_all, method="GET"),
        "v1/registerAgency": Operation(handle=agencies.register, method="POST"),
    }
)


def facade(means: Means) -> Callable[[web.Application], None]:
    """What puts the façade into an application."""

    def mount(app: web.Application) -> None:
        app[MEANS] = means
        app[GUARD] = Guard(tokens=means.tokens, logins=means.logins, recogniser=means.recogniser, offload=app[OFFLOAD])
        for path in PATHS:
            app.router.add_route("*", path, _enter, expect_handler=_expect)

    return mount


async def _expect(_: web.Request) -> None:
    """``Expect: 100-continue`` is answered by ``trunk.http.spool``."""


async def _enter(request: web.Request) -> web.StreamResponse:
    """Answer, whatever happens."""
    try:
        return await _perform(request)
    except RefusedError as refused:
        return await _refuse(request, refused.rejected, refused.headers)
    except web.HTTPException as fault:
        return await _refuse(request, *rejected_by_aiohttp(fault))
    except Exception as fault:  # noqa: BLE001  the outermost door: a fault becomes an answer, never a traceback
        return await _refuse(request, explain(fault), {})


async def _perform(request: web.Request) -> web.StreamResponse:
    name = request.match_info.get("operation", "").strip("/")
    operation = OPERATIONS.get(name)
    if operation is None:
        raise RefusedError(refuse(Code.NOT_FOUND, path="operation", got=name))
    if request.method != operation.method:
        refused = refuse(Code.METHOD_NOT_ALLOWED, expected=operation.method, got=request.method)
        raise RefusedError(refused, headers={"Allow": operation.method})
    app, body = request.app, b"" if operation.with_file else await _small_body(request)
    if operation.handle is None:
        return await log_in(_visit(request), app[MEANS], body)
    caller = await app[GUARD].admit(request)
    structlog.contextvars.bind_contextvars(system=caller.system)
    offload = app[OFFLOAD].of(caller.system)
    call = Call(request=request, doors=app[DOORS], offload=offload, meters=app[METERS], caller=caller)
    return await operation.handle(Turn(call=call, means=app[MEANS], body=body))


def _visit(request: web.Request) -> Visit:
    app = request.app
    return Visit(request=request, doors=app[DOORS], offload=app[OFFLOAD], meters=app[METERS])


async def _small_body(request: web.Request) -> bytes:
    """Read before anything is decided, so that the connection is good for the next request."""
    types = (request.content_type,)
    async with spool(_visit(request), max_octets=_MAX_SMALL_BODY).admit(request, types=types) as body:
        return body.read()


async def _refuse(request: web.Request, rejected: Rejected, headers: Mapping[str, str]) -> web.StreamResponse:
    found = codes(rejected.flaws)
    request.app[METERS].rejected(found)
    log.info("request_refused", codes=found)
    response = failure(rejected, request_id=request.get(REQUEST_ID, ""))
    response.headers.update(headers)
    if not await drained(request, seconds=DRAIN_SECONDS):
        response.force_close()
    return response
