"""Serves the application, and answers even what is no HTTP at all: as a problem, or as a façade's clients need it."""

from __future__ import annotations

import asyncio
import socket
import struct
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
from trunk.http.open_files import allowed, connections_within, most_of_one
from trunk.http.problems import problem
from trunk.http.vxp import replies as vxp

log = structlog.get_logger()

_BEGINNING: Final = 2048
_AT_ONCE: Final = struct.pack("ii", 1, 0)
_STEP: Final = (
    256 << 10
)  #: octets of an answer that are taken within the time that a body may take, or all that are left
_UNREADABLE: Final = {400: Code.BAD_REQUEST, 413: Code.TOO_LARGE}


class Runner(web.AppRunner):
    """An ``AppRunner`` whose connections speak our problems. ``drain_seconds``: for running requests at a stop."""

    def __init__(self, app: web.Application, *, drain_seconds: float) -> None:
        super().__init__(app, handle_signals=False, shutdown_timeout=drain_seconds)
        self._settings = app[DOORS].settings

    async def _make_server(self) -> web.Server:
        plain = await super()._make_server()
        made = _Server(plain.request_handler, request_factory=plain.request_factory, loop=asyncio.get_running_loop())
        made.most_in_all = connections_within(allowed())
        made.most = most_of_one(self._settings.connections_per_peer, made.most_in_all)
        made.patience = self._settings.body_timeout_seconds
        return made


class _Server(web.Server):
    most: int  #: connections of one address
    most_in_all: int
    patience: float  #: seconds with who does not read
    peers: Counter[str]
    held: int = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.peers = Counter()

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **HANDLER_ARGS)


class _Connection(RequestHandler):
    __slots__ = ("_begun", "_looking", "_peer", "_server")

    def __init__(self, server: _Server, **named: Any) -> None:
        super().__init__(server, **named)
        self._server = server
        self._peer = ""
        self._looking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """One address holds so many connections, and so many all together: those beyond are closed without a word."""
        super().connection_made(transport)
        if isinstance(transport, asyncio.WriteTransport):
            transport.set_write_buffer_limits(high=0)  # so that we learn of every octet that is not taken at once
        self._server.held += 1
        told = transport.get_extra_info("peername")
        self._peer = str(told[0]) if told else ""
        self._server.peers[self._peer] += 1
        of_one, in_all = self._server.peers[self._peer], self._server.held
        if of_one > self._server.most or in_all > self._server.most_in_all:
            log.warning("connection_refused", peer_holds=of_one - 1, all_hold=in_all - 1)
            transport.close()

    def connection_lost(self, exc: BaseException | None) -> None:
        """It makes room for another."""
        super().connection_lost(exc)
        self._look_no_more()
        self._server.held -= 1
        self._server.peers[self._peer] -= 1
        if not self._server.peers[self._peer]:
            del self._server.peers[self._peer]

    def pause_writing(self) -> None:
        """Not all was taken at once: from now on it has to get less and less, or the connection is cut.

        aiohttp waits without end for who asks and does not read, and so does a transport that is closed.
        """
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        """All was taken."""
        super().resume_writing()
        self._look_no_more()

    def _look_later(self) -> None:
        if self.transport is not None:
            left = self.transport.get_write_buffer_size()
            self._looking = self._loop.call_later(self._server.patience, self._look, self.transport, left)

    def _look(self, transport: asyncio.Transport, before: int) -> None:
        if transport.get_write_buffer_size() <= before - _STEP:
            self._look_later()
            return
        log.info("reader_gone", fault="does not read")
        held: socket.socket = transport.get_extra_info("socket")
        held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)  # else the kernel keeps what nobody takes
        transport.abort()

    def _look_no_more(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None

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
