"""Makes the trunk's seal: a fresh ECDSA P-256 key and a certificate that it signs itself.

A self-signed seal proves that the same trunk spoke twice; who the trunk is, its operator tells the agencies by
the certificate's fingerprint, or replaces it by one from an authority.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from signing.certificate import fingerprint

_LIFETIME: Final = timedelta(days=5 * 365)
_EARLIER: Final = timedelta(hours=1)  # clocks of recipients may be a little behind


@dataclass(frozen=True, slots=True, kw_only=True)
class SealFiles:
    """What goes into the two files."""

    key_pem: bytes
    certificate_pem: bytes
    fingerprint: str
    valid_until: datetime


def make_seal(name: str, *, organ_id: str, at: datetime) -> SealFiles:
    """A new key with its certificate, valid from ``at`` for five years."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.COMMON_NAME, name[:64]),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, organ_id[:64]),
        ]
    )
    valid_until = at + _LIFETIME
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at - _EARLIER)
        .not_valid_after(valid_until)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return SealFiles(
        key_pem=key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        certificate_pem=certificate.public_bytes(Encoding.PEM),
        fingerprint=fingerprint(certificate),
        valid_until=valid_until,
    )


def _usage() -> x509.KeyUsage:
    unused = ("key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign")
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        encipher_only=False,
        decipher_only=False,
        **dict.fromkeys(unused, False),
    )
