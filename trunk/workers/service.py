"""One process of a running trunk: the HTTP server and the loops, started in order and stopped in order.

Orderly stop (SIGTERM, SIGINT): refuse new connections, let running requests finish, stop the loops after the
step each is at, commit what waits, wait for pending confirms, close. What is cut off in spite of that is
repeated after the next start: the ledger knows it.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from trunk.workers import thrifty
from trunk.workers.loops import Loop

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """What one process runs."""

    runner: Callable[[], web.AppRunner]  #: the application with the way it is served
    loops: Sequence[Loop]

    def run(self, listening: socket.socket) -> None:
        """Serve on ``listening`` until SIGTERM or SIGINT; ``trunk_listening`` in the log says where."""
        asyncio.run(self._serve(listening))

    async def _serve(self, listening: socket.socket) -> None:
        stopping = _stop_on_signals()
        runner = self.runner()
        await runner.setup()
        for loop in self.loops:
            loop.start()
        thrifty.collect_seldom()
        try:
            await web.SockSite(runner, listening, backlog=512).start()
            host, port = listening.getsockname()[:2]
            log.info("trunk_listening", host=host, port=port)
            await stopping.wait()
            log.info("trunk_stopping")
        finally:
            await runner.cleanup()
            await asyncio.to_thread(self._stop_loops)
        log.info("trunk_stopped")

    def _stop_loops(self) -> None:
        for loop in self.loops:
            if not loop.stop():
                log.error("loop_did_not_stop", loop=loop.name)


def listen(host: str, port: int, *, shared: bool = False) -> socket.socket:
    """A bound TCP socket; ``shared``: others may listen on its port too (SO_REUSEPORT). Raises ``OSError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
    except OSError:
        listening.close()
        raise
    return listening


def _stop_on_signals() -> asyncio.Event:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping
