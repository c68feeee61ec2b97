"""The base64 text of one attachment: described once while it streams past, decoded again on demand.

Strict RFC 4648: the alphabet, padding at the end and nowhere else, white space anywhere (lines of 76 are usual;
``&#13;`` is what Java serializers make of a carriage return and counts as white space). At most one chunk of
text and its octets are in memory at a time.
"""

from __future__ import annotations

import hashlib
import mmap
import re
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeAlias

import pybase64
from lxml.etree import _Element

_SPACE: Final = b" \t\r\n"
_REFERENCES: Final = re.compile(rb"&#(?:13|10|9|32|x0*[dDaA9]|x0*20);")
_USUAL_REFERENCE: Final = b"&#13;"
_LONGEST_REFERENCE: Final = 8
_FOREIGN: Final = re.compile(rb"[^A-Za-z0-9+/= \t\r\n]")


class BrokenBase64Error(ValueError):
    """Not base64; ``got`` says why in a word. Never leaves the package."""

    def __init__(self, got: str) -> None:
        super().__init__(got)
        self.got = got


class Decoder:
    """Turns base64 text, fed in chunks, into octets. Raises :class:`BrokenBase64Error`.

    ``parsed``: a parser has resolved references already; what looks like one now is five foreign characters.
    """

    def __init__(self, *, parsed: bool = False) -> None:
        self._parsed = parsed
        self._rest = b""  # of four characters
        self._held = b""  # of a reference
        self._ended = False

    def feed(self, text: bytes) -> bytes:
        """The octets that are complete so far."""
        if not self._parsed and (self._held or b"&" in text):
            text = self._without_references(self._held + text)
        compact = text.replace(b"\n", b"").replace(b"\r", b"")  # together they would take four times as long
        try:
            return self._take(self._rest + compact)
        except BrokenBase64Error:  # other white space, or really broken
            return self._take((self._rest + text).translate(None, _SPACE))

    def finish(self) -> None:
        """To be called at the end of the text."""
        rest = self._rest.translate(None, _SPACE) + self._held
        if rest:
            raise BrokenBase64Error(_reason(rest) or "not a multiple of four characters")

    def _without_references(self, text: bytes) -> bytes:
        """The rest of a reference may come with the next chunk."""
        start = text.rfind(b"&", -_LONGEST_REFERENCE)
        whole = start < 0 or b";" in text[start:]
        text, self._held = (text, b"") if whole else (text[:start], text[start:])
        once = text.replace(_USUAL_REFERENCE, b"")
        if b"&" not in once:
            return once
        return _REFERENCES.sub(b"", text)

    def _take(self, compact: bytes) -> bytes:
        whole = len(compact) // 4 * 4
        octets = self._decode(compact[:whole]) if whole else b""
        self._rest = compact[whole:]
        return octets

    def _decode(self, compact: bytes) -> bytes:
        if self._ended:
            raise BrokenBase64Error("text behind the padding")
        try:
            octets: bytes = pybase64.b64decode(compact, validate=True)
        except (Base64Error, ValueError) as error:
            raise BrokenBase64Error(_reason(compact) or "padding in the middle") from error
        self._ended = compact.endswith(b"=")
        return octets


def _reason(text: bytes) -> str:
    foreign = _FOREIGN.search(text)
    if foreign is None:
        return ""
    return f"character {text[foreign.start() : foreign.start() + 4].decode('utf-8', 'replace')[:1]!r}"


Octets: TypeAlias = bytes | mmap.mmap
_MAGIC_OCTETS: Final = 8
_HEAD_OCTETS: Final = 1024


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of the message's octets that is the text of one payload."""

    source: Octets
    start: int
    end: int
    chunk_octets: int

    def chunks(self) -> Iterator[bytes]:
        for start in range(self.start, self.end, self.chunk_octets):
            yield self.source[start : min(start + self.chunk_octets, self.end)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What streaming past a payload's text told. ``fault`` is empty if it is base64."""

    size: int
    sha256: str
    head: bytes
    line_ends: int
    fault: str
    fault_line_ends: int  #: line ends before the fault


def describe(chunks: Iterable[bytes], *, parsed: bool = False) -> Content:
    """Decodes once, keeping nothing but the description. ``parsed``: as ``Decoder`` has it."""
    decoder, digest = Decoder(parsed=parsed), hashlib.sha256()
    size, head, line_ends, fault, fault_line_ends = 0, b"", 0, "", 0
    for text in chunks:
        if not fault:
            try:
                octets = decoder.feed(text)
            except BrokenBase64Error as error:
                fault, fault_line_ends = error.got, line_ends + _line_ends_before(text)
            else:
                digest.update(octets)
                size += len(octets)
                head = head if len(head) >= _HEAD_OCTETS else (head + octets)[:_HEAD_OCTETS]
        line_ends += text.count(b"\n")
    if not fault:
        try:
            decoder.finish()
        except BrokenBase64Error as error:
            fault, fault_line_ends = error.got, line_ends
    return Content(
        size=size,
        sha256=digest.hexdigest(),
        head=head,
        line_ends=line_ends,
        fault=fault,
        fault_line_ends=fault_line_ends,
    )


def _line_ends_before(text: bytes) -> int:
    foreign = _FOREIGN.search(text)
    return text.count(b"\n", 0, foreign.start()) if foreign else 0


class PayloadText:
    """The content of one ``ContentTransferEncoded``: described, and decoded again as often as wanted."""

    __slots__ = ("_content", "_text", "element")

    def __init__(self, element: _Element, text: Stretch | bytes, content: Content) -> None:
        self.element = element
        self._text = text
        self._content = content

    @property
    def size(self) -> int:
        """Octets after decoding."""
        return self._content.size

    @property
    def sha256(self) -> str:
        """Lower-case hex over the decoded octets."""
        return self._content.sha256

    @property
    def head(self) -> bytes:
        """The first decoded octets, at most 256."""
        return self._content.head

    @property
    def magic(self) -> bytes:
        """The first eight decoded octets."""
        return self._content.head[:_MAGIC_OCTETS]

    @property
    def content(self) -> Content:
        return self._content

    @property
    def stretch(self) -> tuple[int, int] | None:
        """Where in the source the text stands (start, end), if it was set aside: its element then holds a stand-in."""
        return (self._text.start, self._text.end) if isinstance(self._text, Stretch) else None

    def chunks(self) -> Iterator[bytes]:
        """The decoded octets, streamed. Only for a payload of a valid message, while its source is open."""
        decoder = Decoder(parsed=self.stretch is None)
        for text in self._text.chunks() if isinstance(self._text, Stretch) else (self._text,):
            octets = decoder.feed(text)
            if octets:
                yield octets
        decoder.finish()

    def digest(self, algorithm: str) -> bytes:
        """Digest of the decoded octets; ``algorithm`` as hashlib names it. SHA-256 costs nothing."""
        if algorithm == "sha256":
            return bytes.fromhex(self._content.sha256)
        digest = hashlib.new(algorithm)
        for octets in self.chunks():
            digest.update(octets)
        return digest.digest()


def inline(element: _Element) -> PayloadText:
    """A payload whose text stayed in the tree."""
    text = (element.text or "").encode("utf-8")
    return PayloadText(element, text, describe((text,), parsed=True))
