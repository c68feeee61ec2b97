"""What judges and makes signatures, wired: trust, revocation, examination, the seal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import partial

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from signing.examination import Examination
from signing.http_message import RequestSigner
from signing.revocation.worth import Scales
from signing.seal import Seal
from signing.signer import SigningFailedError
from trunk.application.journal import HeadSeal
from trunk.errors import ConfigurationError
from trunk.settings import Settings
from trunk.workers import revocation
from trunk.workers.examiners import ExaminerPool, InHouse
from trunk.workers.examiners_work import examiners_work
from trunk.workers.fetching import Fetcher, Rules
from trunk.workers.loops import Went


def examiners(settings: Settings) -> ExaminerPool[Examination] | InHouse[Examination]:
    """Who does stages 2 to 5, ready to be asked. Raises ``ConfigurationError`` where nobody is trusted."""
    if settings.examination.processes == 0:
        from trunk.workers import examining  # noqa: PLC0415  what the service itself does not need

        return InHouse(lambda: examining.in_house(settings))
    return ExaminerPool(partial(examiners_work, settings), settings.examination)


def fetcher(settings: Settings, *, now: Callable[[], datetime], chance: Callable[[], float]) -> Fetcher:
    """Gets what verdicts are lacking; nothing from hosts that the settings do not name."""
    told, shelf, freshness = settings.signatures.revocation, revocation.shelf(settings), revocation.freshness(settings)
    rules = Rules(
        hosts=revocation.hosts(settings),
        refresh=freshness.refresh,
        timeout_seconds=told.timeout_seconds,
        list_octets=told.list_octets,
        answer_octets=told.answer_octets,
        cache_octets=told.cache_octets,
        threads=told.threads,
    )
    return Fetcher(shelf, Scales(shelf, freshness), rules, now=now, chance=chance)


def trust_step(settings: Settings) -> Callable[[], Went]:
    """Looks at the trust folder, so that one that cannot be used as it stands is told to operators."""
    folder = revocation.trust(settings)

    def step() -> Went:
        _ = folder.store  # it looks whether the folder has changed
        if folder.fault:
            raise ConfigurationError(f"the trust folder stays as it was read before: {folder.fault}")
        return Went.IDLE

    return step


def head_seal(settings: Settings) -> HeadSeal:
    """The trunk's key, for the journal's heads. Raises ``ConfigurationError``."""
    seal(settings)  # whatever is wrong with it
    files = settings.signatures
    key = load_pem_private_key(settings.path(files.seal_key_file).read_bytes(), None)
    certificate, *_ = load_pem_x509_certificates(settings.path(files.seal_certificate_file).read_bytes())
    public = certificate.public_key()
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(public, EllipticCurvePublicKey):
        raise ConfigurationError("the trunk's seal is ECDSA P-256")
    return HeadSeal(key=key, public=public)


def seal(settings: Settings) -> Seal:
    """Raises ``ConfigurationError``."""
    with _usable():
        key, (certificate, *issuers) = _seal_files(settings)
        return Seal(key, certificate, issuers=issuers)


def request_signer(settings: Settings) -> RequestSigner:
    """Signs what is pushed, with the seal's key. Raises ``ConfigurationError``."""
    with _usable():
        key, (certificate, *_) = _seal_files(settings)
        return RequestSigner(key, key_id=certificate.fingerprint(SHA256()).hex())


def _seal_files(settings: Settings) -> tuple[EllipticCurvePrivateKey, Sequence[Certificate]]:
    files = settings.signatures
    key = load_pem_private_key(settings.path(files.seal_key_file).read_bytes(), None)
    certificates = load_pem_x509_certificates(settings.path(files.seal_certificate_file).read_bytes())
    if not isinstance(key, EllipticCurvePrivateKey):
        raise ConfigurationError(f"{settings.path(files.seal_key_file)}: not an EC key; the seal is ECDSA P-256")
    return key, certificates


@contextmanager
def _usable() -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, TypeError, SigningFailedError) as error:
        remedy = "see [signatures] seal_key_file and seal_certificate_file, or run `trunk init`"
        raise ConfigurationError(f"the trunk's seal cannot be used: {error}; {remedy}") from error
