"""An examiner for vectors and fuzz: everything is judged, revocation required, from a trust folder and no network."""

from __future__ import annotations

from pathlib import Path

from signing.domains import read_domains, read_intermediates
from signing.examination import Examination
from signing.examiner import Examiner
from signing.judge import Judge
from signing.pdf.verifier import PdfVerifier
from signing.revocation.offline import OfflineLists
from signing.revocation.stored import StoredRevocation
from signing.trust import TrustStore
from signing.verdict import Verdict
from signing.verifier import Verifier


def examiner(trust_folder: Path) -> Examiner:
    """Judges by the folder alone. Every URL counts as one that may yet bring an authority."""
    trust = TrustStore(
        domains=read_domains(trust_folder), intermediates=read_intermediates(trust_folder), obtainable=lambda urls: urls
    )
    revocation = StoredRevocation(offline=OfflineLists(trust_folder))
    inside = PdfVerifier(Judge(trust, revocation=revocation))
    return Examiner(verifier=Verifier(trust, revocation=revocation), attachments=inside)


def codes(known: Examination) -> list[str]:
    """Everything that is wrong: faults of form, and findings of every signature."""
    verdicts: tuple[Verdict, ...] = () if known.report is None else tuple(known.report.verdicts)
    return [str(fault.code) for fault in known.faults] + [
        finding.code.value for verdict in verdicts for finding in verdict.findings
    ]
