"""getEdoc's answer: an edXML file as base64 in the middle of a JSON object, made while it is sent.

A large file is never whole in memory. If the stored octets are not those that were submitted, the connection is cut
before the last piece: the client's JSON parser cannot take that for an answer, and the client asks again.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Final

import pybase64
import structlog
from aiohttp import web

from trunk.errors import CorruptPayloadError
from trunk.http.content import Octets
from trunk.http.facades import MEDIA_TYPE, spell
from trunk.http.vxp.replies import envelope

log = structlog.get_logger()

_PIECE: Final = 3 * (64 << 10)  # whole groups of base64: no padding but in the last piece


async def send_encoded(
    request: web.Request, octets: Octets, *, doc_id: str, timeout_seconds: float
) -> web.StreamResponse:
    """The answer with ``octets`` in ``data``. Raises ``CorruptPayloadError`` while nothing was sent yet."""
    head, tail = _frame(doc_id)
    if isinstance(octets.source, bytes):
        if hashlib.sha256(octets.source).hexdigest() != octets.sha256:
            raise CorruptPayloadError(f"payload {octets.sha256} is damaged")
        body = head + pybase64.b64encode(octets.source) + tail
        return web.Response(body=body, content_type=MEDIA_TYPE, charset="utf-8")
    if not octets.source.is_file() or octets.source.stat().st_size != octets.size:
        raise CorruptPayloadError(f"payload {octets.sha256} is damaged or missing")
    response = web.StreamResponse(headers={"Content-Type": f"{MEDIA_TYPE}; charset=utf-8"})
    response.content_length = len(head) + 4 * ((octets.size + 2) // 3) + len(tail)
    await response.prepare(request)
    try:
        async with aclosing(_pieces(octets.source, octets, head, tail)) as pieces:
            async for piece in pieces:
                async with asyncio.timeout(timeout_seconds):
                    await response.write(piece)
        await response.write_eof()
    except (ConnectionError, TimeoutError, CorruptPayloadError, OSError) as fault:
        log.warning("content_cut", fault=type(fault).__name__, sha256=octets.sha256)
        if request.transport is not None:
            request.transport.abort()
    return response


def _frame(doc_id: str) -> tuple[bytes, bytes]:
    """What stands before and behind the base64."""
    marked = spell({**envelope(doc_id=doc_id), "data": "@"})
    head, _, tail = marked.rpartition(b"@")
    return head, tail


async def _pieces(file: Path, octets: Octets, head: bytes, tail: bytes) -> AsyncGenerator[bytes, None]:
    yield head
    digest, left = hashlib.sha256(), octets.size
    source = await asyncio.to_thread(file.open, "rb")
    try:
        while left:
            piece = await asyncio.to_thread(source.read, min(left, _PIECE))
            digest.update(piece)
            left -= len(piece)
            if not piece or (not left and digest.hexdigest() != octets.sha256):
                raise CorruptPayloadError(f"payload {octets.sha256} has other octets than were submitted")
            yield pybase64.b64encode(piece)
    finally:
        source.close()
    yield tail
