"""Serves the application, and answers even what is no HTTP at all: as a problem, or as a façade's clients need it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Final

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.app import HANDLER_ARGS
from trunk.http.doors import DOORS
from trunk.http.lgsp import replies as lgsp
from trunk.http.middleware import NOTHING_RUNS, SAFE
from trunk.http.problems import problem
from trunk.http.vxp import replies as vxp

log = structlog.get_logger()

_BEGINNING: Final = 2048
_UNREADABLE: Final = {400: Code.BAD_REQUEST, 413: Code.TOO_LARGE}


class Runner(web.AppRunner):
    """An ``AppRunner`` whose connections speak our problems. ``drain_seconds``: for running requests at a stop."""

    def __init__(self, app: web.Application, *, drain_seconds: float) -> None:
        super().__init__(app, handle_signals=False, shutdown_timeout=drain_seconds)
        self._most = app[DOORS].settings.connections_per_peer

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        made = _Server(plain.request_handler, request_factory=plain.request_factory, loop=asyncio.get_running_loop())
        made.most = self._most
        return made


class _Server(web.Server):
    most: int
    peers: Counter[str]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.peers = Counter()

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **HANDLER_ARGS)


class _Connection(RequestHandler):
    __slots__ = ("_begun", "_peer", "_server")

    def __init__(self, server: _Server, **named: Any) -> None:
        super().__init__(server, **named)
        self._server = server
        self._peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One address holds so many connections and no more: those beyond are closed without a word."""
        super().connection_made(transport)
        told = transport.get_extra_info("peername")
        self._peer = str(told[0]) if told else ""
        self._server.peers[self._peer] += 1
        if self._server.peers[self._peer] > self._server.most:
            log.warning("connection_refused", peer_holds=self._server.most)
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It makes room for another."""
        super().connection_lost(exc)
        self._server.peers[self._peer] -= 1
        if not self._server.peers[self._peer]:
            del self._server.peers[self._peer]

    def data_received(self, data: bytes) -> None:
        """Remember how the latest request began: of one that cannot be parsed aiohttp keeps nothing."""
        if data[:1].isupper():
            self._begun = data[:_BEGINNING]
        super().data_received(data)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002  it quotes what was sent
    ) -> web.StreamResponse:
        """Called by aiohttp for what its parser refuses; what handlers raise never comes this far."""
        log.info("request_unreadable", status=status, fault=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun; it cannot become another")
        rejected = refuse(_UNREADABLE.get(status, Code.INTERNAL), expected="HTTP/1.1")
        response = _in_form(request, rejected, getattr(self, "_begun", b""))
        response.headers.update({**SAFE, "Content-Security-Policy": NOTHING_RUNS})
        response.force_close()
        return response


def _in_form(request: web.BaseRequest, rejected: Rejected, begun: bytes) -> web.Response:
    """The refusal in the form of the door that a request which ``begun`` so was for."""
    if lgsp.is_meant(begun):
        return lgsp.failure(rejected)
    operation = vxp.operation_called(begun)
    return problem(request, rejected) if operation is None else vxp.failure(operation, rejected)
