"""At which time must certificates be valid, and on whose word? The same rule for every kind of signature.

TT 22/2020 and TT 15/2025: validity at signing time. A trusted timestamp proves it; the signer's own claim counts
within the policy's window; else the time of acceptance does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from signing.errors import SigningCode
from signing.policy import Policy
from signing.verdict import Finding, Stamp, TimeSource


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """The signing time as far as it is believed."""

    at: datetime
    source: TimeSource

    @property
    def proved(self) -> bool:
        """Whether somebody else than the signer vouches for it: only then may later revocation be overlooked."""
        return self.source is TimeSource.TIMESTAMP


def decide(
    *, claimed: datetime | None, stamp: Stamp | None = None, accepted_at: datetime, policy: Policy, path: str = ""
) -> When | Finding:
    """The time to judge by, or why the claim is refused: a claim in the future is a wrong clock or a lie."""
    if claimed is not None and claimed > accepted_at + policy.claim_max_lead:
        expected = f"not after {(accepted_at + policy.claim_max_lead).isoformat()}"
        return Finding(code=SigningCode.SIGNING_TIME, path=path, expected=expected, got=claimed.isoformat())
    if stamp is not None:
        return When(at=stamp.at, source=TimeSource.TIMESTAMP)
    if claimed is None or claimed < accepted_at - policy.claim_max_age:
        return When(at=accepted_at, source=TimeSource.ACCEPTANCE)
    return When(at=claimed, source=TimeSource.CLAIMED)
