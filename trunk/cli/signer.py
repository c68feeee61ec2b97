"""Who signs: a key and its certificates, from the files that an option names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from trunk.cli.exits import RefusedError
from trunk.cli.pem import certificates_in, private_key_in


def signer_in(
    key_file: Path, certificate_file: Path, *, chain: Sequence[Path] = (), password_file: Path | None = None
) -> tuple[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, list[x509.Certificate]]:
    """The key, and its certificate before those of its authorities. Raises ``RefusedError``, ``OSError``."""
    password = password_file.read_text(encoding="utf-8").strip() if password_file else ""
    place = key_file
    try:
        key = private_key_in(key_file, password=password)
        certificates = []
        for place in (certificate_file, *chain):
            certificates += certificates_in(place)
    except ValueError as error:
        raise RefusedError(
            f"{place}: {error}", remedy="name PEM files; --password-file for an encrypted key"
        ) from error
    if certificates[0].public_key() != key.public_key():
        raise RefusedError(
            f"{certificate_file}: not the certificate of {key_file}",
            remedy="name the certificate that belongs to the key",
        )
    return key, certificates
