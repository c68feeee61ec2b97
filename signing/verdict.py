"""What was found about one signature, as frozen data. Vocabulary of ETSI EN 319 102-1.

A verdict never holds a person's name, and its JSON masks personal numbers: it is stored as evidence and
delivered beside the envelope. The verdicts on one envelope make a report (``signing.report``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from envelopes.errors import EnvelopeCode
from signing.errors import SigningCode
from signing.evidence import Evidence, RevocationNote, Wanted
from signing.names import SIGNATURE_PATH

if TYPE_CHECKING:
    from envelopes.reader import SignedXml

_NO_SIGNATURE: Final = frozenset({SigningCode.UNSIGNED, SigningCode.PLACEHOLDER})
_SHOWN_DIGITS = 3


class Indication(StrEnum):
    """The three answers there are."""

    TOTAL_PASSED = "TOTAL-PASSED"
    INDETERMINATE = "INDETERMINATE"
    TOTAL_FAILED = "TOTAL-FAILED"


class Role(StrEnum):
    """Whose certificate it is, as its trust domain tells by the subject's UID."""

    PERSON = "person"
    ORGANISATION = "organisation"
    UNKNOWN = "unknown"


class Place(StrEnum):
    """Where the signature was found."""

    ENVELOPE = "envelope"  #: ds:Signature in edXMLHeader
    ATTACHMENT = "attachment"  #: inside a PDF attachment


class TimeSource(StrEnum):
    """On whose word the signing time stands; the best first."""

    TIMESTAMP = "timestamp"  #: a trusted RFC 3161 token
    CLAIMED = "claimed"  #: the signer's own clock, within the policy's window
    ACCEPTANCE = "acceptance"  #: the trunk's clock


