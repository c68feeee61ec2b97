"""The only XML parser of the house: octets in, a checked tree or one fault out; nothing is ever fetched.

Law: whatever this module lets through is UTF-8, without DTD, processing instruction, XInclude or
schema-instance attribute, within the limits of depth, elements, attributes and namespaces, and without a
comment inside a value. Everything later (schema, canonicalization, reading) relies on it, so the scan of the
shape comes before anything else touches the tree. Nothing is removed or repaired: what is wrong is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from lxml import etree
from lxml.etree import _Element

from envelopes import shape
from envelopes.errors import EnvelopeCode
from envelopes.limits import Limits
from envelopes.places import shorten
from envelopes.shape import BOM, Refusal

_DECLARATION: Final = re.compile(rb"<\?xml[ \t\r\n][^>]{0,200}?\?>")
_ENCODING: Final = re.compile(rb"encoding[ \t\r\n]*=[ \t\r\n]*[\"']([^\"']{1,40})[\"']")
_PREMATURE_END: Final = frozenset({73, 74, 77})  # libxml2: '>', '</' or an end tag was still to come
_SPACE: Final = b" \t\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A tree that kept every rule of this module."""

    root: _Element
    elements: tuple[_Element, ...]  #: in document order; lxml makes each anew, at a price, unless somebody holds it
    has_comments: bool


def parse(octets: bytes, *, limits: Limits) -> Tree | Refusal:
    """The checked tree of ``octets``, or the first thing that is wrong with them."""
    return _look(octets, limits) or _build(octets, limits)


def opening(octets: bytes) -> Refusal | None:
    """What the first octets of a message already give away."""
    if not octets.strip(_SPACE) or octets.strip(_SPACE) == BOM:
        return Refusal(code=EnvelopeCode.EMPTY, offset=0, expected="an edXML message")
    if octets.startswith((b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")) or b"\0" in octets[:4]:
        return Refusal(code=EnvelopeCode.WRONG_ENCODING, offset=0, expected="UTF-8", got="UTF-16 or UTF-32")
    start = octets.removeprefix(BOM)
    if not start.lstrip(_SPACE).startswith(b"<") or (start[:1] != b"<" and start.lstrip(_SPACE)[:5] == b"<?xml"):
        got = shorten(start[:40].decode("utf-8", "replace"), length=40)
        return Refusal(code=EnvelopeCode.NOT_XML, offset=0, expected="<?xml or <edXML at the very start", got=got)
    return None


def _look(octets: bytes, limits: Limits) -> Refusal | None:
    """Everything that can be seen before parsing."""
    return opening(octets) or _encoding(octets) or _markup(octets, limits)


def _encoding(octets: bytes) -> Refusal | None:
    if (nul := octets.find(b"\0")) >= 0:
        return Refusal(code=EnvelopeCode.WRONG_ENCODING, offset=nul, expected="UTF-8", got="a NUL octet")
    declared = _declared_encoding(octets)
    if declared.lower() != b"utf-8":
        got = shorten(declared.decode("ascii", "replace"), length=40)
        return Refusal(code=EnvelopeCode.WRONG_ENCODING, offset=0, expected='encoding="UTF-8"', got=got)
    try:
        octets.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data":
            return _cut_off(octets)
        got = f"octet 0x{octets[error.start]:02X}"
        return Refusal(code=EnvelopeCode.WRONG_ENCODING, offset=error.start, expected="UTF-8", got=got)
    return None


def _declared_encoding(octets: bytes) -> bytes:
    declaration = _DECLARATION.match(octets.removeprefix(BOM))
    encoding = _ENCODING.search(declaration.group()) if declaration else None
    return encoding.group(1) if encoding else b"utf-8"


def _markup(octets: bytes, limits: Limits) -> Refusal | None:
    doctype = octets.find(b"<!DOCTYPE")
    if doctype >= 0:
        return Refusal(code=EnvelopeCode.DTD, offset=doctype, expected="no document type", got="<!DOCTYPE")
    if octets.count(b"<") > 2 * limits.max_elements + 1_000:
        return shape.too_many(f"{limits.max_elements} elements")
    if octets.count(b"xmlns") > limits.max_namespace_declarations:
        return shape.too_many(f"{limits.max_namespace_declarations} namespace declarations")
    return None


def _parser() -> etree.XMLParser:  # noqa: TID251 - this is the one parser
    """A new one each time: it costs 5 µs, and an error log shared between threads mixes callers up."""
    return etree.XMLParser(  # noqa: TID251 - this is the one parser
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        attribute_defaults=False,
        huge_tree=False,  # texts are short here: payloads were set aside
        recover=False,
        remove_blank_text=False,
        remove_comments=False,
        remove_pis=False,
        collect_ids=False,
    )


def _build(octets: bytes, limits: Limits) -> Tree | Refusal:
    try:
        root = etree.fromstring(octets, _parser())  # noqa: TID251 - this is the one parser
    except etree.XMLSyntaxError as error:
        return _syntax(octets, error)
    elements = tuple(root.iter("*"))
    refusal = shape.scan(root, elements, octets, limits=limits)
    return refusal or Tree(root=root, elements=elements, has_comments=shape.has_comments(root, octets))


def _syntax(octets: bytes, error: etree.XMLSyntaxError) -> Refusal:
    line, column = error.position
    offset = _offset(octets, line, column)
    if (error.msg or "").startswith("Excessive depth"):
        return Refusal(code=EnvelopeCode.TOO_DEEP, offset=offset)
    ended = getattr(error, "code", 0) in _PREMATURE_END or not octets[offset:].strip(_SPACE)
    if ended and not octets.rstrip(_SPACE).endswith(b"</edXML>"):
        return _cut_off(octets)
    words = re.sub(r",? line \d+(, column \d+)?", "", error.msg or "")
    return Refusal(code=EnvelopeCode.NOT_XML, offset=offset, expected="well-formed XML", got=shorten(words))


def _cut_off(octets: bytes) -> Refusal:
    got = "the end of the message"
    return Refusal(code=EnvelopeCode.CUT_OFF, offset=len(octets), expected="</edXML> at the end", got=got)


def _offset(octets: bytes, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        start = octets.find(b"\n", start) + 1
        if start == 0:
            return len(octets)
    return min(start + max(column - 1, 0), len(octets))
