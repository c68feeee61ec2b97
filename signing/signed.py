"""Did this key sign that certificate, list or answer? SHA-2 and the keys of the floor only."""

from __future__ import annotations

from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_DIGESTS: Final = (hashes.SHA256, hashes.SHA384, hashes.SHA512)


def signed_by(signed: x509.Certificate | x509.CertificateRevocationList, key: PublicKeyTypes) -> bool:
    """Whether ``key`` made the signature. Names and dates are not looked at."""
    try:
        digest, how = signed.signature_hash_algorithm, signed.signature_algorithm_parameters
    except (UnsupportedAlgorithm, ValueError, TypeError):
        return False
    octets = signed.tbs_certificate_bytes if isinstance(signed, x509.Certificate) else signed.tbs_certlist_bytes
    scheme = how if isinstance(how, padding.PKCS1v15 | padding.PSS) else None
    return verifies(key, signed.signature, octets, digest, scheme)


def verifies(
    key: PublicKeyTypes,
    signature: bytes,
    octets: bytes,
    digest: hashes.HashAlgorithm | None,
    scheme: padding.PKCS1v15 | padding.PSS | None,
) -> bool:
    """The bare check; ``scheme`` is how RSA was used."""
    if not isinstance(digest, _DIGESTS):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey) and scheme is not None:
            key.verify(signature, octets, scheme, digest)
        elif isinstance(key, ec.EllipticCurvePublicKey) and scheme is None:
            key.verify(signature, octets, ec.ECDSA(digest))
        else:
            return False
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        return False
    return True
