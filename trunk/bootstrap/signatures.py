"""What judges and makes signatures, wired: trust, revocation, examination, the seal."""

from __future__ import annotations

from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates

from signing.examination import Examiner
from signing.policy import Policy
from signing.seal import Seal
from signing.signer import SigningFailedError
from signing.trust import TrustStore
from signing.verifier import Verifier
from trunk.errors import ConfigurationError
from trunk.settings import Settings


def examiner(settings: Settings) -> Examiner:
    """Stages 2 to 5. Raises ``ConfigurationError`` where nobody is trusted."""
    return Examiner(verifier=_verifier(settings))


def seal(settings: Settings) -> Seal:
    files = settings.signatures
    try:
        key = load_pem_private_key(settings.path(files.seal_key_file).read_bytes(), None)
        certificate, *issuers = load_pem_x509_certificates(settings.path(files.seal_certificate_file).read_bytes())
        if not isinstance(key, EllipticCurvePrivateKey):
            raise ConfigurationError(f"{settings.path(files.seal_key_file)}: not an EC key; the seal is ECDSA P-256")
        return Seal(key, certificate, issuers=issuers)
    except (OSError, ValueError, TypeError, SigningFailedError) as error:
        remedy = "see [signatures] seal_key_file and seal_certificate_file, or run `trunk init`"
        raise ConfigurationError(f"the trunk's seal cannot be used: {error}; {remedy}") from error


def _verifier(settings: Settings) -> Verifier:
    folder = settings.path(settings.signatures.trust_folder)
    try:
        trust = TrustStore.from_folder(folder)
    except (OSError, ValueError) as error:
        remedy = f"put the roots you trust into {folder / 'roots'} as *.pem (see [signatures] trust_folder)"
        raise ConfigurationError(f"no signature can be judged: {error}; {remedy}") from error
    return Verifier(trust, Policy(claim_max_age=timedelta(days=settings.signatures.claimed_time_age_days)))
