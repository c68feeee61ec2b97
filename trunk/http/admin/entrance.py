"""Lets operators in: by a key of theirs, asked for at each request, so that a revoked one ends at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import structlog
from aiohttp import web

from trunk.domain.control import OperatorKey, Role
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.admin import asides, dead_letters, deliveries, health, replays
from trunk.http.admin.control import Control, Shares
from trunk.http.authentication import CHALLENGE, bearer
from trunk.http.description import AdminRoute
from trunk.http.doors import DOORS, METERS, OPERATING, AdminCall
from trunk.http.problems import RefusedError
from trunk.http.strangers import LINES

SHARES: Final = web.AppKey("shares", Shares)

ROUTES: Final = (*deliveries.ROUTES, *replays.ROUTES, *dead_letters.ROUTES, *asides.ROUTES, *health.ROUTES)


async def enter(
    request: web.Request, route: AdminRoute, check_query: Callable[[web.Request, AdminRoute], None]
) -> web.StreamResponse:
    """The answer for an operator whose role allows it. Leaves by ``RefusedError`` for everybody else."""
    control = request.app[DOORS].control
    if control is None:
        raise RefusedError(refuse(Code.NOT_FOUND))
    operator = await admit(request, control)
    structlog.contextvars.bind_contextvars(operator=operator.operator)
    if route.role is Role.ADMINISTRATOR and operator.role is not Role.ADMINISTRATOR:
        raise RefusedError(refuse(Code.OPERATOR_ROLE, expected=Role.ADMINISTRATOR, got=operator.role))
    check_query(request, route)
    with request.app[SHARES].held(operator.operator):
        return await route.handle(
            AdminCall(
                request=request,
                doors=request.app[DOORS],
                offload=request.app[OPERATING],
                meters=request.app[METERS],
                control=control,
                operator=operator,
            )
        )


async def admit(request: web.Request, control: Control) -> OperatorKey:
    """The operator whose key the request shows, of whatever role. Leaves by ``RefusedError`` (401)."""
    shown = bearer(request) or ""
    lines = request.app[LINES]
    line = lines.strangers if lines.known_as(shown) is None else request.app[OPERATING]
    found = await line.run(lambda: control.operators.authenticate(shown))
    lines.note(None if isinstance(found, Rejected) else found.operator, shown)
    if isinstance(found, Rejected):
        raise RefusedError(found, headers=CHALLENGE)
    return found
