"""HTTP/1.1 as frugal as it can be: kept connections, whole answers, no redirects.

A client that takes part of the machine it measures, or that is slower than what it measures, measures itself.
Whatever goes wrong on the way is ``GoneError``: nobody knows what became of the request.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import orjson

TROUBLES: Final = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError)
MOST_HEAD: Final = 2**18  #: octets; also how much is read ahead
_PIECE: Final = 2**18

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

    def header(self, name: str) -> str:
        """Its value; empty where there is none."""
        found = _pattern(name).search(self.head)
        return found[1].decode("latin-1").strip() if found else ""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a trunk is."""

    host: str
    port: int
    netloc: str
    prefix: str = ""  #: of every path: a proxy may have put the trunk below one
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """The address that ``url`` names. Raises ``ValueError``."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError(f"{url!r} is no URL of a trunk; write http://127.0.0.1:8080 or https://truc.example.vn")
        if parts.username is not None:
            raise ValueError("a URL with a user name; keys come from files")
        secure = parts.scheme == "https"
        return cls(
            host=parts.hostname,
            port=parts.port or (443 if secure else 80),
            netloc=parts.netloc,
            prefix=parts.path.rstrip("/"),
            tls=ssl.create_default_context() if secure else None,
        )

    async def connect(self) -> Stream:
        """Raises ``OSError``."""
        return await asyncio.open_connection(self.host, self.port, ssl=self.tls, limit=MOST_HEAD)


def head_of(address: Address, what: str, *, key: str, length: int, content_type: str = "") -> bytes:
    """A request's head; ``what``: method and path."""
    method, _, path = what.partition(" ")
    lines = [f"{method} {address.prefix}{path} HTTP/1.1", f"Host: {address.netloc}", f"Content-Length: {length}"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += [f"Content-Type: {content_type}"] if content_type else []
    return "\r\n".join([*lines, "", ""]).encode()


async def exchange(stream: Stream, pieces: Iterable[bytes]) -> Reply:
    """Send ``pieces`` as one request and read its answer. Raises one of ``TROUBLES``."""
    reader, writer = stream
    with suppress(ConnectionError):  # who refuses early may have answered before it closed
        for piece in pieces:
            writer.write(piece)
            if len(piece) >= _PIECE:
                await writer.drain()  # or all of a large document would lie in memory
    head = await reader.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length is not None:
        octets = await reader.readexactly(int(length[1]))
    elif _CHUNKED.search(head):
        octets = await _chunks(reader)
    else:
        raise ValueError("an answer without its length")
    return Reply(int(head[9:12]), head, octets)


def closes(reply: Reply) -> bool:
    """Whether its connection cannot be used again."""
    return b"close" in reply.head and reply.header("Connection").lower() == "close"


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Proxies cut answers into chunks."""
    found = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).partition(b";")[0], 16):
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers
    return bytes(found)


@cache
def _pattern(name: str) -> re.Pattern[bytes]:
    return re.compile(rb"\r\n%b: *([^\r]*)" % re.escape(name.encode()), re.IGNORECASE)


_LENGTH: Final = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
