"""One PKI for all tests of signing, and a way to judge octets without the help of the schema."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from envelopes import skeleton
from envelopes.schema import MessageKind, ValidXml
from envelopes.skeleton import ParsedXml
from scripts.make_test_pki import Pki, make_pki
from signing.trust import TrustStore
from signing.verdict import Verdict
from signing.verifier import Verifier

AT = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def pki() -> Pki:
    return make_pki(at=AT)


@pytest.fixture(scope="session")
def trust_folder(pki: Pki, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pki")
    pki.write(folder)
    return folder / "trust"


@pytest.fixture(scope="session")
def trust(trust_folder: Path) -> TrustStore:
    return TrustStore.from_folder(trust_folder)


@pytest.fixture(scope="session")
def verifier(trust: TrustStore) -> Verifier:
    return Verifier(trust)


def opened(octets: bytes) -> ValidXml:
    """Without the schema: what it would refuse must not get past signing either."""
    parsed = skeleton.parse(octets)
    assert isinstance(parsed, ParsedXml), parsed
    status = b"StatusCode>" in octets
    return ValidXml(parsed=parsed, kind=MessageKind.STATUS if status else MessageKind.DOCUMENT)


Judge = Callable[..., Verdict]


@pytest.fixture
def judge(verifier: Verifier) -> Judge:
    def judge(octets: bytes, *, at: datetime = AT, by: Verifier = verifier) -> Verdict:
        return by.verify(opened(octets), at=at)

    return judge


def codes(verdict: Verdict) -> set[str]:
    """The codes of a verdict, which must be a refusal that releases nothing."""
    assert verdict.indication == "TOTAL-FAILED"
    assert verdict.document is None
    assert verdict.covered == ()
    assert verdict.signed
    return {finding.code.value for finding in verdict.findings}
