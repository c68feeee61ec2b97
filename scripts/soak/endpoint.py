"""Endpoints of agencies in mode ``push``: one server for all of them, HTTP by hand, so that nothing is too rude."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol

_TROUBLES: Final = (OSError, EOFError, asyncio.LimitOverrunError)
_HEADER: Final = re.compile(rb"\r\n([^:\r\n]+): *([^\r\n]*)")


class Witness(Protocol):
    """Who is told what came."""

    def stored(self, agency: str, delivery_id: str, envelope_id: str, sha256: str) -> None: ...

    def took_word(self, agency: str, delivery_id: str) -> None: ...


@dataclass(eq=False)
class Desk:
    """One agency's endpoint."""

    agency: str
    oracle: Witness
    chance: random.Random
    mood: str = ""  #: what it does wrong; empty: nothing
    share: float = 1.0  #: of requests that it does it to


@dataclass(eq=False)
class Endpoint:
    """The server."""

    desks: dict[str, Desk] = field(default_factory=dict)  #: by path
    port: int = 0
    _server: asyncio.Server | None = None

    async def open(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(*_TROUBLES):
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        desk = self.desks[head.split(b" ", 2)[1].decode()]
        headers = {name.lower().decode(): value.decode() for name, value in _HEADER.findall(head)}
        mood = desk.mood if desk.chance.random() < desk.share else ""
        if mood == "gone":
            writer.transport.abort()
            return
        body = await reader.readexactly(int(headers["content-length"]))
        if mood == "slow":
            await asyncio.sleep(desk.chance.uniform(1, 3))
        if mood == "500":
            await _say(writer, 500, b"{}")
            return
        delivery, digest = headers["trunk-delivery-id"], hashlib.sha256(body).hexdigest()
        desk.oracle.stored(desk.agency, delivery, headers["trunk-envelope-id"], digest)
        if mood == "wrong":
            await _say(writer, 200, json.dumps({"sha256": "0" * 64}).encode())
            return
        if mood == "cut":  # it has stored the envelope, and the answer is lost
            writer.transport.abort()
            return
        await _say(writer, 200, json.dumps({"sha256": digest}).encode())
        desk.oracle.took_word(desk.agency, delivery)


async def _say(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    lines = (
        f"HTTP/1.1 {status} X",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    writer.write("\r\n".join((*lines, "", "")).encode() + body)
    await writer.drain()
