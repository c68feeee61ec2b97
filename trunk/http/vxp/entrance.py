"""The façade's door: which operation is meant, who calls, and an answer in VXP's form whatever happens inside."""

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
from trunk.http.middleware import explain
from trunk.http.problems import REQUEST_ID, RefusedError, codes, rejected_by_aiohttp
from trunk.http.strangers import LINES
from trunk.http.submitting import spool
from trunk.http.vxp import agencies, receiving, sending
from trunk.http.vxp.doors import MEANS, Means, Turn
from trunk.http.vxp.guard import Guard
from trunk.http.vxp.replies import failure

log = structlog.get_logger()

Handle = Callable[[Turn], Awaitable[web.StreamResponse]]

PATHS: Final = ("/vxp", "/vxp/{operation:.*}")
GUARD: Final = web.AppKey("vxp_guard", Guard)

_MAX_SMALL_BODY: Final = 64 << 10
DRAIN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One of VXP's. What only reads is answered to GET as well: clients and their documentation disagree."""

    handle: Handle
    methods: frozenset[str] = frozenset({"POST", "GET"})
    with_file: bool = False


_CHANGES: Final = frozenset({"POST"})
OPERATIONS: Final[Mapping[str, Operation]] = MappingProxyType(
    {
        "sendEdoc": Operation(handle=sending.send, methods=_CHANGES, with_file=True),
        "getReceivedEdocList": Operation(handle=receiving.list_received),
        "getSentEdocList": Operation(handle=sending.list_sent),
        "getEdoc": Operation(handle=receiving.fetch),
        "downloadEdoc": Operation(handle=receiving.download),
        "updateStatus": Operation(handle=receiving.update, methods=_CHANGES),
        "countReceiveEdoc": Operation(handle=receiving.count_documents),
        "countReceiveStatus": Operation(handle=receiving.count_statuses),
        "getAgenciesList": Operation(handle=agencies.list_all),
        "getAgenciesListQD20": Operation(handle=agencies.list_new_codes),
        "getSynchronizeUnit": Operation(handle=agencies.list_changed),
        "registerAgency": Operation(handle=agencies.register, methods=_CHANGES),
        "deleteAgency": Operation(handle=agencies.close, methods=_CHANGES),
    }
)


def facade(means: Means) -> Callable[[web.Application], None]:
    """What puts the façade into an application."""

    def mount(app: web.Application) -> None:
        app[MEANS] = means
        app[GUARD] = Guard(recogniser=means.recogniser, lines=app[LINES], now=app[DOORS].now)
        for path in PATHS:
            app.router.add_route("*", path, _enter, expect_handler=_expect)

    return mount


async def _expect(_: web.Request) -> None:
    """``Expect: 100-continue`` is answered by ``trunk.http.spool``."""


async def _enter(request: web.Request) -> web.StreamResponse:
    """Answer, whatever happens."""
    name = request.match_info.get("operation", "").strip("/")
    try:
        return await _perform(request, name)
    except RefusedError as refused:
        return await _refuse(request, name, refused.rejected)
    except web.HTTPException as fault:
        return await _refuse(request, name, rejected_by_aiohttp(fault)[0])
    except Exception as fault:  # noqa: BLE001  the outermost door: a fault becomes an answer, never a traceback
        return await _refuse(request, name, explain(fault))


async def _perform(request: web.Request, name: str) -> web.StreamResponse:
    operation = OPERATIONS.get(name)
    if operation is None:
        raise RefusedError(refuse(Code.NOT_FOUND, path="operation", got=name))
    if request.method not in operation.methods:
        raise RefusedError(refuse(Code.METHOD_NOT_ALLOWED, expected="POST", got=request.method))
    body = b"" if operation.with_file else await _small_body(request)
    caller, signed = await request.app[GUARD].admit(request, with_file=operation.with_file)
    structlog.contextvars.bind_contextvars(system=caller.system)
    call = Call(
        request=request,
        doors=request.app[DOORS],
        offload=request.app[OFFLOAD].of(caller.system),
        meters=request.app[METERS],
        caller=caller,
    )
    return await operation.handle(Turn(call=call, means=request.app[MEANS], signed=signed, body=body))


async def _small_body(request: web.Request) -> bytes:
    """``{}``, mostly. Read before anything is decided, so that the connection is good for the next request."""
    visit = Visit(request=request, doors=request.app[DOORS], offload=request.app[OFFLOAD], meters=request.app[METERS])
    async with spool(visit, max_octets=_MAX_SMALL_BODY).admit(request, types=(request.content_type,)) as body:
        return body.read()


async def _refuse(request: web.Request, name: str, rejected: Rejected) -> web.StreamResponse:
    found = codes(rejected.flaws)
    request.app[METERS].rejected(found)
    log.info("request_refused", codes=found)
    response = failure(name, rejected, request_id=request.get(REQUEST_ID, ""))
    if not await drained(request, seconds=DRAIN_SECONDS):
        response.force_close()
    return response
