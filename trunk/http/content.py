"""Octets out, exactly as they came in: whole, one range of them, or nothing if the caller has them already.

A whole answer is digested on its way; if the stored octets are not those that were submitted, the connection is
cut before the last piece, so that no client can take it for complete. A slow reader holds a file, never the memory.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

import structlog
from aiohttp import web

from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import CorruptPayloadError
from trunk.http.problems import RefusedError

log = structlog.get_logger()

_PIECE: Final = 256 << 10
_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,18})-(\d{0,18})[ \t]*")
_SEVERAL: Final = re.compile(r"bytes=[\d \t,-]*,[\d \t,-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Octets:
    """What may be sent."""

    source: bytes | Path
    size: int
    sha256: str

    @property
    def etag(self) -> str:
        return f'"{self.sha256}"'

    def headers(self) -> dict[str, str]:
        digest = base64.b64encode(bytes.fromhex(self.sha256)).decode()
        return {"ETag": self.etag, "Repr-Digest": f"sha-256=:{digest}:", "Accept-Ranges": "bytes"}


async def send(
    request: web.Request, octets: Octets, *, headers: Mapping[str, str], timeout_seconds: float
) -> web.StreamResponse:
    """The answer to ``request`` for ``octets``. Raises ``CorruptPayloadError`` while nothing was sent yet."""
    common = {**octets.headers(), **headers}
    if _has_it(request, octets.etag):
        return web.Response(status=304, headers=common)
    _check(octets)
    part = _part(request, octets)
    start, count = part or (0, octets.size)
    if part:
        common["Content-Range"] = f"bytes {start}-{start + count - 1}/{octets.size}"
    status = 206 if part else 200
    if isinstance(octets.source, bytes):
        return web.Response(status=status, headers=common, body=octets.source[start : start + count])
    response = web.StreamResponse(status=status, headers=common)
    response.content_length = count
    await response.prepare(request)
    if request.method != "HEAD":
        await _stream(request, response, _Stretch(octets.source, octets, start, count), timeout_seconds)
    return response


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The part of a file that is sent."""

    file: Path
    octets: Octets
    start: int
    count: int

    @property
    def whole(self) -> bool:
        return self.count == self.octets.size


async def _stream(
    request: web.Request, response: web.StreamResponse, stretch: _Stretch, timeout_seconds: float
) -> None:
    """Once the answer has begun it can only be finished or cut."""
    try:
        async with aclosing(_pieces(stretch)) as pieces:
            async for piece in pieces:
                async with asyncio.timeout(timeout_seconds):
                    await response.write(piece)
        await response.write_eof()
    except (ConnectionError, TimeoutError) as fault:
        log.info("reader_gone", fault=type(fault).__name__)
        _cut(request)
    except (CorruptPayloadError, OSError) as fault:
        log.error("content_cut", fault=type(fault).__name__, sha256=stretch.octets.sha256)  # noqa: TRY400  no traceback
        _cut(request)


async def _pieces(stretch: _Stretch) -> AsyncGenerator[bytes, None]:
    """The stretch, piece by piece; the last piece of a whole only if the digest of all is right."""
    digest, left = hashlib.sha256(), stretch.count
    file = await asyncio.to_thread(stretch.file.open, "rb")
    try:
        file.seek(stretch.start)
        while left:
            piece = await asyncio.to_thread(_read, file, min(left, _PIECE), digest)
            left -= len(piece)
            if not piece or (stretch.whole and not left and digest.hexdigest() != stretch.octets.sha256):
                raise CorruptPayloadError(f"payload {stretch.octets.sha256} has other octets than were submitted")
            yield piece
    finally:
        file.close()


def _read(file: BinaryIO, count: int, digest: hashlib._Hash) -> bytes:
    piece = file.read(count)
    digest.update(piece)
    return piece


def _check(octets: Octets) -> None:
    """What can be seen before the first octet leaves."""
    if isinstance(octets.source, bytes):
        sound = hashlib.sha256(octets.source).hexdigest() == octets.sha256
    else:
        sound = octets.source.is_file() and octets.source.stat().st_size == octets.size
    if not sound:
        raise CorruptPayloadError(f"payload {octets.sha256} is damaged or missing")


def _cut(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _has_it(request: web.Request, etag: str) -> bool:
    """``If-None-Match`` (RFC 9110 13.1.2), compared weakly."""
    named = ",".join(request.headers.getall("If-None-Match", []))
    tags = [tag.strip().removeprefix("W/") for tag in named.split(",")]
    return etag in tags or tags == ["*"]


def _part(request: web.Request, octets: Octets) -> tuple[int, int] | None:
    """Start and count of the range asked for; ``None``: all of it. Leaves by ``RefusedError`` (416)."""
    header = request.headers.get("Range", "")
    if request.method != "GET" or not header:
        return None
    if request.headers.get("If-Range", octets.etag) != octets.etag:
        return None  # the caller's part is of something else
    if _SEVERAL.fullmatch(header):
        raise _unsatisfiable(octets, expected="one range")
    match = _ONE_RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None  # RFC 9110 14.2: a Range that is not understood is ignored
    first, last = match.groups()
    if not first:
        start, end = max(octets.size - int(last), 0), octets.size - 1
    else:
        start, end = int(first), min(int(last), octets.size - 1) if last else octets.size - 1
    if last and first and int(last) < int(first):
        return None  # invalid, not unsatisfiable
    if start > end:
        raise _unsatisfiable(octets, expected=f"a range within {octets.size} octets")
    return start, end - start + 1


def _unsatisfiable(octets: Octets, *, expected: str) -> RefusedError:
    return RefusedError(
        refuse(Code.RANGE_NOT_SATISFIABLE, path="Range", expected=expected),
        headers={"Content-Range": f"bytes */{octets.size}"},
    )
