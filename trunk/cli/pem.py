"""Certificates and keys from PEM files. Messages name files, never what is in them."""

from __future__ import annotations

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from signing.certificate import fingerprint


def certificates_in(file: Path) -> list[x509.Certificate]:
    """Every certificate in ``file``. Raises ``ValueError``, ``OSError``."""
    try:
        return x509.load_pem_x509_certificates(file.read_bytes())
    except ValueError as error:
        raise ValueError("no PEM certificate in it") from error


def certificate_in(file: Path) -> x509.Certificate:
    """The first certificate in ``file``: the signer's, where a chain follows. Raises ``ValueError``, ``OSError``."""
    return certificates_in(file)[0]


def fingerprint_of(file: Path) -> str:
    """SHA-256 of the certificate's DER, lower-case hex. Raises ``ValueError``, ``OSError``."""
    return fingerprint(certificate_in(file))


def private_key_in(file: Path, *, password: str = "") -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    """An RSA or elliptic-curve key. Raises ``ValueError``, ``OSError``."""
    try:
        key = load_pem_private_key(file.read_bytes(), password.encode() or None)
    except TypeError as error:
        reason = "is encrypted; its password is needed" if not password else "is not encrypted; it needs no password"
        raise ValueError(reason) from error
    except ValueError as error:
        raise ValueError("no PEM private key in it, or a wrong password") from error
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("neither an RSA nor an elliptic-curve key")  # noqa: TRY004  of the file, not of a type
    return key
