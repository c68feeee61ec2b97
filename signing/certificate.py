"""One certificate: is it fit to sign documents, what key does it hold, whose is it?

Law: a certificate is judged by its extensions and identified by fingerprint and subject UID, never by a
common name. Real certificates are imperfect (no SAN, no EKU, names longer than RFC 5280 allows) and load.
"""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from signing.verdict import Role, Signer

#: Purposes under which documents are signed: clientAuth and emailProtection (what public CAs issue to
#: organisations), document signing (RFC 9336, Microsoft, Adobe), any.
_SIGNING_PURPOSES: Final = frozenset(
    x509.ObjectIdentifier(oid)
    for oid in (
        "1.3.6.1.5.5.7.3.2",
        "1.3.6.1.5.5.7.3.4",
        "1.3.6.1.5.5.7.3.36",
        "1.3.6.1.4.1.311.10.3.12",
        "1.2.840.113583.1.1.5",
        "2.5.29.37.0",
    )
)

#: What a certificate, list or answer raises that this house cannot read: broken, or with a key of a strange kind.
UNREADABLE: Final = (
    ValueError,
    TypeError,
    UnsupportedAlgorithm,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)

LEAST_RSA_BITS: Final = 2048
CURVES: Final = frozenset({"secp256r1", "secp384r1", "secp521r1"})

_NAMES: Final = threading.Lock()


class Purpose(StrEnum):
    """What a certificate is judged for."""

    DOCUMENTS = "documents"  #: of people and organisations, who sign messages and files
    TIMESTAMPS = "timestamps"  #: of time-stamping authorities (RFC 3161)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What kind of public key a certificate holds."""

    family: str  #: ``rsa``, ``ecdsa`` or ``other``
    bits: int
    curve: str = ""


def is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def may_be_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether ``certificate`` means a key such as ``issuer`` has, where both say so (RFC 5280 4.2.1.1). No proof."""
    try:
        meant = certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier
        had = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return True
    return meant is None or meant == had


def unfit(certificate: x509.Certificate, purpose: Purpose = Purpose.DOCUMENTS) -> str:
    """Why the certificate may not be used for ``purpose``; empty if it may."""
    if is_authority(certificate):
        return "certificate of a certification authority"
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return "no keyUsage"
    if not (usage.digital_signature or usage.content_commitment):
        return "keyUsage without digitalSignature and nonRepudiation"
    return _wrong_purposes(certificate, purpose)


def _wrong_purposes(certificate: x509.Certificate, purpose: Purpose) -> str:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    except x509.ExtensionNotFound:
        return "" if purpose is Purpose.DOCUMENTS else "no extendedKeyUsage"
    if purpose is Purpose.TIMESTAMPS:  # RFC 3161 2.3
        alone = extension.critical and list(extension.value) == [ExtendedKeyUsageOID.TIME_STAMPING]
        return "" if alone else "extendedKeyUsage that is not timeStamping alone and critical"
    return "extendedKeyUsage for other purposes" if _SIGNING_PURPOSES.isdisjoint(extension.value) else ""


def key_of(certificate: x509.Certificate) -> Key:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return Key(family="rsa", bits=key.key_size)
    if isinstance(key, ec.EllipticCurvePublicKey):
        return Key(family="ecdsa", bits=key.key_size, curve=key.curve.name)
    return Key(family="other", bits=0)


def is_weak(key: Key) -> bool:
    """Below what no policy may go (TT 15/2025/TT-BKHCN: RSA from 2048 bits, ECDSA from 256)."""
    return not ((key.family == "rsa" and key.bits >= LEAST_RSA_BITS) or (key.family == "ecdsa" and key.curve in CURVES))


def fingerprint(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """How the subject UIDs of one trust domain are read; the scheme is what stands before the colon."""

    personal: frozenset[str] = frozenset({"CCCD", "CMND", "HC"})  #: identity cards, passport
    organisational: frozenset[str] = frozenset({"MST", "MNS"})  #: tax code, budget unit code
    without_uid: Role = Role.UNKNOWN  #: government certificates may carry none

    def of(self, uid: str) -> Role:
        scheme = uid.partition(":")[0].upper()
        if not uid:
            return self.without_uid
        if scheme in self.personal:
            return Role.PERSON
        return Role.ORGANISATION if scheme in self.organisational else Role.UNKNOWN


PUBLIC_ROLES: Final = Roles()


def issuer_of(signed: x509.Certificate | x509.CertificateRevocationList) -> str:
    """The issuer's name, RFC 4514."""
    with _NAMES, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute's length must be")
        return signed.issuer.rfc4514_string()


def subject_of(certificate: x509.Certificate) -> str:
    """The subject's name, RFC 4514: of authorities only."""
    with _NAMES, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute's length must be")
        return certificate.subject.rfc4514_string()


def describe(certificate: x509.Certificate, *, roles: Roles = PUBLIC_ROLES, domain: str = "") -> Signer:
    """Who the signer is, as far as the certificate identifies him without naming him."""
    # cryptography warns of over-long names on each look; catch_warnings is not thread-safe, hence the lock.
    with _NAMES, warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Attribute's length must be")
        uids = certificate.subject.get_attributes_for_oid(NameOID.USER_ID)
        issuer = certificate.issuer.rfc4514_string()
    uid = str(uids[0].value) if len(uids) == 1 else ""
    return Signer(
        fingerprint=fingerprint(certificate),
        subject_uid=uid,
        serial=format(certificate.serial_number, "x"),
        issuer=issuer,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        role=roles.of(uid),
        domain=domain,
        key_bits=key_of(certificate).bits,
    )
