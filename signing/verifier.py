"""Is it genuine? Turns a valid envelope into a verdict.

The order is the cheapest first, and nothing is computed for a signer whom nobody trusts: where the signature
stands, its shape, what it covers, whose certificate it is and whether a root vouches for it, and only then the
digests and the signature value. Law: no exception leaves ``verify``; what is not understood has failed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature

from envelopes.errors import EnvelopeCode
from envelopes.schema import ValidXml
from signing import coverage, names, presence, shape, xades
from signing.certificate import Key
from signing.coverage import Plan
from signing.engine import ChangedError, PinnedVerifier
from signing.errors import SigningCode
from signing.judge import Judge, Standing, links
from signing.policy import DIGEST_ALGORITHMS, SIGNATURE_METHODS, Policy
from signing.revocation import RevocationSource
from signing.shape import Shape
from signing.trust import Chain, TrustStore
from signing.verdict import Finding, Indication, TimeSource, Verdict
from signing.when import When, decide
from signing.xades import Properties

_log = logging.getLogger(__name__)
_MAX_FINDINGS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Examined:
    """A signature whose shape and coverage are accepted; nothing of it is verified yet."""

    shape: Shape
    plan: Plan
    properties: Properties


class Verifier:
    """Verifies envelopes against one trust store and one policy. Safe to share between threads."""

    def __init__(
        self,
        trust: TrustStore,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        *,
        revocation: RevocationSource | None = None,
    ) -> None:
        self._judge = Judge(trust, policy, revocation=revocation)
        self._policy = policy

    def verify(self, valid: ValidXml, *, at: datetime) -> Verdict:
        """The verdict on an envelope that was received at ``at``. Never raises for what a caller sent."""
        try:
            return self._verify(valid, at)
        except Exception as error:  # noqa: BLE001 - signxml, lxml and cryptography raise a dozen types on bad input
            _log.warning("signature_not_understood %s", type(error).__name__)
            return _failed(at, Finding(code=SigningCode.SHAPE, path=names.SIGNATURE_PATH))

    def _verify(self, valid: ValidXml, at: datetime) -> Verdict:
        found = presence.find(valid.parsed.root)
        if isinstance(found, presence.Absent):
            return Verdict(indication=Indication.INDETERMINATE, signing_time=at, findings=(found.finding,))
        if isinstance(found, tuple):
            return _failed(at, *found)
        examined = self._examine(valid, shape.examine(found, policy=self._policy))
        if isinstance(examined, tuple):
            return _failed(at, *examined[:_MAX_FINDINGS])
        when = decide(claimed=examined.properties.claimed_time, accepted_at=at, policy=self._policy)
        if isinstance(when, Finding):
            return _failed(at, when)
        return self._weigh(valid, examined, when, at)

    def _examine(self, valid: ValidXml, taken: Shape | tuple[Finding, ...]) -> _Examined | tuple[Finding, ...]:
        """Everything that can be said of form and coverage, all faults together."""
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
        return _Examined(shape=taken, plan=planned, properties=properties)

    def _weigh(self, valid: ValidXml, examined: _Examined, when: When, now: datetime) -> Verdict:
        chain = self._judge.chain(examined.shape.certificates, at=when.at)
        if isinstance(chain, Finding):
            return _failed(when.at, chain, source=when.source)
        method = SIGNATURE_METHODS[examined.shape.method]
        faults = [*_key_faults(chain.key, method, self._policy)]
        if not xades.names_certificate(examined.properties, chain.leaf):
            path = f"{names.SIGNATURE_PATH}/ds:KeyInfo"
            faults.append(Finding(code=SigningCode.FORGED, path=path, expected="the certificate that was signed"))
        if not faults:
            faults.extend(self._compute(valid, examined, chain, when) or coverage.unsigned_words(valid))
        if faults:
            refused = Standing(indication=Indication.TOTAL_FAILED, findings=tuple(faults))
            return _verdict(valid, examined, chain, when, refused)
        standing = self._judge.standing(chain, when=when, now=now, path=f"{names.SIGNATURE_PATH}/ds:KeyInfo")
        return _verdict(valid, examined, chain, when, standing)

    def _compute(self, valid: ValidXml, examined: _Examined, chain: Chain, when: When) -> tuple[Finding, ...]:
        """The cryptography itself: empty if the value and every digest are right."""
        engine = PinnedVerifier(signature=examined.shape.signature, targets=examined.plan.targets)
        try:
            engine.run(valid.parsed.root, certificate=chain.leaf, at=when.at, policy=self._policy)
        except ChangedError as error:
            return (Finding(code=SigningCode.DIGEST_MISMATCH, path=error.target.path, got=error.target.name),)
        except InvalidSignature:
            return (Finding(code=SigningCode.FORGED, path=f"{names.SIGNATURE_PATH}/ds:SignatureValue"),)
        if engine.verified != list(examined.plan.targets):
            return (Finding(code=SigningCode.NOT_COVERED, path=names.SIGNATURE_PATH),)
        return ()


def _verdict(valid: ValidXml, examined: _Examined, chain: Chain, when: When, standing: Standing) -> Verdict:
    """What did not pass covers nothing and releases nothing."""
    passed = standing.indication is Indication.TOTAL_PASSED
    return Verdict(
        indication=standing.indication,
        profile="XMLDSig" if examined.shape.properties is None else "XAdES-B",
        signer=chain.signer,
        chain=links(chain),
        algorithm=SIGNATURE_METHODS[examined.shape.method],
        digest_algorithm=_digest_names(examined),
        covered=examined.plan.covered if passed else (),
        revocation=standing.revocation,
        signing_time=when.at,
        signing_time_source=when.source,
        claimed_time=examined.properties.claimed_time,
        findings=standing.findings,
        evidence=standing.evidence,
        wanted=standing.wanted,
        document=coverage.release(valid, examined.plan) if passed else None,
    )


def _failed(at: datetime, *findings: Finding, source: TimeSource = TimeSource.ACCEPTANCE) -> Verdict:
    return Verdict(indication=Indication.TOTAL_FAILED, signing_time=at, signing_time_source=source, findings=findings)


def _digest_names(examined: _Examined) -> str:
    return ",".join(sorted(DIGEST_ALGORITHMS[uri] for uri in examined.shape.digest_methods))


def _key_faults(key: Key, method: str, policy: Policy) -> list[Finding]:
    path = f"{names.SIGNATURE_PATH}/ds:KeyInfo"
    small = key.family == "rsa" and key.bits < policy.min_rsa_bits
    if small or (key.family == "ecdsa" and key.curve not in policy.curves):
        got = f"{key.family} {key.curve or key.bits}"
        return [Finding(code=SigningCode.WEAK_ALGORITHM, path=path, got=got)]
    if not method.startswith(key.family):
        return [Finding(code=SigningCode.FORGED, path=path, expected=method, got=f"a key for {key.family}")]
    return []
