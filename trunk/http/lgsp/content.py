"""getEdoc's answer: an edXML message as a text and its files as base64 inside one JSON object, made while it is sent.

Neither the message nor a file is ever whole in memory. If the stored octets are not those that were submitted, the
connection is cut before the object ends: no JSON parser can take that for an answer.
"""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import json
import mmap
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Final, cast

import pybase64
import structlog
from aiohttp import web

from envelopes.attachments import unpack
from envelopes.fields import Notes
from envelopes.limits import Limits
from envelopes.model import Attachment, AttachmentForm
from envelopes.pairing import attachments
from envelopes.payload import PayloadText
from envelopes.skeleton import ParsedXml, parse
from envelopes.unzip import inflate
from trunk.errors import CorruptPayloadError
from trunk.http.content import Octets
from trunk.http.facades import MEDIA_TYPE, spell

log = structlog.get_logger()

_PIECE: Final = 3 * (64 << 10)  # whole groups of base64: no padding but in the last piece of a file
_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file in a message, and how it is sent."""

    name: str
    payload: PayloadText
    form: AttachmentForm

    def chunks(self) -> Iterable[bytes]:
        plain = self.form is AttachmentForm.PLAIN
        return self.payload.chunks() if plain else inflate(self.payload.chunks(), limits=_LIMITS)


@dataclass(slots=True, kw_only=True)
class Mail:
    """A message that is open; ``close`` lets go of its file."""

    octets: Octets
    source: bytes | mmap.mmap
    files: tuple[File, ...] = ()
    held: ExitStack = field(default_factory=ExitStack)

    def close(self) -> None:
        self.held.close()


def open_mail(octets: Octets, *, with_files: bool) -> Mail:
    """The message with its files found, each as it was before it was packed. Raises ``CorruptPayloadError``.

    What was accepted was examined within limits; the same reading stays within them again.
    """
    with ExitStack() as stack:
        source = _source(octets, stack)
        files = tuple(_files(source)) if with_files else ()
        return Mail(octets=octets, source=source, files=files, held=stack.pop_all())


async def send_opened(
    request: web.Request, mail: Mail, fields: Mapping[str, str], *, timeout_seconds: float
) -> web.StreamResponse:
    """The answer. Of unknown length, so chunked: a client sees whether it has all of it."""
    response = web.StreamResponse(headers={"Content-Type": f"{MEDIA_TYPE}; charset=utf-8"})
    pieces = _gathered(_pieces(mail, fields))
    try:
        await response.prepare(request)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            async with asyncio.timeout(timeout_seconds):
                await response.write(piece)
        await response.write_eof()
    except (CorruptPayloadError, OSError, ValueError) as fault:  # also of a connection that is gone
        log.warning("content_cut", fault=type(fault).__name__, sha256=mail.octets.sha256)
        if request.transport is not None:
            request.transport.abort()
    finally:
        with suppress(ValueError):  # a thread is still at it, and lets go by itself
            pieces.close()
            mail.close()
    return response


def _source(octets: Octets, stack: ExitStack) -> bytes | mmap.mmap:
    if isinstance(octets.source, bytes):
        if hashlib.sha256(octets.source).hexdigest() != octets.sha256:
            raise CorruptPayloadError(f"payload {octets.sha256} is damaged")
        return octets.source
    if not octets.source.is_file() or octets.source.stat().st_size != octets.size:
        raise CorruptPayloadError(f"payload {octets.sha256} is damaged or missing")
    file = stack.enter_context(octets.source.open("rb"))
    return stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _files(source: bytes | mmap.mmap) -> Iterator[File]:
    parsed = parse(source)
    if not isinstance(parsed, ParsedXml):
        raise CorruptPayloadError("a message that was accepted is none any more")
    payloads = {payload.sha256: payload for payload in parsed.payloads}
    left = _LIMITS.max_unpacked_octets  # of all files together
    for attachment in attachments(parsed.root, Notes(parsed), only_manifest=False):
        payload = payloads[attachment.sha256]  # same digest: same octets
        form, unpacked = _unpackable(attachment, payload, left)
        left -= unpacked
        packed = form is AttachmentForm.PLAIN is not attachment.form
        yield File(name=f"{attachment.name}.zip" if packed else attachment.name, payload=payload, form=form)


def _unpackable(attachment: Attachment, payload: PayloadText, left: int) -> tuple[AttachmentForm, int]:
    """Whether the file comes out of its archive, seen before anything is sent; else the archive is what is sent."""
    if attachment.form is AttachmentForm.PLAIN:
        return AttachmentForm.PLAIN, 0
    counted, limits = _Counted(), Limits(max_unpacked_octets=max(left, 0))
    fault = unpack(payload, form=attachment.form, into=cast("BinaryIO", counted), limits=limits)
    return (attachment.form if fault is None else AttachmentForm.PLAIN), counted.octets


@dataclass(slots=True)
class _Counted:
    """Takes octets and keeps none."""

    octets: int = 0

    def writelines(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self.octets += len(piece)


def _pieces(mail: Mail, fields: Mapping[str, Any]) -> Iterator[bytes]:
    yield b'{"success":true,"message":"OK","data":' + spell(fields)[:-1] + b',"edxml":"'
    yield from _text(mail)
    yield b'","attachments":['
    for number, file in enumerate(mail.files):
        yield b"," if number else b""
        yield b'{"fileName":' + spell(file.name) + b',"fileContent":"'
        yield from _base64(file.chunks())
        yield b'"}'
    yield b"]}}"


def _text(mail: Mail) -> Iterator[bytes]:
    """The message as the inside of a JSON string; read back and encoded as UTF-8, it is the message octet for octet."""
    digest, decoder = hashlib.sha256(), codecs.getincrementaldecoder("utf-8")()
    for start in range(0, mail.octets.size, _PIECE):
        piece = mail.source[start : start + _PIECE]
        digest.update(piece)
        yield json.dumps(decoder.decode(piece)).encode()[1:-1]
    if digest.hexdigest() != mail.octets.sha256:
        raise CorruptPayloadError(f"payload {mail.octets.sha256} has other octets than were submitted")


def _base64(chunks: Iterable[bytes]) -> Iterator[bytes]:
    held = bytearray()
    for chunk in chunks:
        held += chunk
        whole = len(held) // 3 * 3
        yield pybase64.b64encode(bytes(held[:whole]))
        del held[:whole]
    yield pybase64.b64encode(bytes(held))


def _gathered(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The same in fewer pieces: each costs a thread's hop."""
    held = bytearray()
    for piece in pieces:
        held += piece
        if len(held) >= _PIECE:
            yield bytes(held)
            held.clear()
    yield bytes(held)
