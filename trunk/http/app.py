"""The HTTP service: every request gets an id, every refusal and every fault becomes a problem, every answer is counted.

``make_app`` builds the application from its doors; ``trunk.http.runner`` serves it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any, Final

import structlog
from aiohttp import http_parser, web

from trunk.http import (
    agencies,
    confirmations,
    deliveries,
    envelopes,
    inbox,
    openapi,
    operations,
    reports,
    signatures,
    statuses,
    validate,
)
from trunk.http.admin import entrance as operators_entrance
from trunk.http.admin.control import Shares
from trunk.http.admission import GATE, Gate
from trunk.http.authentication import Doorman
from trunk.http.description import AdminRoute, OpenRoute, Route
from trunk.http.doors import DOORS, METERS, OFFLOAD, OPERATING, WATCH, Call, Doors, Visit
from trunk.http.metrics import Meters
from trunk.http.middleware import Handler, doorway, safe_headers
from trunk.http.offload import Offload
from trunk.http.parameters import NoQuery, read_query
from trunk.http.spool import sweep
from trunk.http.strangers import LINES, THREADS, Lines
from trunk.http.watchers import COUNTS, Counts

__all__ = ["Doors", "make_app", "routes"]

log = structlog.get_logger()

DOORMAN: Final = web.AppKey("doorman", Doorman)

# A peer that says nothing, or its headers a letter at a time, is cut after ``keepalive_timeout``.
HANDLER_ARGS: Final[dict[str, Any]] = {
    "keepalive_timeout": 20.0,
    "lingering_time": 2.0,
    "auto_decompress": False,  # a compressed body is refused, not inflated
    "max_line_size": 8_190,
    "max_field_size": 16_380,  # VXP clients sign a list of several hundred receivers inside one header
    "max_headers": 64,
    "access_log": None,
}


@cache
def routes() -> tuple[Route | AdminRoute | OpenRoute, ...]:
    """Every route of the service."""
    described = (
        *envelopes.ROUTES,
        *signatures.ROUTES,
        *validate.ROUTES,
        *inbox.ROUTES,
        *deliveries.ROUTES,
        *confirmations.ROUTES,
        *statuses.ROUTES,
        *agencies.ROUTES,
        *reports.ROUTES,
        *operations.ROUTES,
        *operators_entrance.ROUTES,
    )
    return (*described, *openapi.routes(described))


def make_app(doors: Doors, *facades: Callable[[web.Application], None]) -> web.Application:
    """The application; nothing runs and no folder is made before its start-up. ``facades`` add their own routes."""
    app = web.Application(middlewares=[doorway], handler_args=HANDLER_ARGS)
    app[DOORS] = doors
    app[METERS] = Meters()
    settings = doors.settings
    app[OFFLOAD] = Offload(threads=settings.threads, waiting=settings.waiting, share=settings.sender_share)
    app[LINES] = Lines(offload=app[OFFLOAD], strangers=Offload(threads=THREADS, waiting=settings.waiting))
    app[GATE] = Gate(settings=doors.settings, folder=doors.spool_folder)
    app[WATCH] = Offload(threads=4, waiting=64)
    app[OPERATING] = Offload(threads=2, waiting=16)
    app[operators_entrance.SHARES] = Shares()
    app[COUNTS] = Counts()
    app.on_response_prepare.append(safe_headers)
    app.cleanup_ctx.append(_run)
    app.on_shutdown.append(_let_go)
    for route in routes():
        for method in ("GET", "HEAD") if route.method == "GET" else (route.method,):
            app.router.add_route(method, route.path, _entrance(route), expect_handler=_expect)
    for mount in facades:
        mount(app)
    return app


async def _run(app: web.Application) -> AsyncIterator[None]:
    """Start-up: the parser, the spool folder, the doorman. Clean-up: the threads finish what they are at."""
    if not _parser_is_compiled():
        log.error("http_parser_not_compiled", remedy="install an aiohttp wheel with its C extensions")
    doors = app[DOORS]
    stale = doors.now().timestamp() - 2 * doors.settings.body_timeout_seconds
    removed = await asyncio.to_thread(sweep, doors.spool_folder, older_than=stale)
    if removed:
        log.warning("stale_spool_files_removed", files=removed)
    app[DOORMAN] = Doorman(registry=doors.registry, lines=app[LINES], seconds=asyncio.get_running_loop().time)
    yield
    for pool in (app[OFFLOAD], app[LINES].strangers, app[WATCH], app[OPERATING]):
        await asyncio.to_thread(pool.close)


async def _let_go(app: web.Application) -> None:
    """The trunk is stopping: long-polls answer now with what they have."""
    app[DOORS].waiting_room.close()


def _parser_is_compiled() -> bool:
    """aiohttp's pure-Python parser is right on fewer of the framing tricks."""
    return http_parser.HttpRequestParser is not http_parser.HttpRequestParserPy


async def _expect(_: web.Request) -> None:
    """``Expect: 100-continue`` is answered by ``trunk.http.spool``, after the headers were found good."""


def _entrance(route: Route | AdminRoute | OpenRoute) -> Handler:
    """The handler as the router wants it: authenticated where it must be, without parameters that nobody declared."""

    async def enter(request: web.Request) -> web.StreamResponse:
        doors, meters = request.app[DOORS], request.app[METERS]
        if isinstance(route, OpenRoute):
            _check_query(request, route)
            visit = Visit(request=request, doors=doors, offload=request.app[WATCH], meters=meters)
            return await route.handle(visit)
        if isinstance(route, AdminRoute):
            return await operators_entrance.enter(request, route, _check_query)
        caller = await request.app[DOORMAN].admit(request)
        structlog.contextvars.bind_contextvars(system=caller.system)
        _check_query(request, route)
        offload = request.app[OFFLOAD].of(caller.system)
        call = Call(request=request, doors=doors, offload=offload, meters=meters, caller=caller)
        return await route.handle(call)

    return enter


def _check_query(request: web.Request, route: Route | AdminRoute | OpenRoute) -> None:
    """A route that declares parameters reads them itself."""
    if route.operation.query is None:
        read_query(request, NoQuery)
