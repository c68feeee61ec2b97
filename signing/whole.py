"""The whole document in canonical form, without its signature, as a stream: payload texts never enter the tree.

``Reference URI=""`` with the enveloped-signature transform. The tree is canonicalized with the stand-ins that
``envelopes.skeleton`` put where the payload texts were, and each text is put back from the source while the digest
runs, in the form that a parser and a canonicalization would have given it. Memory stays flat.

Law: what is streamed here is octet for octet what canonicalizing the fully parsed document would give.
"""

from __future__ import annotations

import copy
import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from envelopes.skeleton import ParsedXml, PayloadText
from signing.policy import EXCLUSIVE

_CANONICAL_RETURN: Final = b"&#xD;"
_USUAL_RETURN: Final = b"&#13;"  # as Java serializers write it
_OTHER_REFERENCE: Final = re.compile(rb"&(?!#xD;)(?:#(?:x([0-9A-Fa-f]+)|([0-9]+));)?")
_CHARACTERS: Final = {9: b"\t", 10: b"\n", 13: _CANONICAL_RETURN, 32: b" "}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything in a message but its one signature."""

    parsed: ParsedXml
    signature: _Element

    def digest(self, algorithm: str, *, canonicalization: str, prefixes: Sequence[str] | None = None) -> bytes:
        """Digest of the canonical form; ``algorithm`` as hashlib names it."""
        digest = hashlib.new(algorithm)
        for octets in self.canonical(canonicalization=canonicalization, prefixes=prefixes):
            digest.update(octets)
        return digest.digest()

    def canonical(self, *, canonicalization: str, prefixes: Sequence[str] | None = None) -> Iterator[bytes]:
        """The canonical form, piece by piece. Only for a message whose payloads decode."""
        markup: bytes = etree.tostring(
            self._without_signature(),
            method="c14n",
            exclusive=canonicalization == EXCLUSIVE,
            with_comments=False,
            inclusive_ns_prefixes=None if prefixes is None else list(prefixes),
        )
        done = 0
        for payload in self.parsed.payloads:
            if payload.stretch is None:
                continue
            stand_in = (payload.element.text or "").encode()
            start = markup.index(stand_in, done)
            yield markup[done:start]
            yield from canonical_text(self._chunks(payload, *payload.stretch))
            done = start + len(stand_in)
        yield markup[done:]

    def _without_signature(self) -> _Element:
        """A copy of the tree in which the signature is gone and the text behind it is not."""
        steps = []
        element = self.signature
        while (parent := element.getparent()) is not None:
            steps.append(parent.index(element))
            element = parent
        if element is not self.parsed.root or not steps:
            raise ValueError("the signature stands in another document")
        root = parent = copy.deepcopy(element)
        for step in reversed(steps[1:]):
            parent = parent[step]
        _remove(parent, steps[0])
        return root

    def _chunks(self, payload: PayloadText, start: int, end: int) -> Iterator[bytes]:
        if payload.content.fault:
            raise ValueError("a payload that does not decode has no canonical form here")
        size = self.parsed.limits.chunk_octets
        for at in range(start, end, size):
            yield self.parsed.source[at : min(at + size, end)]


def _remove(parent: _Element, place: int) -> None:
    tail = parent[place].tail or ""
    if place > 0:
        parent[place - 1].tail = (parent[place - 1].tail or "") + tail
    else:
        parent.text = (parent.text or "") + tail
    del parent[place]


def canonical_text(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Base64 text as it stood between two tags, in canonical form: line ends as LF, references resolved."""
    held = b""
    for chunk in chunks:
        if not held and b"\r" not in chunk and b"&" not in chunk:
            yield chunk
            continue
        text = held + chunk
        whole = _whole(text)
        held = text[whole:]
        yield _resolved(text[:whole])
    yield _resolved(held)


def _whole(text: bytes) -> int:
    """How much of ``text`` can be told without what follows: a line end or a reference may be cut in two."""
    if text.endswith(b"\r"):
        return len(text) - 1
    reference = text.rfind(b"&")
    return len(text) if reference < 0 or text.find(b";", reference) >= 0 else reference


def _resolved(text: bytes) -> bytes:
    if b"\r" in text:
        text = _with_line_feeds(text)
    if b"&" in text:
        text = _OTHER_REFERENCE.sub(_character, text.replace(_USUAL_RETURN, _CANONICAL_RETURN))
    return text


def _with_line_feeds(text: bytes) -> bytes:
    """As XML 1.0 2.11 has it. Lines of one length, as programs write them, take a third of the time."""
    without = text.replace(b"\r", b"")
    returns, first = len(text) - len(without), text.find(b"\r\n")
    length = text.find(b"\r\n", first + 1) - first
    if length > 0 and text[first::length] == b"\r" * returns and text[first + 1 :: length] == b"\n" * returns:
        return without
    return b"\n".join(text.split(b"\r\n")).replace(b"\r", b"\n")


def _character(found: re.Match[bytes]) -> bytes:
    hexadecimal, decimal = found.groups()
    if not hexadecimal and not decimal:
        raise ValueError("not a reference to white space")
    return _CHARACTERS[int(hexadecimal, 16) if hexadecimal else int(decimal)]
