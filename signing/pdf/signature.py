"""The verdict on one signature of a PDF. The same judgement as for XML: form, whose it is, cryptography, standing.

The cheapest comes first, and nothing is compared for a signer whom nobody trusts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from signing import cms, timestamp
from signing.cms import Signed
from signing.errors import SigningCode
from signing.judge import Judge, Standing
from signing.pdf.boxes import Box
from signing.pdf.changes import changes
from signing.pdf.errors import unreadable
from signing.pdf.held import Held, uncovered
from signing.pdf.survey import Survey
from signing.timestamp import Stamped
from signing.trust import Chain, Incomplete
from signing.verdict import Finding, Indication, Place, TimeSource, Verdict
from signing.when import When, decide

DETACHED: Final = "adbe.pkcs7.detached"
PADES: Final = "ETSI.CAdES.detached"
DOCUMENT_TIMESTAMP: Final = "ETSI.RFC3161"
_OVER_SHA1: Final = frozenset({"adbe.pkcs7.sha1", "adbe.x509.rsa_sha1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What the signatures of one file have in common."""

    judge: Judge
    now: datetime
    survey: Survey
    boxes: tuple[Box, ...] = ()  #: in which signatures are seen
    held: tuple[Held, ...]
    vouched: tuple[tuple[int, Stamped], ...] = ()  #: good timestamps over the document, by their order

    @property
    def active(self) -> tuple[Finding, ...]:
        """What runs in a signed document shows whatever it likes."""
        names = ", ".join(sorted(self.survey.active))
        return (Finding(code=SigningCode.PDF_ACTIVE, got=names),) if names else ()


def failed(now: datetime, *findings: Finding, order: int = 1, **known: Any) -> Verdict:
    """A verdict of refusal, with as much as is known of the signature."""
    return Verdict(
        indication=Indication.TOTAL_FAILED,
        place=Place.ATTACHMENT,
        path=findings[0].path if findings else "",
        order=order,
        signing_time=known.pop("signing_time", now),
        findings=findings,
        **known,
    )


def document_timestamp(one: Held, context: Context) -> tuple[Verdict, Stamped | None]:
    """The verdict on a timestamp over the document, and the timestamp if it is good. May raise anything."""
    found = timestamp.check(one.value, over=one.digest, judge=context.judge, now=context.now, path=one.field)
    added, faults = _later(one, context)
    if isinstance(found, Finding) or faults or context.active:
        wrong = (found,) if isinstance(found, Finding) else ()
        return failed(context.now, *wrong, *context.active, *faults, order=one.order, profile=one.kind), None
    verdict = Verdict(
        indication=found.standing.indication,
        place=Place.ATTACHMENT,
        path=one.field,
        order=one.order,
        profile=one.kind,
        covered=(one.covered,) if found.standing.indication is Indication.TOTAL_PASSED else (),
        later_changes=added,
        signing_time=found.stamp.at,
        signing_time_source=TimeSource.TIMESTAMP,
        stamp=found.stamp,
        revocation=found.standing.revocation,
        findings=found.standing.findings,
        evidence=found.standing.evidence,
        wanted=found.standing.wanted,
    )
    return verdict, found if verdict.passed else None


