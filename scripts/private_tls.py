"""Certificates for a private server: an authority, a server on loopback, a client. Every key belongs to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scripts.private_process import LOOPBACK

_LASTS: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files; ``server`` is for 127.0.0.1 only, so that ``localhost`` is a wrong name for it."""

    authority: Path
    server: Path
    server_key: Path
    client: Path
    client_key: Path

    @property
    def all(self) -> tuple[Path, ...]:
        return (self.authority, self.server, self.server_key, self.client, self.client_key)


def make_tls_files(folder: Path) -> TlsFiles:
    """Make them anew in ``folder``."""
    names = ("ca.pem", "server.pem", "server.key.pem", "client.pem", "client.key.pem")
    files = TlsFiles(*(folder / name for name in names))
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _issue("Private authority", authority_key, None)
    files.authority.write_bytes(authority.public_bytes(Encoding.PEM))
    for name, certificate_file, key_file in (
        (LOOPBACK, files.server, files.server_key),
        ("edoc-trunk", files.client, files.client_key),
    ):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _issue(name, key, (authority, authority_key))
        certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_file.touch(mode=0o600)
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


def _issue(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
) -> x509.Certificate:
    now = datetime.now(UTC)  # noqa: TID251  a server that is started now
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signing_key = issuer[1] if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + _LASTS)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if name == LOOPBACK:
        builder = builder.add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(LOOPBACK))]), critical=False
        )
    return builder.sign(signing_key, hashes.SHA256())
