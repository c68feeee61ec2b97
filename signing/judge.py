"""Is this certificate to be believed? One judgement for every kind of signature: path, then revocation.

XML signatures, PDF signatures and timestamps come here with the certificates they carry; none of them builds
paths or asks for revocation by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signing.certificate import Purpose
from signing.errors import SigningCode
from signing.evidence import Evidence, RevocationNote, RevocationState, Wanted
from signing.policy import Policy
from signing.revocation import NoRevocationCheck, RevocationSource
from signing.trust import Chain, Incomplete, Trust
from signing.verdict import Finding, Indication
from signing.when import When


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a validated path stands as to revocation."""

    indication: Indication  #: PASSED, FAILED (revoked) or INDETERMINATE (cannot tell yet)
    findings: tuple[Finding, ...] = ()
    revocation: tuple[RevocationNote, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    wanted: tuple[Wanted, ...] = ()


class Judge:
    """Judges certificates against those whom we trust and one source of revocation. Safe to share between threads."""

    def __init__(
        self,
        trust: Trust,
        policy: Policy = Policy(),  # noqa: B008 - frozen
        *,
        revocation: RevocationSource | None = None,
    ) -> None:
        self.trust = trust
        self.policy = policy
        self._revocation = revocation if revocation is not None else NoRevocationCheck()

    def chain(
        self,
        certificates: Sequence[bytes],
        *,
        at: datetime,
        purpose: Purpose = Purpose.DOCUMENTS,
        leaf: bytes | None = None,
    ) -> Chain | Finding:
        """See ``Trust.chain``."""
        return self.trust.chain(certificates, at=at, purpose=purpose, leaf=leaf)

    @staticmethod
    def without(finding: Finding) -> Standing:
        """Where a signature stands for which ``chain`` found no path: failed, unless an authority may yet come."""
        if isinstance(finding, Incomplete):
            return Standing(indication=Indication.INDETERMINATE, findings=(finding,), wanted=finding.wanted)
        return Standing(indication=Indication.TOTAL_FAILED, findings=(finding,))

    def standing(self, chain: Chain, *, when: When, now: datetime, path: str) -> Standing:
        """Revocation of a validated path. Asked last: only for signatures whose cryptography is right.

        Where nobody but the signer vouches for the time, what is revoked now counts as revoked.
        """
        answer = self._revocation.check(chain.path, at=when.at if when.proved else now, now=now)
        indication, findings = Indication.TOTAL_PASSED, tuple[Finding, ...]()
        if answer.state is RevocationState.REVOKED:
            revoked = next(note for note in answer.notes if note.state is RevocationState.REVOKED)
            told = "" if revoked.revoked_at is None else revoked.revoked_at.isoformat()
            findings = (Finding(code=SigningCode.REVOKED, path=path, got=f"{revoked.reason} {told}".strip()),)
            indication = Indication.TOTAL_FAILED
        elif answer.state is RevocationState.UNKNOWN:
            findings = (Finding(code=SigningCode.REVOCATION_UNKNOWN, path=path),)
            indication = Indication.INDETERMINATE
        return Standing(
            indication=indication,
            findings=findings,
            revocation=answer.notes,
            evidence=(*chain.evidence, *answer.evidence),
            wanted=answer.wanted,
        )
