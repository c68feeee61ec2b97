"""Whom a command trusts, and where it learns of revocation: nothing here opens a connection."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509

from signing.certificate import Purpose
from signing.errors import SigningCode
from signing.policy import Policy
from signing.revocation import NoRevocationCheck, RevocationSource
from signing.revocation.offline import OfflineLists
from signing.revocation.stored import StoredRevocation
from signing.trust import Chain, Trust, TrustStore
from signing.verdict import Finding
from trunk.errors import ConfigurationError
from trunk.settings import Settings
from trunk.workers import examining, revocation


def settings(told: Settings) -> tuple[Trust, RevocationSource, Policy]:
    """As the trunk with these settings. Raises ``ConfigurationError``."""
    return revocation.trust(told), revocation.source(told), examining.policy(told)


def folder(place: Path) -> tuple[Trust, RevocationSource]:
    """A trust folder of domains, a flat one, or roots side by side; and its lists. Raises ``ConfigurationError``."""
    pems = sorted(place.glob("*.pem"))
    try:
        if pems:
            store = TrustStore(one for pem in pems for one in x509.load_pem_x509_certificates(pem.read_bytes()))
        else:
            store = TrustStore.from_folder(place)
    except (OSError, ValueError) as error:
        remedy = "put root certificates into it as *.pem (or into roots/ below it)"
        raise ConfigurationError(f"{place}: {error}; {remedy}") from error
    return store, StoredRevocation(offline=OfflineLists(place))


def nobody() -> tuple[Trust, RevocationSource]:
    """Nobody said whom to trust."""
    return AnybodyStore(), NoRevocationCheck()


class AnybodyStore(TrustStore):
    """Vouches for whoever signed: for judging integrity where nobody said whom to trust. Never in a service."""

    def __init__(self) -> None:  # no roots: each message brings its own
        self.roots, self.intermediates = (), ()

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        try:
            loaded = [x509.load_der_x509_certificate(der) for der in certificates]
        except ValueError:
            return Finding(code=SigningCode.NO_CERTIFICATE, got="a certificate that cannot be read")
        if not loaded:
            return Finding(code=SigningCode.NO_CERTIFICATE, expected="the signer's certificate")
        return TrustStore(loaded).chain(certificates, at=at, purpose=purpose, leaf=leaf)
