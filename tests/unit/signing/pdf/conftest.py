"""Signed PDFs, made once for all tests, and what judges them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import Certificate

from scripts import make_signed_pdf
from scripts.make_signed_pdf import Workshop
from scripts.make_test_pki import Pki
from signing.evidence import Evidence, EvidenceKind, RevocationNote, RevocationState, Wanted
from signing.judge import Judge
from signing.pdf import PdfVerifier
from signing.pdf.octets import Lending
from signing.pdf.reading import StrictReader, open_pdf
from signing.revocation.source import RevocationAnswer
from signing.trust import TrustStore
from signing.verdict import Verdict
from tests.unit.signing.conftest import AT


@pytest.fixture(scope="session")
def shop(pki: Pki) -> Workshop:
    return Workshop(pki=pki, at=AT)


@pytest.fixture(scope="session")
def good(pki: Pki) -> dict[str, bytes]:
    return make_signed_pdf.good(pki, at=AT)


@pytest.fixture(scope="session")
def bad(pki: Pki) -> dict[str, dict[str, bytes]]:
    return make_signed_pdf.bad(pki, at=AT)


@pytest.fixture(scope="session")
def verifier(trust: TrustStore) -> PdfVerifier:
    return PdfVerifier(Judge(trust))


Look = Callable[..., tuple[Verdict, ...]]


@pytest.fixture(scope="session")
def look(verifier: PdfVerifier) -> Look:
    def look(octets: bytes, *, at: datetime = AT, by: PdfVerifier = verifier) -> tuple[Verdict, ...]:
        return by.verdicts(octets, at=at)

    return look


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[[bytes], StrictReader]]:
    """Opens octets as a verifier does; the file stays open as long as the test runs."""
    with ExitStack() as until_the_end:

        def read(octets: bytes) -> StrictReader:
            file = tmp_path / "a.pdf"
            file.write_bytes(octets)
            found = open_pdf(Lending(until_the_end.enter_context(file.open("rb"))))
            assert isinstance(found, StrictReader), found
            return found

        yield read


def codes(verdicts: Sequence[Verdict]) -> list[list[str]]:
    """By signature, in the order in which they were made."""
    return [[finding.code.value for finding in verdict.findings] for verdict in verdicts]


@dataclass
class Revocation:
    """A source that says of some certificates what it was told, and remembers what it was asked."""

    told: dict[Certificate, RevocationState] = field(default_factory=dict)
    reason: str = ""
    since: datetime | None = None
    asked: list[datetime] = field(default_factory=list)
    checks: bool = True

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        self.asked.append(at)
        return RevocationAnswer(
            notes=tuple(self._note(certificate, at) for certificate in path[:-1]),
            evidence=(Evidence.of(EvidenceKind.CRL, b"a list"),),
            wanted=(Wanted(kind=EvidenceKind.CRL, urls=("http://crl.example/a.crl",), subject=b"", issuer=b""),),
        )

    def _note(self, certificate: Certificate, at: datetime) -> RevocationNote:
        state = self.told.get(certificate, RevocationState.GOOD)
        if state is RevocationState.REVOKED and self.since is not None and at < self.since:
            state = RevocationState.GOOD
        named = certificate.fingerprint(hashes.SHA256()).hex()
        return RevocationNote(certificate=named, state=state, reason=self.reason, revoked_at=self.since)
