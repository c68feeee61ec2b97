"""XAdES: when the signer says he signed, with which certificate, and when others saw the signature.

The signed properties are read from the element whose digest the signature holds (``signing.coverage`` requires the
reference to it). Of unsigned ones only timestamps over SignatureValue count; a bad one spoils the signature.
"""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from lxml.etree import _Element
from signxml.algorithms import CanonicalizationMethod

from signing import names
from signing.engine import canonical
from signing.errors import SigningCode
from signing.names import SIGNED_PROPERTIES_TYPE, ds, xades
from signing.policy import DIGEST_ALGORITHMS
from signing.shape import Shape, strict_base64
from signing.verdict import Finding

if TYPE_CHECKING:
    from signing.judge import Judge
    from signing.timestamp import Stamped

_LOCAL: Final = timezone(timedelta(hours=7))  # a time without a zone is Vietnamese, as everywhere in edXML
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII)
_PATH: Final = f"{names.SIGNATURE_PATH}/ds:Object/xades:QualifyingProperties/xades:SignedProperties"
_CERTIFICATES: Final = (xades("SigningCertificateV2"), xades("SigningCertificate"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What the signer claims, and signed."""

    claimed_time: datetime | None = None
    certificate_digest: bytes = b""
    digest_algorithm: str = ""  #: hashlib's name


def read(shape: Shape) -> Properties | tuple[Finding, ...]:
    """The signed properties (empty ones for a plain signature), or what about them we do not accept."""
    if shape.properties is None:
        typed = [r for r in shape.references if r.type == SIGNED_PROPERTIES_TYPE]
        return tuple(_fault("SignedProperties", r.uri) for r in typed) or Properties()
    found = Properties(
        claimed_time=_claimed_time(shape.properties),
        digest_algorithm=_digest_algorithm(shape.properties),
        certificate_digest=_certificate_digest(shape.properties),
    )
    faults = tuple(_faults(shape, shape.properties, found))
    return faults or found


def names_certificate(properties: Properties, certificate: Certificate) -> bool:
    """Whether the certificate is the one that the signer named (trivially so where he named none)."""
    if not properties.certificate_digest:
        return True
    octets = certificate.public_bytes(Encoding.DER)
    digest = hashlib.new(properties.digest_algorithm, octets).digest()
    return digest == properties.certificate_digest


def stamps(shape: Shape, *, judge: Judge, now: datetime) -> tuple[Stamped, ...] | Finding:
    """Every timestamp over the signature's value, in the order of the message; or the first that is none."""
    if not shape.stamps:
        return ()
    from signing import timestamp  # noqa: PLC0415  CMS libraries, for who meets a timestamp

    found: list[Stamped] = []
    for one in shape.stamps:
        octets = functools.partial(value_octets, shape.signature, one.canonicalization, one.prefixes)
        stamped = timestamp.check(one.token, over=_digest_of(octets), judge=judge, now=now, path=one.path)
        if isinstance(stamped, Finding):
            return stamped
        found.append(stamped)
    return tuple(found)


def value_octets(signature: _Element, canonicalization: str, prefixes: Sequence[str] | None = None) -> bytes:
    """What a SignatureTimeStamp stamps: the element SignatureValue in canonical form."""
    return canonical(signature[1], algorithm=CanonicalizationMethod(canonicalization), prefixes=prefixes)


def _digest_of(octets: Callable[[], bytes]) -> Callable[[str], bytes]:
    return lambda algorithm: hashlib.new(algorithm, octets()).digest()


def _faults(shape: Shape, properties: _Element, found: Properties) -> Iterator[Finding]:
    identifier = shape.signature.get("Id")
    parent = properties.getparent()
    if parent is None or not identifier or parent.get("Target") != f"#{identifier}":
        yield _fault("Target naming the Id of this Signature")
    uri = f"#{properties.get('Id')}"
    typed = [reference.uri for reference in shape.references if reference.type == SIGNED_PROPERTIES_TYPE]
    if typed != [uri]:
        yield _fault("one reference of the type SignedProperties, to these")
    if found.claimed_time is None:
        yield _fault("one SigningTime")
    if not found.certificate_digest or not found.digest_algorithm:
        yield _fault("one SigningCertificateV2 with a digest of SHA-256 and up")


def _fault(expected: str, got: str = "") -> Finding:
    return Finding(code=SigningCode.SHAPE, path=_PATH, expected=expected, got=names.short(got))


def _signature_properties(properties: _Element) -> _Element | None:
    found = properties.findall(xades("SignedSignatureProperties"))
    return found[0] if len(found) == 1 else None


def _claimed_time(properties: _Element) -> datetime | None:
    signed = _signature_properties(properties)
    found = [] if signed is None else signed.findall(xades("SigningTime"))
    if len(found) != 1:
        return None
    text = (found[0].text or "").strip()
    if not _DATE_TIME.match(text):
        return None
    try:
        claimed = datetime.fromisoformat(text)
        return (claimed if claimed.tzinfo else claimed.replace(tzinfo=_LOCAL)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _first_certificate(properties: _Element) -> _Element | None:
    """ETSI: the first one named is the signer's."""
    signed = _signature_properties(properties)
    found = [] if signed is None else [element for tag in _CERTIFICATES for element in signed.findall(tag)]
    return found[0].find(f"{xades('Cert')}/{xades('CertDigest')}") if len(found) == 1 else None


def _digest_algorithm(properties: _Element) -> str:
    digest = _first_certificate(properties)
    method = None if digest is None else digest.find(ds("DigestMethod"))
    return "" if method is None else DIGEST_ALGORITHMS.get(method.get("Algorithm") or "", "")


def _certificate_digest(properties: _Element) -> bytes:
    digest = _first_certificate(properties)
    value = None if digest is None else digest.find(ds("DigestValue"))
    return b"" if value is None else strict_base64(value.text) or b""
