"""Is the signature sound in itself? Its form, what it covers, its digests and its value; not yet whose it is.

Two ask: ``signing.verifier``, which then judges whom to believe, and whoever signs here, before anything leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import Certificate
from lxml.etree import _Element

from envelopes.errors import EnvelopeCode
from envelopes.schema import ValidXml
from signing import coverage, names, shape, xades
from signing.certificate import Key, key_of
from signing.coverage import Plan
from signing.engine import ChangedError, PinnedVerifier
from signing.errors import SigningCode
from signing.policy import SIGNATURE_METHODS, Policy
from signing.shape import Shape
from signing.verdict import Finding
from signing.xades import Properties

_KEY_INFO = f"{names.SIGNATURE_PATH}/ds:KeyInfo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A signature whose shape and coverage are accepted; nothing of it is verified yet."""

    shape: Shape
    plan: Plan
    properties: Properties


def examine(valid: ValidXml, signature: _Element, *, policy: Policy) -> Examined | tuple[Finding, ...]:
    """Everything that can be said of form and coverage, all faults together."""
    taken = shape.examine(signature, policy=policy)
    faults = list(coverage.repeated_ids(valid.parsed.root))
    if valid.parsed.has_comments:
        faults.append(Finding(code=EnvelopeCode.COMMENT, expected="no comment beside a signature"))
    if isinstance(taken, tuple):
        return (*faults, *taken)
    planned, properties = coverage.plan(valid, taken), xades.read(taken)
    if isinstance(planned, tuple):
        faults.extend(planned)
    if isinstance(properties, tuple):
        faults.extend(properties)
    if faults or isinstance(planned, tuple) or isinstance(properties, tuple):
        return tuple(faults)
    return Examined(shape=taken, plan=planned, properties=properties)


def compute(
    valid: ValidXml, examined: Examined, certificate: Certificate, *, at: datetime, policy: Policy
) -> tuple[Finding, ...]:
    """The cryptography itself: empty if the value is the certificate's key's and every digest is right."""
    faults = tuple(_key_faults(key_of(certificate), SIGNATURE_METHODS[examined.shape.method], policy))
    if not xades.names_certificate(examined.properties, certificate):
        faults += (Finding(code=SigningCode.FORGED, path=_KEY_INFO, expected="the certificate that was signed"),)
    return faults or _value_faults(valid, examined, certificate, at, policy)


def _value_faults(
    valid: ValidXml, examined: Examined, certificate: Certificate, at: datetime, policy: Policy
) -> tuple[Finding, ...]:
    engine = PinnedVerifier(signature=examined.shape.signature, targets=examined.plan.targets)
    try:
        engine.run(valid.parsed.root, certificate=certificate, at=at, policy=policy)
    except ChangedError as error:
        return (Finding(code=SigningCode.DIGEST_MISMATCH, path=error.target.path, got=error.target.name),)
    except InvalidSignature:
        return (Finding(code=SigningCode.FORGED, path=f"{names.SIGNATURE_PATH}/ds:SignatureValue"),)
    if engine.verified != list(examined.plan.targets):
        return (Finding(code=SigningCode.NOT_COVERED, path=names.SIGNATURE_PATH),)
    return tuple(coverage.unsigned_words(valid, examined.plan))


def _key_faults(key: Key, method: str, policy: Policy) -> list[Finding]:
    small = key.family == "rsa" and key.bits < policy.min_rsa_bits
    if small or (key.family == "ecdsa" and key.curve not in policy.curves):
        got = f"{key.family} {key.curve or key.bits}"
        return [Finding(code=SigningCode.WEAK_ALGORITHM, path=_KEY_INFO, got=got)]
    if not method.startswith(key.family):
        return [Finding(code=SigningCode.FORGED, path=_KEY_INFO, expected=method, got=f"a key for {key.family}")]
    return []
