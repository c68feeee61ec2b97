"""HTTP as frugal as it can be: an agency's system asks the trunk hundreds of times a second, on two cores for all.

Kept connections, whole answers, no redirects. Whatever goes wrong on the way is ``GoneError``: nobody knows what became
of the request.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import orjson

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ETAG: Final = re.compile(rb'\r\netag: *"([0-9a-f]+)"', re.IGNORECASE)
_ENVELOPE: Final = re.compile(rb"\r\ntrunk-envelope-id: *([0-9a-z-]+)", re.IGNORECASE)
_TROUBLES: Final = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError)
_MOST_HEAD: Final = 2**18
_AWAY_SECONDS: Final = 5.0

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class GoneError(Exception):
    """There is no answer."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whole."""

    status: int
    head: bytes
    octets: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.octets)

    @property
    def etag(self) -> str:
        return self._said(_ETAG)

    @property
    def envelope_id(self) -> str:
        """Of a delivery's octets."""
        return self._said(_ENVELOPE)

    def _said(self, header: re.Pattern[bytes]) -> str:
        found = header.search(self.head)
        return found[1].decode() if found else ""


@dataclass(eq=False)
class Way:
    """The doors of the trunk for one system, the first one being its own: where one does not answer the next one is
    tried, and its own again after a while, as a balancer would."""

    ports: Sequence[int]
    key: str
    seconds: float = 6.0
    _at: int = 0
    _left_at: float = 0.0
    _idle: dict[int, list[Stream]] = field(default_factory=lambda: defaultdict(list))

    async def get(self, path: str, *, seconds: float = 0.0) -> Reply:
        return await self._ask(f"GET {path}", b"", {}, seconds or self.seconds)

    async def post(self, path: str, octets: bytes, content_type: str = "application/json") -> Reply:
        return await self._ask(f"POST {path}", octets, {"Content-Type": content_type}, self.seconds)

    def close(self) -> None:
        for streams in self._idle.values():
            for _, writer in streams:
                writer.close()
        self._idle.clear()

    async def _ask(self, what: str, body: bytes, headers: Mapping[str, str], seconds: float) -> Reply:
        if self._at and time.monotonic() > self._left_at + _AWAY_SECONDS:
            self._at = 0
        port = self.ports[self._at % len(self.ports)]
        at = self._at
        given = {"Host": "x", "Authorization": f"Bearer {self.key}", **headers, "Content-Length": str(len(body))}
        head = "\r\n".join([f"{what} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items()), "", ""])
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(port, head.encode() + body)
        except _TROUBLES as trouble:
            if at == self._at:  # else another request has moved on already
                self._at, self._left_at = at + 1, time.monotonic()
            raise GoneError(type(trouble).__name__) from trouble

    async def _exchange(self, port: int, request: bytes) -> Reply:
        streams = self._idle[port]
        stream = streams.pop() if streams else await asyncio.open_connection("127.0.0.1", port, limit=_MOST_HEAD)
        reader, writer = stream
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            octets = await reader.readexactly(_length(head))
        except BaseException:
            writer.transport.abort()
            raise
        if b"close" in head and b"onnection: close" in head:
            writer.close()
        else:
            streams.append(stream)
        return Reply(int(head[9:12]), head, octets)


def _length(head: bytes) -> int:
    found = _LENGTH.search(head)
    if found is None:
        raise ValueError("an answer without its length")
    return int(found[1])
