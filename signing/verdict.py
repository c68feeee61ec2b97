"""What the verifier found, as frozen data. Vocabulary of ETSI EN 319 102-1.

A verdict never holds a person's name, and its JSON masks personal numbers: it is stored as evidence and
delivered beside the envelope.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from envelopes.errors import EnvelopeCode
from signing.errors import SigningCode

if TYPE_CHECKING:
    from envelopes.reader import SignedXml

#: Schemes of a subject UID that name a natural person (CCCD and CMND identity cards, HC passport).
PERSONAL_SCHEMES: Final = frozenset({"CCCD", "CMND", "HC"})

_NO_SIGNATURE: Final = frozenset({SigningCode.UNSIGNED, SigningCode.PLACEHOLDER})
_SHOWN_DIGITS = 3


class Indication(StrEnum):
    """The three answers there are."""

    TOTAL_PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    TOTAL_FAILED = "TOTAL-FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with the signature. ``got`` never holds document text or a name."""

    code: SigningCode | EnvelopeCode
    path: str = ""
    expected: str = ""
    got: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose certificate it is, by what identifies it; never by the common name."""

    fingerprint: str  #: SHA-256 of the DER, lower-case hex
    subject_uid: str  #: ``CCCD:…``, ``MST:…``, or empty
    serial: str  #: lower-case hex
    issuer: str  #: RFC 4514
    not_before: datetime
    not_after: datetime
    personal: bool  #: the UID is a natural person's


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was verified, with which result. ``document`` is there only if everything required passed."""

    indication: Indication
    signer: Signer | None = None
    algorithm: str = ""
    digest_algorithm: str = ""
    covered: tuple[str, ...] = ()
    signing_time: datetime
    signing_time_source: str = "acceptance"  #: ``claimed`` or ``acceptance``
    findings: tuple[Finding, ...] = ()
    document: SignedXml | None = None

    @property
    def signed(self) -> bool:
        """Whether there was a real signature at all, good or bad."""
        return not any(finding.code in _NO_SIGNATURE for finding in self.findings)

    @property
    def passed(self) -> bool:
        return self.indication is Indication.TOTAL_PASSED

    def as_json(self) -> str:
        """The verdict for the evidence store: stable key order, no names, personal numbers masked."""
        return json.dumps(
            {
                "indication": self.indication.value,
                "signer": _signer_json(self.signer),
                "algorithm": self.algorithm,
                "digest_algorithm": self.digest_algorithm,
                "covered": list(self.covered),
                "signing_time": self.signing_time.isoformat(),
                "signing_time_source": self.signing_time_source,
                "findings": [
                    {"code": f.code.value, "path": f.path, "expected": f.expected, "got": f.got} for f in self.findings
                ],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


def mask_uid(uid: str, *, personal: bool) -> str:
    """A person's number shown by its last digits only; an organisation's tax code is public."""
    if not personal:
        return uid
    scheme, _, number = uid.partition(":")
    hidden = max(len(number) - _SHOWN_DIGITS, 0)
    return f"{scheme}:{'*' * hidden}{number[hidden:]}"


def _signer_json(signer: Signer | None) -> dict[str, object] | None:
    if signer is None:
        return None
    return {
        "fingerprint": signer.fingerprint,
        "subject_uid": mask_uid(signer.subject_uid, personal=signer.personal),
        "serial": signer.serial,
        "issuer": signer.issuer,
        "not_before": signer.not_before.isoformat(),
        "not_after": signer.not_after.isoformat(),
        "personal": signer.personal,
    }
