"""A report with everything that can be in one, as the ledger keeps it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from signing.errors import SigningCode
from signing.evidence import Evidence, EvidenceKind, RevocationNote, RevocationState
from signing.report import AttachmentReport, Report
from signing.verdict import Finding, Indication, Link, Place, Role, Signer, Stamp, TimeSource, Verdict
from trunk.domain.agency import Agency, Mandate
from trunk.domain.delivery import AgencyCode
from trunk.domain.signature_policy import BUILT_IN
from trunk.domain.signature_record import written
from trunk.domain.weighing import weigh

NOW = datetime(2026, 11, 22, 1, 30, tzinfo=UTC)
PERSON = "aa" * 32
CERTIFICATE = Evidence.of(EvidenceKind.CERTIFICATE, b"\x30\x00 certificate")
ANSWER = Evidence.of(EvidenceKind.OCSP, b"\x30\x00 answer")
NUMBER = "001085000001"

SIGNER = Signer(
    fingerprint=PERSON,
    subject_uid=f"CCCD:{NUMBER}",
    serial="1f",
    issuer="CN=CA",
    not_before=NOW - timedelta(days=300),
    not_after=NOW + timedelta(days=300),
    role=Role.PERSON,
    domain="public",
    key_bits=2048,
)
GOOD = RevocationNote(
    certificate=PERSON,
    state=RevocationState.GOOD,
    source="ocsp",
    origin="http://ocsp.test/",
    produced_at=NOW - timedelta(hours=3),
    next_update=NOW + timedelta(days=1),
    evidence=ANSWER.sha256,
)
SIGNED = Verdict(
    indication=Indication.TOTAL_PASSED,
    profile="XAdES-T",
    signer=SIGNER,
    chain=(
        Link(fingerprint=PERSON, issuer="CN=CA", serial="1f", not_before=SIGNER.not_before, not_after=SIGNER.not_after),
    ),
    algorithm="rsa-sha256",
    digest_algorithm="sha256",
    covered=("MessageHeader", "cid:1"),
    revocation=(GOOD,),
    signing_time=NOW - timedelta(minutes=2),
    signing_time_source=TimeSource.TIMESTAMP,
    claimed_time=NOW - timedelta(minutes=3),
    stamp=Stamp(at=NOW - timedelta(minutes=2), authority="cc" * 32, domain="public", evidence="dd" * 32),
    evidence=(CERTIFICATE, ANSWER),
)
BROKEN = Verdict(
    indication=Indication.TOTAL_FAILED,
    place=Place.ATTACHMENT,
    path="Signature1",
    signing_time=NOW,
    later_changes=("signature",),
    findings=(Finding(code=SigningCode.PDF_CHANGED, path="Signature1", expected="", got="x" * 500),),
)
REPORT = Report(
    at=NOW,
    envelope=SIGNED,
    attachments=(AttachmentReport(content_id="1", main=True, file="pdf", verdicts=(BROKEN,)),),
)
AGENCY = Agency(code=AgencyCode("H41"), name="Bộ", mandates=(Mandate(fingerprint=PERSON),))
KEPT = written(REPORT, weigh(BUILT_IN["deliver-marked"], REPORT, AGENCY, at=NOW))