def signature(one: Held, context: Context) -> Verdict:
    """The verdict on a signature. May raise anything."""
    signed = _read(one, context)
    if isinstance(signed, Finding):
        return failed(context.now, signed, order=one.order, profile=_profile(one, None))
    stamped = _stamped(one, signed, context)
    if isinstance(stamped, Finding):
        return failed(context.now, stamped, order=one.order, profile=_profile(one, None))
    stamp = None if stamped is None else stamped.stamp
    claimed = signed.claimed_time or one.written
    when = decide(claimed=claimed, stamp=stamp, accepted_at=context.now, policy=context.judge.policy, path=one.field)
    if isinstance(when, Finding):
        return failed(context.now, when, order=one.order, profile=_profile(one, stamped), claimed_time=claimed)
    return _Weighed(one=one, signed=signed, stamped=stamped, when=when, claimed=claimed, context=context).verdict()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Weighed:
    """A signature whose form is accepted, at the time that counts."""

    one: Held
    signed: Signed
    stamped: Stamped | None
    when: When
    claimed: datetime | None
    context: Context

    def verdict(self) -> Verdict:
        found = self._chain(self.when.at)
        chain = self._chain(self.claimed) if self._too_old(found) and self.claimed is not None else found
        if isinstance(chain, Finding):
            return self._without_chain(chain)
        forged = self._cryptography(chain)
        added, faults = _later(self.one, self.context) if forged is None else ((), (forged,))
        faults = (*faults, *self.context.active)
        if faults:
            return self._verdict(chain, Standing(indication=Indication.TOTAL_FAILED, findings=faults), ())
        standing = self.context.judge.standing(chain, when=self.when, now=self.context.now, path=self.one.field)
        if isinstance(found, Finding) and standing.indication is not Indication.TOTAL_FAILED:
            standing = self._unproved(found, standing)
        return self._verdict(chain, standing, added)

    def _chain(self, at: datetime) -> Chain | Finding:
        judge = self.context.judge
        steps = cms.issuing(self.signed, most=judge.policy.max_certificates - 1)
        return judge.chain(steps, leaf=self.signed.certificate, at=at)

    def _too_old(self, found: Chain | Finding) -> bool:
        """Whether the certificate has expired since, and nobody proves that it was signed before."""
        expired = isinstance(found, Finding) and found.code is SigningCode.EXPIRED
        return expired and self.when.source is TimeSource.ACCEPTANCE

    def _unproved(self, expired: Finding, standing: Standing) -> Standing:
        """Sound, by a certificate that was valid when he says he signed (EN 319 102-1: no proof of existence)."""
        expected = "a timestamp of the time when the certificate was valid"
        return Standing(
            indication=Indication.INDETERMINATE,
            findings=(Finding(code=SigningCode.UNPROVED, path=self.one.field, expected=expected, got=expired.got),),
            revocation=standing.revocation,
            evidence=standing.evidence,
        )

    def _cryptography(self, chain: Chain) -> Finding | None:
        one, signed = self.one, self.signed
        if signed.method.partition("-")[0] != chain.key.family:
            got = f"a key for {chain.key.family}"
            return Finding(code=SigningCode.FORGED, path=one.field, expected=signed.method, got=got)
        digest = one.digest(signed.digest_algorithm)
        return cms.verify(signed, content_type="data", digest=digest, path=one.field)

    def _without_chain(self, finding: Finding) -> Verdict:
        """An authority that is missing may come: until then nobody can tell."""
        placed = Finding(code=finding.code, path=self.one.field, expected=finding.expected, got=finding.got)
        refused = failed(
            self.context.now,
            placed,
            order=self.one.order,
            profile=_profile(self.one, self.stamped),
            algorithm=self.signed.method,
            digest_algorithm=self.signed.digest_algorithm,
            signing_time=self.when.at,
            signing_time_source=self.when.source,
            claimed_time=self.claimed,
        )
        if isinstance(finding, Incomplete):
            return replace(refused, indication=Indication.INDETERMINATE, wanted=finding.wanted)
        return refused

    def _verdict(self, chain: Chain, standing: Standing, added: tuple[str, ...]) -> Verdict:
        together = _both(standing, self.stamped)
        return Verdict(
            indication=together.indication,
            place=Place.ATTACHMENT,
            path=self.one.field,
            order=self.one.order,
            profile=_profile(self.one, self.stamped),
            signer=chain.signer,
            chain=chain.links,
            algorithm=self.signed.method,
            digest_algorithm=self.signed.digest_algorithm,
            covered=(self.one.covered,) if together.indication is Indication.TOTAL_PASSED else (),
            later_changes=added,
            revocation=together.revocation,
            signing_time=self.when.at,
            signing_time_source=self.when.source,
            claimed_time=self.claimed,
            stamp=None if self.stamped is None else self.stamped.stamp,
            findings=together.findings,
            evidence=together.evidence,
            wanted=together.wanted,
        )


def _read(one: Held, context: Context) -> Signed | Finding:
    if one.kind not in (DETACHED, PADES):
        code = SigningCode.WEAK_ALGORITHM if one.kind in _OVER_SHA1 else SigningCode.PDF_UNREADABLE
        return Finding(code=code, path=one.field, expected=f"{DETACHED} or {PADES}")
    signed = cms.read(one.value, content_type="data", policy=context.judge.policy, path=one.field)
    if isinstance(signed, Finding):
        return replace(signed, code=SigningCode.PDF_UNREADABLE) if signed.code is SigningCode.SHAPE else signed
    if signed.content["content"].native is not None:
        return unreadable("a detached signature", "one with content", path=one.field)
    if one.kind == PADES and not signed.names_certificate:
        return unreadable("the signing certificate named in the signed attributes", path=one.field)
    return signed


def _stamped(one: Held, signed: Signed, context: Context) -> Stamped | Finding | None:
    """The signature's own timestamp, or the first good one over the document that came after it."""
    if not signed.stamps:
        return next((stamped for order, stamped in context.vouched if order > one.order), None)
    if len(signed.stamps) > 1:
        return Finding(
            code=SigningCode.TIMESTAMP, path=one.field, expected="one timestamp", got=str(len(signed.stamps))
        )
    return timestamp.check(
        signed.stamps[0],
        over=lambda algorithm: cms.digest(algorithm, signed.value),
        judge=context.judge,
        now=context.now,
        path=one.field,
    )


def _later(one: Held, context: Context) -> tuple[tuple[str, ...], tuple[Finding, ...]]:
    """Words for what came after the signature, and what of it should not be there."""
    later = tuple(other for other in context.held if other.order > one.order)
    added = changes(one, later, context.survey, context.boxes)
    gap = uncovered(one, last=not later, added=() if isinstance(added, Finding) else added)
    if isinstance(added, Finding):
        return (), (added,) if gap is None else (added, gap)
    return added, () if gap is None else (gap,)


def _profile(one: Held, stamped: Stamped | None) -> str:
    if one.kind == DETACHED:
        return DETACHED
    if one.kind != PADES:
        return ""
    return "PAdES-B" if stamped is None else "PAdES-T"


def _both(standing: Standing, stamped: Stamped | None) -> Standing:
    """A signature proved by a timestamp stands as surely as both."""
    if stamped is None:
        return standing
    other = stamped.standing
    worse = other.indication if standing.indication is Indication.TOTAL_PASSED else standing.indication
    return Standing(
        indication=worse,
        findings=(*standing.findings, *other.findings),
        revocation=(*standing.revocation, *other.revocation),
        evidence=(*standing.evidence, *other.evidence),
        wanted=(*standing.wanted, *other.wanted),
    )
