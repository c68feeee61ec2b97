"""What a verdict rests on, and what is missing for one. Plain data: it travels between processes.

Law: evidence is named by its digest and never altered. ``octets`` is None for what lies in the revocation cache
under that digest already (lists can be megabytes): whoever stores evidence reads it there.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self


class EvidenceKind(StrEnum):
    """What sort of octets it is; all of them DER."""

    CERTIFICATE = "certificate"  #: RFC 5280
    CRL = "crl"  #: RFC 5280
    OCSP = "ocsp"  #: OCSPResponse of RFC 6960
    TIMESTAMP = "timestamp"  #: TimeStampToken of RFC 3161


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One certificate, list, answer or token."""

    kind: EvidenceKind
    sha256: str  #: lower-case hex over the DER
    octets: bytes | None

    @classmethod
    def of(cls, kind: EvidenceKind, octets: bytes) -> Self:
        return cls(kind=kind, sha256=hashlib.sha256(octets).hexdigest(), octets=octets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Something that a fetcher may get, so that the next look can tell: born here, fetched elsewhere."""

    kind: EvidenceKind  #: CRL, OCSP, or CERTIFICATE (of an authority that is missing on the path)
    urls: tuple[str, ...]  #: in the order of the certificate; a fetcher applies its own allow-list
    subject: bytes  #: DER of the certificate that is asked about
    issuer: bytes  #: DER of its issuer; empty where that one is what is wanted


class RevocationState(StrEnum):
    """What the sources say of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  #: cannot tell yet: come again
    NOT_CHECKED = "not_checked"  #: nobody was asked, by the operator's choice


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationNote:
    """What is known of one certificate of a path, and on whose word."""

    certificate: str  #: fingerprint: SHA-256 over the DER, lower-case hex
    state: RevocationState
    source: str = ""  #: ``crl``, ``ocsp`` or empty
    origin: str = ""  #: the URL or the offline file that it came from
    produced_at: datetime | None = None  #: thisUpdate of the list or answer
    next_update: datetime | None = None
    revoked_at: datetime | None = None
    reason: str = ""  #: CRLReason of RFC 5280, e.g. ``keyCompromise``
    evidence: str = ""  #: sha256 of the list or answer
