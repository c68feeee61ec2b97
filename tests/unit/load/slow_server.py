"""A server that answers when it is told to: what a client does meanwhile is what is tested."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from trunk.load.wire import Address

ACCEPTED = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"


@dataclass
class SlowServer:
    """``seconds``: of each answer; ``answer``: to the body of a request."""

    seconds: float = 0.0
    answer: Callable[[bytes], bytes] = lambda _: ACCEPTED
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    tls: ssl.SSLContext | None = None

    @property
    def address(self) -> Address:
        return Address.of(f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[SlowServer]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self.tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length:"))
                body = await reader.readexactly(length)
                self.heads.append(head)
                self.bodies.append(body)
                await asyncio.sleep(self.seconds)
                answer = self.answer(body)
                writer.write(answer)
                if not answer:
                    break
        except (OSError, EOFError):
            pass
        finally:
            writer.close()
