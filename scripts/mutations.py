"""Changes to signed messages, as chance or malice would make them: octets, texts, references, whole elements.

A mutation takes a message and gives another one, by the dice that it is handed and nothing else. Elements are found
in the octets themselves, without any XML library: what comes out need not be XML.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

_TAG: Final = re.compile(rb"<(/?)([A-Za-z_][\w.:-]*)((?:\s[^<>]*?)?)(/?)>")
_ATTRIBUTE: Final = re.compile(rb'\s([\w:.-]+)="([^"<]*)"')
_TEXT: Final = re.compile(rb">([^<>]*[^<>\s][^<>]*)<")
_SIGNED: Final = frozenset({"MessageHeader", "Bussiness", "edXMLManifest", "Signature", "ContentTransferEncoded"})
_BASE64: Final = (
    *("DigestValue", "SignatureValue", "X509Certificate"),
    *("ContentTransferEncoded", "EncapsulatedTimeStamp"),
)
_PARTS: Final = ("MessageHeader", "Bussiness", "edXMLManifest", "AttachmentEncoded", "TraceHeaderList")
_ORGANS: Final = (
    *("SignedInfo", "SignatureValue", "KeyInfo", "Object", "Reference", "Transforms", "DigestMethod", "DigestValue"),
    *("SignedProperties", "SigningTime", "SigningCertificateV2", "UnsignedProperties", "SignatureTimeStamp"),
    *("X509Certificate", "CanonicalizationMethod", "SignatureMethod", "Transform", "QualifyingProperties"),
)
_URIS: Final = (
    *(b"", b"#", b"#Manifest", b"#MessageHeader", b"#Bussiness", b"#Signature", b"#SignedProperties", b"#none"),
    *(b"cid:tep-1", b"cid:tep-2", b"#xpointer(/)", b"#xpointer(id('MessageHeader'))", b"http://127.0.0.1:9/"),
    *(b"file:///etc/passwd", b"Manifest", b" #Manifest", b"#manifest", b"#Manifest&#x20;"),
)
_ALGORITHMS: Final = (
    b"http://www.w3.org/2001/10/xml-exc-c14n#",
    b"http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    b"http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    b"http://www.w3.org/2006/12/xml-c14n11",
    b"http://www.w3.org/2000/09/xmldsig#enveloped-signature",
    b"http://www.w3.org/TR/1999/REC-xpath-19991116",
    b"http://www.w3.org/TR/1999/REC-xslt-19991116",
    b"http://www.w3.org/2000/09/xmldsig#base64",
    b"http://www.w3.org/2001/04/xmlenc#sha256",
    b"http://www.w3.org/2001/04/xmlenc#sha512",
    b"http://www.w3.org/2000/09/xmldsig#sha1",
    b"http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
    b"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
    b"http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    b"http://www.w3.org/2000/09/xmldsig#rsa-sha1",
)
_TOKENS: Final = (
    *(b"<!-- -->", b"<?x y?>", b"<![CDATA[]]>", b"]]>", b"&amp;", b"&#0;", b"&#x41;", b"&lt;", b"\0", b"\r", b"\n"),
    *(b"\t", b" ", b"\xc2\xa0", b"\xe2\x80\x8b", b"\xef\xbb\xbf", b"\xff", b"\xed\xa0\x80", b"0", b"A", b"'", b'"'),
    *(b"<", b">", b"=", b"/", b"<a/>", b"<edXML:X/>", b"<!DOCTYPE edXML>", b' Id="Manifest"', b' xmlns=""'),
)
_NAMESPACES: Final = (
    *(b"", b"urn:x", b"http://www.mic.gov.vn/TBT/QCVN_102_2016", b"http://www.mic.gov.vn/TBT/QCVN_102_2016/"),
    *(b"http://www.w3.org/2000/09/xmldsig#", b"http://www.w3.org/2000/09/xmldsig", b"http://www.w3.org/2001/XInclude"),
    *(b"http://uri.etsi.org/01903/v1.3.2#", b"http://uri.etsi.org/01903/v1.4.1#"),
)


@dataclass(frozen=True, slots=True)
class Span:
    """One element where it stands: tag to tag, and the text between."""

    name: str  #: without prefix
    start: int
    inner: int
    close: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A message before it is changed."""

    name: str
    octets: bytes
    spans: tuple[Span, ...]

    @classmethod
    def of(cls, name: str, octets: bytes) -> Original:
        return cls(name=name, octets=octets, spans=tuple(_spans(octets)))

    def named(self, *names: str) -> list[Span]:
        return [span for span in self.spans if span.name in names]

    def text(self, span: Span) -> bytes:
        return self.octets[span.start : span.end]