#: Sub-indications of EN 319 102-1 for the finding that decides; what is not here is a constraint of this trunk.
_SUB_INDICATIONS: Final[Mapping[SigningCode | EnvelopeCode, str]] = MappingProxyType(
    {
        SigningCode.UNSIGNED: "SIGNED_DATA_NOT_FOUND",
        SigningCode.PLACEHOLDER: "SIGNED_DATA_NOT_FOUND",
        SigningCode.NOT_COVERED: "FORMAT_FAILURE",
        SigningCode.SHAPE: "FORMAT_FAILURE",
        SigningCode.DUPLICATE_ID: "FORMAT_FAILURE",
        SigningCode.PDF_UNREADABLE: "FORMAT_FAILURE",
        SigningCode.PDF_NOT_COVERED: "FORMAT_FAILURE",
        SigningCode.DIGEST_MISMATCH: "HASH_FAILURE",
        SigningCode.PDF_CHANGED: "HASH_FAILURE",
        SigningCode.FORGED: "SIG_CRYPTO_FAILURE",
        SigningCode.WEAK_ALGORITHM: "CRYPTO_CONSTRAINTS_FAILURE",
        SigningCode.TIMESTAMP: "TIMESTAMP_ORDER_FAILURE",
        SigningCode.NO_CERTIFICATE: "NO_SIGNING_CERTIFICATE_FOUND",
        SigningCode.UNTRUSTED: "NO_CERTIFICATE_CHAIN_FOUND",
        SigningCode.CHAIN_INCOMPLETE: "NO_CERTIFICATE_CHAIN_FOUND",
        SigningCode.EXPIRED: "EXPIRED",
        SigningCode.NOT_YET_VALID: "NOT_YET_VALID",
        SigningCode.KEY_USAGE: "CHAIN_CONSTRAINTS_FAILURE",
        SigningCode.REVOKED: "REVOKED",
        SigningCode.REVOCATION_UNKNOWN: "TRY_LATER",
        SigningCode.UNPROVED: "OUT_OF_BOUNDS_NO_POE",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with the signature. ``got`` never holds document text or a name."""

    code: SigningCode | EnvelopeCode
    path: str = ""
    expected: str = ""
    got: str = ""

    def as_data(self) -> dict[str, str]:
        return {"code": self.code.value, "path": self.path, "expected": self.expected, "got": self.got}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """Whose certificate it is, by what identifies it; never by the common name."""

    fingerprint: str  #: SHA-256 of the DER, lower-case hex
    subject_uid: str  #: ``CCCD:…``, ``MST:…``, or empty
    serial: str  #: lower-case hex
    issuer: str  #: RFC 4514
    not_before: datetime
    not_after: datetime
    role: Role
    domain: str = ""  #: the trust domain whose root vouches for it
    key_bits: int = 0  #: size of the public key; 0: not told

    @property
    def personal(self) -> bool:
        """Whether a natural person holds the key (QĐ 28/2018, NĐ 30/2020: the authorised person signs)."""
        return self.role is Role.PERSON

    @property
    def shown_uid(self) -> str:
        return mask_uid(self.subject_uid, public=self.role is Role.ORGANISATION)


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One certificate of the path, signer first, root last."""

    fingerprint: str
    issuer: str  #: RFC 4514; of an authority, never of a person
    serial: str
    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """A trusted timestamp over the signature."""

    at: datetime
    authority: str  #: fingerprint of the authority's certificate
    domain: str
    evidence: str  #: sha256 of the token


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was verified, with which result. ``document`` is there only if everything required passed."""

    indication: Indication
    place: Place = Place.ENVELOPE
    path: str = SIGNATURE_PATH  #: in an attachment: the name of the signature field
    order: int = 1  #: 1 for the first signature that was made
    profile: str = ""  #: ``XMLDSig``, ``XAdES-B``, ``XAdES-T``, ``adbe.pkcs7.detached``, ``PAdES-B``, ``PAdES-T``
    signer: Signer | None = None
    chain: tuple[Link, ...] = ()
    algorithm: str = ""
    digest_algorithm: str = ""
    covered: tuple[str, ...] = ()  #: parts of the message; of a PDF ``file`` or ``revision N of M``
    later_changes: tuple[str, ...] = ()  #: what was added to a PDF afterwards and is allowed: ``signature``, ``dss``, …
    revocation: tuple[RevocationNote, ...] = ()
    signing_time: datetime
    signing_time_source: TimeSource = TimeSource.ACCEPTANCE
    claimed_time: datetime | None = None
    stamp: Stamp | None = None
    findings: tuple[Finding, ...] = ()
    evidence: tuple[Evidence, ...] = ()  #: stored beside the verdict, named in it by digest
    wanted: tuple[Wanted, ...] = ()  #: what would help to tell
    document: SignedXml | None = None

    @property
    def signed(self) -> bool:
        """Whether there was a real signature at all, good or bad."""
        return not any(finding.code in _NO_SIGNATURE for finding in self.findings)

    @property
    def passed(self) -> bool:
        return self.indication is Indication.TOTAL_PASSED

    @property
    def failed(self) -> bool:
        return self.indication is Indication.TOTAL_FAILED

    @property
    def unproved(self) -> bool:
        """Whether nothing is wrong but that the certificate has expired since: no time will tell, nobody vouches."""
        alone = bool(self.findings) and all(finding.code is SigningCode.UNPROVED for finding in self.findings)
        return self.indication is Indication.INDETERMINATE and alone

    @property
    def sub_indication(self) -> str:
        """Of EN 319 102-1 5.1.3; empty for what passed."""
        if self.passed or not self.findings:
            return ""
        return _SUB_INDICATIONS.get(self.findings[0].code, "SIG_CONSTRAINTS_FAILURE")

    def as_data(self) -> dict[str, Any]:
        """For JSON: stable key order, no names, personal numbers masked, times as RFC 3339."""
        return {
            "indication": self.indication.value,
            "sub_indication": self.sub_indication,
            "place": self.place.value,
            "path": self.path,
            "order": self.order,
            "profile": self.profile,
            "signer": None if self.signer is None else _signer(self.signer),
            "chain": [_link(link) for link in self.chain],
            "algorithm": self.algorithm,
            "digest_algorithm": self.digest_algorithm,
            "covered": list(self.covered),
            "later_changes": list(self.later_changes),
            "revocation": [_revocation(note) for note in self.revocation],
            "signing_time": self.signing_time.isoformat(),
            "signing_time_source": self.signing_time_source.value,
            "claimed_time": _time(self.claimed_time),
            "timestamp": None if self.stamp is None else _stamp(self.stamp),
            "findings": [finding.as_data() for finding in self.findings],
        }


def mask_uid(uid: str, *, public: bool) -> str:
    """A person's number shown by its last digits only; an organisation's tax code is public."""
    if public:
        return uid
    scheme, colon, number = uid.partition(":") if ":" in uid else ("", "", uid)
    hidden = max(len(number) - _SHOWN_DIGITS, 0)
    return f"{scheme}{colon}{'*' * hidden}{number[hidden:]}"


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _signer(signer: Signer) -> dict[str, Any]:
    return {
        "fingerprint": signer.fingerprint,
        "subject_uid": signer.shown_uid,
        "serial": signer.serial,
        "issuer": signer.issuer,
        "not_before": signer.not_before.isoformat(),
        "not_after": signer.not_after.isoformat(),
        "role": signer.role.value,
        "domain": signer.domain,
        "key_bits": signer.key_bits,
    }


def _link(link: Link) -> dict[str, Any]:
    return {
        "fingerprint": link.fingerprint,
        "issuer": link.issuer,
        "serial": link.serial,
        "not_before": link.not_before.isoformat(),
        "not_after": link.not_after.isoformat(),
    }


def _revocation(note: RevocationNote) -> dict[str, Any]:
    return {
        "certificate": note.certificate,
        "state": note.state.value,
        "source": note.source,
        "origin": note.origin,
        "produced_at": _time(note.produced_at),
        "next_update": _time(note.next_update),
        "revoked_at": _time(note.revoked_at),
        "reason": note.reason,
        "evidence": note.evidence,
    }


def _stamp(stamp: Stamp) -> dict[str, Any]:
    return {
        "at": stamp.at.isoformat(),
        "authority": stamp.authority,
        "domain": stamp.domain,
        "evidence": stamp.evidence,
    }
