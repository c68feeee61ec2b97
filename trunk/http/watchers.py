"""Who may see the meters, which tell how each agency's delivery goes: this machine, named addresses, operators.

What was brought by a proxy has the proxy's address, so its address says nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog
from aiohttp import web

from trunk.application.pushing import Figures
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import TrunkError
from trunk.http.admin.entrance import admit
from trunk.http.authentication import bearer
from trunk.http.doors import DOORS, Visit
from trunk.http.problems import RefusedError

log = structlog.get_logger()

FRESH_SECONDS: Final = 1.0
_BROUGHT: Final = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


async def require_watcher(request: web.Request) -> None:
    """Return for who may see the meters. Leaves by ``RefusedError`` for others: 403, or 401 with a wrong key."""
    doors = request.app[DOORS]
    if is_near(request, doors.settings.metrics_from):
        return
    if doors.control is None or bearer(request) is None:
        raise RefusedError(refuse(Code.NOT_WATCHER, path="/metrics"))
    await admit(request, doors.control)


def is_near(request: web.BaseRequest, networks: Iterable[str]) -> bool:
    """Whether it comes from this machine or one of ``networks``, and straight from there."""
    if request.remote is None or any(name in request.headers for name in _BROUGHT):
        return False
    address = ipaddress.ip_address(request.remote)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback or any(address in ipaddress.ip_network(network) for network in networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the ledger counts for the meters; ``depth`` is None where it did not answer."""

    depth: Mapping[str, int] | None
    figures: Sequence[Figures]


@dataclass(slots=True)
class Counts:
    """Counts once a second, however many look."""

    _found: Counted | None = field(default=None, init=False)
    _until: float = field(default=0.0, init=False)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, init=False)

    async def get(self, visit: Visit) -> Counted:
        """At most a second old."""
        seconds = asyncio.get_running_loop().time
        async with self._turn:
            if self._found is None or seconds() >= self._until:
                self._found = await _count(visit)
                self._until = seconds() + FRESH_SECONDS
            return self._found


async def _count(visit: Visit) -> Counted:
    try:
        depth = await visit.offload.run(visit.doors.depth)
        return Counted(depth=depth, figures=await visit.offload.run(visit.doors.push_figures))
    except TrunkError as fault:
        log.warning("depth_not_counted", fault=type(fault).__name__)
        return Counted(depth=None, figures=())


COUNTS: Final = web.AppKey("counts", Counts)
