"""A mould: what all seals of one key have in common, taken from one that was made and verified the long way.

Only four things differ from seal to seal: two digests, the time and the value. So nothing here knows how a signature is
built; it repeats one that was. Law: what leaves the mould is parsed and canonicalized by libxml2 and compared with
what was digested and signed, and the value is verified, before anybody gets it.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from lxml import etree
from lxml.etree import _Element

from signing.names import ds, qcvn, xades
from signing.signer import SigningFailedError

_OPENING: Final = b"<edXML:MessageHeader"
_CLOSING: Final = b"</edXML:MessageHeader>"
_PLACE: Final = b"</edXML:edXMLHeader>"
_ID: Final = b' Id="MessageHeader"'
_SIZE: Final = 32  # octets of a coordinate on P-256
_METHOD: Final = ec.ECDSA(hashes.SHA256())

_HEADER: Final = f".//{qcvn('MessageHeader')}"
_INFO: Final = f".//{ds('SignedInfo')}"
_DIGESTS: Final = f"{_INFO}//{ds('DigestValue')}"
_PROPERTIES: Final = f".//{xades('SignedProperties')}"
_VALUE: Final = f".//{ds('SignatureValue')}"


@dataclass(frozen=True, slots=True)
class _Form:
    """Octets with gaps."""

    pieces: tuple[bytes, ...]

    @classmethod
    def around(cls, octets: bytes, gaps: Sequence[bytes]) -> _Form:
        """``gaps`` stand in ``octets`` in this order."""
        pieces = []
        for gap in gaps:
            piece, found, octets = octets.partition(gap)
            if not found:
                raise SigningFailedError("a seal without its own digests is no mould")
            pieces.append(piece)
        return cls((*pieces, octets))

    def fill(self, *texts: bytes) -> bytes:
        between = (*texts, b"")
        return b"".join(part for pair in zip(self.pieces, between, strict=True) for part in pair)


class Mould:
    """Presses seals with one P-256 key. Safe to share between threads."""

    __slots__ = ("_header", "_info", "_key", "_properties", "_public", "_signature")

    def __init__(self, sealed: bytes, *, key: ec.EllipticCurvePrivateKey, at: datetime) -> None:
        """``sealed``: a status message that was sealed with ``key`` at that time, and verified.

        Raises :class:`SigningFailedError` if it is none.
        """
        root = _parsed(sealed)
        info, properties = _canonical(root, _INFO), _canonical(root, _PROPERTIES)
        digests = [_text(found) for found in root.iterfind(_DIGESTS)]
        value, time = _text(root.find(_VALUE)), _spelled(at)
        start, end = sealed.find(b"<ds:Signature "), sealed.find(b"</ds:Signature>") + len(b"</ds:Signature>")
        self._signature = _Form.around(sealed[start:end], (*digests, value, time))
        self._info = _Form.around(info, digests)
        self._properties = _Form.around(properties, (time,))
        self._header = _canonical(root, _HEADER).partition(b">")[0] + b">"
        self._key, self._public = key, key.public_key()

    def press(self, xml: bytes, *, at: datetime) -> bytes | None:
        """The message with its seal; ``None`` if it is not as ``envelopes.writer`` makes status messages.

        Raises :class:`SigningFailedError` if what came of it is not what was signed.
        """
        if not _fits(xml):
            return None
        start = xml.index(_OPENING) + len(_OPENING)
        end, place = xml.index(_CLOSING), xml.index(_PLACE)
        time = _spelled(at)
        header = self._header + _as_canonical(xml[start + 1 : end]) + _CLOSING
        properties = self._properties.fill(time)
        digests = (_digest(header), _digest(properties))
        info = self._info.fill(*digests)
        signature = self._signature.fill(*digests, self._sign(info), time)
        octets = b"".join((xml[:start], _ID, xml[start:place], signature, xml[place:]))
        self._confirm(octets, header=header, properties=properties, info=info)
        return octets

    def _sign(self, info: bytes) -> bytes:
        """As XML signatures want it (RFC 6931 2.3.6): both integers, one after the other, in full length."""
        r, s = decode_dss_signature(self._key.sign(info, _METHOD))
        return b64encode(r.to_bytes(_SIZE) + s.to_bytes(_SIZE))

    def _confirm(self, octets: bytes, *, header: bytes, properties: bytes, info: bytes) -> None:
        root = _parsed(octets)
        as_read = [_canonical(root, path) for path in (_HEADER, _PROPERTIES, _INFO)]
        if as_read != [header, properties, info]:
            raise SigningFailedError("the seal does not verify: what was written is not what was signed")
        digests = [b64decode(_text(found)) for found in root.iterfind(_DIGESTS)]
        if digests != [hashlib.sha256(part).digest() for part in as_read[:2]]:
            raise SigningFailedError("the seal does not verify: a digest is wrong")
        value = b64decode(_text(root.find(_VALUE)))
        pair = encode_dss_signature(int.from_bytes(value[:_SIZE]), int.from_bytes(value[_SIZE:]))
        try:
            self._public.verify(pair, as_read[2], _METHOD)
        except InvalidSignature as error:
            raise SigningFailedError("the seal does not verify: its value is wrong") from error


def _fits(xml: bytes) -> bool:
    """Each place is there once (in a text it would be escaped), and nothing is signed or has an Id already."""
    places = (_OPENING + b">", _CLOSING, _PLACE)
    return all(xml.count(place) == 1 for place in places) and b"<ds:Signature" not in xml and b" Id=" not in xml


def _as_canonical(markup: bytes) -> bytes:
    """Our writer escapes two characters that canonical texts spell otherwise (C14N 1.0, 2.3)."""
    return markup.replace(b"&quot;", b'"').replace(b"&#13;", b"&#xD;")


def _spelled(at: datetime) -> bytes:
    """A time as ``signing.maker`` writes it."""
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z").encode()


def _digest(octets: bytes) -> bytes:
    return b64encode(hashlib.sha256(octets).digest())


def _parsed(octets: bytes) -> _Element:
    try:
        return etree.fromstring(octets)  # noqa: TID251 - our own octets, not a caller's
    except etree.XMLSyntaxError as error:
        raise SigningFailedError("what was sealed is no message") from error


def _canonical(root: _Element, path: str) -> bytes:
    element = root.find(path)
    if element is None:
        raise SigningFailedError("what was sealed is no message")
    octets: bytes = etree.tostring(element, method="c14n", exclusive=True, with_comments=False)
    return octets


def _text(element: _Element | None) -> bytes:
    return b"" if element is None else (element.text or "").encode()