Mutation = Callable[[Random, Original, Sequence[Original]], bytes]


def _spans(octets: bytes) -> list[Span]:
    found: list[Span] = []
    stack: list[tuple[str, int, int]] = []
    for tag in _TAG.finditer(octets):
        name = tag[2].rpartition(b":")[2].decode()
        if tag[1]:
            opened, start, inner = stack.pop()
            found.append(Span(opened, start, inner, tag.start(), tag.end()))
        elif tag[4]:
            found.append(Span(name, tag.start(), tag.end(), tag.end(), tag.end()))
        else:
            stack.append((name, tag.start(), tag.end()))
    return sorted(found, key=lambda span: span.start)


def _place(dice: Random, original: Original, *, length: int = 1) -> int:
    """Mostly inside what is signed or signs: that is where a change must be noticed."""
    signed = original.named(*_SIGNED)
    if not signed or dice.random() < 0.1:
        return dice.randrange(max(len(original.octets) - length, 1))
    span = dice.choice(signed)
    return dice.randrange(span.start, max(span.end - length, span.start + 1))


def _put(octets: bytes, start: int, end: int, new: bytes) -> bytes:
    return octets[:start] + new + octets[end:]


def flip_bits(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    octets = bytearray(original.octets)
    for _again in range(dice.choice((1, 1, 1, 2, 5))):
        octets[_place(dice, original)] ^= 1 << dice.randrange(8)
    return bytes(octets)


def put_octet(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    at = _place(dice, original)
    new = dice.choice(b"0123456789ABCXYZabcxyz/+= ") if dice.random() < 0.7 else dice.randrange(256)
    return _put(original.octets, at, at + 1, bytes([new]))


def insert(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    at = _place(dice, original)
    return _put(original.octets, at, at, dice.choice(_TOKENS) if dice.random() < 0.7 else dice.randbytes(3))


def delete(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    length = dice.choice((1, 1, 2, 4, 16, 64))
    at = _place(dice, original, length=length)
    return _put(original.octets, at, at + length, b"")


def swap_octets(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    length = dice.choice((1, 2, 4, 16))
    first, second = sorted((_place(dice, original, length=length), _place(dice, original, length=length)))
    second = max(second, first + length)
    octets = original.octets
    left, right = octets[first : first + length], octets[second : second + length]
    return octets[:first] + right + octets[first + length : second] + left + octets[second + length :]


def truncate(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    return original.octets[: dice.randrange(len(original.octets))]


def repeat(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    length = dice.choice((1, 8, 64, 512))
    at = _place(dice, original, length=length)
    return _put(original.octets, at, at, original.octets[at : at + length])


def change_text(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """One letter or digit of a value: it stays well-formed and often valid."""
    text = dice.choice(list(_TEXT.finditer(original.octets)))
    places = [at for at in range(*text.span(1)) if chr(original.octets[at]).isalnum() and original.octets[at] < 128]
    if not places:
        return original.octets
    at = dice.choice(places)
    alike = b"0123456789" if original.octets[at : at + 1].isdigit() else b"ABCDEFGHXYZabcdefghxyz"
    return _put(original.octets, at, at + 1, bytes([dice.choice(alike)]))


def change_attribute(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    found = dice.choice(list(_ATTRIBUTE.finditer(original.octets)))
    name, value = found[1], found[2]
    new = dice.choice(
        (
            b"",
            b' %b="%b" %b="%b"' % (name, value, name + b"2", value),
            b' %b="%bx"' % (name, value),
            b' %b="%b"' % (name.swapcase(), value),
            b' x%b="%b"' % (name, value),
            b' %b=""' % name,
            b' xml:%b="%b"' % (name.rpartition(b":")[2], value),
        )
    )
    return _put(original.octets, *found.span(), new)


def change_namespace(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    found = dice.choice([one for one in _ATTRIBUTE.finditer(original.octets) if one[1].startswith(b"xmlns")])
    if dice.random() < 0.5:
        return _put(original.octets, *found.span(2), dice.choice(_NAMESPACES))
    tag = dice.choice([tag for tag in _TAG.finditer(original.octets) if not tag[1]])
    declared = b' xmlns%b="%b"' % (dice.choice((b"", b":ds", b":edXML", b":x")), dice.choice(_NAMESPACES))
    return _put(original.octets, tag.end(2), tag.end(2), declared)


def change_base64(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """Text and octets of base64: other letters, other padding, other octets behind the same letters' form."""
    span = dice.choice(original.named(*_BASE64))
    text = bytearray(original.octets[span.inner : span.close])
    if not text:
        return original.octets
    at = dice.randrange(len(text))
    how = dice.randrange(6)
    if how == 0:
        text[at] = dice.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    elif how == 1:
        text[at:at] = dice.choice((b"\n", b"&#13;", b" ", b"=", b"*", b"AAAA", b"-"))
    elif how == 2:
        text = bytearray(bytes(text).rstrip(b"=") + dice.choice((b"", b"=", b"==", b"===", b"A===")))
    elif how == 3:
        text[-3 if text.endswith(b"==") else -2] = dice.choice(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ+/")
    else:
        text = bytearray(_octets_changed(dice, bytes(text)))
    return _put(original.octets, span.inner, span.close, bytes(text))


def _octets_changed(dice: Random, text: bytes) -> bytes:
    octets = bytearray(b64decode(text))
    at = dice.randrange(len(octets))
    if dice.random() < 0.7:
        octets[at] ^= 1 << dice.randrange(8)
    else:
        octets[at:at] = dice.randbytes(dice.choice((1, 2, 16)))
    return b64encode(bytes(octets))


def change_reference(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    names = (b"URI", b"Id", b"Target", b"Type") if dice.random() < 0.7 else (b"URI",)
    found = dice.choice([one for one in _ATTRIBUTE.finditer(original.octets) if one[1] in names])
    pool = [one[2] for one in _ATTRIBUTE.finditer(original.octets) if one[1] in names]
    return _put(original.octets, *found.span(2), dice.choice((*_URIS, *pool)))


def change_algorithm(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    found = dice.choice([one for one in _ATTRIBUTE.finditer(original.octets) if one[1] == b"Algorithm"])
    return _put(original.octets, *found.span(2), dice.choice(_ALGORITHMS))


def space(dice: Random, original: Original, _: Sequence[Original]) -> bytes:
    """White space between or inside tags: sometimes signed, sometimes nobody's."""
    tag = dice.choice(list(_TAG.finditer(original.octets)))
    at = dice.choice((tag.start(), tag.end(), tag.end(2)))
    return _put(original.octets, at, at, dice.choice((b" ", b"\n", b"\t", b"\r\n")))


OCTETS: Final[Mapping[str, Mutation]] = {
    "bits flipped": flip_bits,
    "octet replaced": put_octet,
    "octets inserted": insert,
    "octets deleted": delete,
    "octets swapped": swap_octets,
    "cut off": truncate,
    "octets repeated": repeat,
}
TEXTS: Final[Mapping[str, Mutation]] = {
    "value changed": change_text,
    "attribute changed": change_attribute,
    "namespace changed": change_namespace,
    "base64 changed": change_base64,
    "reference changed": change_reference,
    "algorithm changed": change_algorithm,
    "white space": space,
}
