"""Is it genuine? Turns a valid envelope into a verdict.

The order is the cheapest first, and nothing is computed for a signer whom nobody trusts: where the signature
stands, its shape, what it covers, whose certificate it is and whether a root vouches for it, and only then the
digests and the signature value. Law: no exception leaves ``verify``; what is not understood has failed.
"""

from __future__ import annotations

import logging
from datetime import datetime

from envelopes.schema import ValidXml
from signing import coverage, names, presence, sound, xades
from signing.errors import SigningCode
from signing.judge import Judge, Standing
from signing.policy import DIGEST_ALGORITHMS, SIGNATURE_METHODS, Policy
from signing.revocation import RevocationSource
from signing.sound import Examined
from signing.timestamp import Stamped
from signing.trust import Chain, Trust
from signing.verdict import Finding, Indication, TimeSource, Verdict
from signing.when import When, decide

_log = logging.getLogger(__name__)
_MAX_FINDINGS = 50
_WORST_FIRST = (Indication.TOTAL_FAILED, Indication.INDETERMINATE, Indication.TOTAL_PASSED)


class Verifier:
    """Verifies envelopes against one trust store and one policy. Safe to share between threads."""

    def __init__(
        self,
        trust: Trust,
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
        except MemoryError:
            raise  # says nothing of the signature
        except Exception as error:  # noqa: BLE001 - signxml, lxml and cryptography raise a dozen types on bad input
            _log.warning("signature_not_understood %s", type(error).__name__)
            return _failed(at, Finding(code=SigningCode.SHAPE, path=names.SIGNATURE_PATH))

    def _verify(self, valid: ValidXml, at: datetime) -> Verdict:
        found = presence.find(valid.parsed.root)
        if isinstance(found, presence.Absent):
            return Verdict(indication=Indication.INDETERMINATE, signing_time=at, findings=(found.finding,))
        if isinstance(found, tuple):
            return _failed(at, *found)
        examined = sound.examine(valid, found, policy=self._policy)
        if isinstance(examined, tuple):
            return _failed(at, *examined[:_MAX_FINDINGS])
        stamps = xades.stamps(examined.shape, judge=self._judge, now=at)
        if isinstance(stamps, Finding):
            return _failed(at, stamps)
        first = min((one.stamp for one in stamps), key=lambda stamp: stamp.at, default=None)
        claimed = examined.properties.claimed_time
        when = decide(claimed=claimed, stamp=first, accepted_at=at, policy=self._policy)
        if isinstance(when, Finding):
            return _failed(at, when)
        return self._weigh(valid, examined, stamps, when, at)

    def _weigh(
        self, valid: ValidXml, examined: Examined, stamps: tuple[Stamped, ...], when: When, now: datetime
    ) -> Verdict:
        chain = self._judge.chain(examined.shape.certificates, at=when.at)
        if isinstance(chain, Finding):
            return _nobody(_together(self._judge.without(chain), *(one.standing for one in stamps)), when)
        faults = sound.compute(valid, examined, chain.leaf, at=when.at, policy=self._policy)
        if faults:
            standing = Standing(indication=Indication.TOTAL_FAILED, findings=faults)
        else:
            standing = self._judge.standing(chain, when=when, now=now, path=f"{names.SIGNATURE_PATH}/ds:KeyInfo")
        standing = _together(standing, *(one.standing for one in stamps))
        return _verdict(valid, examined, chain, stamps, when, standing)


def _together(*standings: Standing) -> Standing:
    """The worst of all, with the findings of the worst first."""
    by_weight = sorted(standings, key=lambda standing: _WORST_FIRST.index(standing.indication))
    return Standing(
        indication=by_weight[0].indication,
        findings=tuple([finding for standing in by_weight for finding in standing.findings]),
        revocation=tuple([note for standing in standings for note in standing.revocation]),
        evidence=tuple({one.sha256: one for standing in standings for one in standing.evidence}.values()),
        wanted=tuple(dict.fromkeys(one for standing in standings for one in standing.wanted)),
    )


def _verdict(
    valid: ValidXml,
    examined: Examined,
    chain: Chain,
    stamps: tuple[Stamped, ...],
    when: When,
    standing: Standing,
) -> Verdict:
    """What did not pass covers nothing and releases nothing."""
    passed = standing.indication is Indication.TOTAL_PASSED
    return Verdict(
        indication=standing.indication,
        profile=_profile(examined),
        signer=chain.signer,
        chain=chain.links,
        algorithm=SIGNATURE_METHODS[examined.shape.method],
        digest_algorithm=_digest_names(examined),
        covered=examined.plan.covered if passed else (),
        revocation=standing.revocation,
        signing_time=when.at,
        signing_time_source=when.source,
        claimed_time=examined.properties.claimed_time,
        stamp=next((one.stamp for one in stamps if one.stamp.at == when.at), None),
        findings=standing.findings,
        evidence=standing.evidence,
        wanted=standing.wanted,
        document=coverage.release(valid, examined.plan) if passed else None,
    )


def _nobody(standing: Standing, when: When) -> Verdict:
    """No signer whom anybody vouches for: nothing was computed, nothing else is told."""
    return Verdict(
        indication=standing.indication,
        signing_time=when.at,
        signing_time_source=when.source,
        findings=standing.findings,
        wanted=standing.wanted,
    )


def _failed(at: datetime, *findings: Finding, source: TimeSource = TimeSource.ACCEPTANCE) -> Verdict:
    return Verdict(indication=Indication.TOTAL_FAILED, signing_time=at, signing_time_source=source, findings=findings)


def _profile(examined: Examined) -> str:
    if examined.shape.properties is None:
        return "XMLDSig"
    return "XAdES-T" if examined.shape.stamps else "XAdES-B"


def _digest_names(examined: Examined) -> str:
    return ",".join(sorted(DIGEST_ALGORITHMS[uri] for uri in examined.shape.digest_methods))
