"""The vectors on disk, through every stage up to the verdict, as of the time for which they were made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envelopes import schema, skeleton
from envelopes.schema import ValidXml
from envelopes.skeleton import ParsedXml
from scripts.make_vectors_signed import AT, write
from signing.errors import SigningCode
from signing.trust import TrustStore
from signing.verdict import Indication, Verdict
from signing.verifier import Verifier

VECTORS = Path(__file__).parents[2] / "vectors"
ACCEPTED = sorted((VECTORS / "signed").glob("*.edxml"))
REJECTED = sorted((VECTORS / "rejected").glob("SIG-*/*.edxml"))
#: Nothing says them before revocation is asked.
LATER = {SigningCode.REVOKED, SigningCode.REVOCATION_UNKNOWN}


@pytest.fixture(scope="module")
def judges() -> Verifier:
    return Verifier(TrustStore.from_folder(VECTORS / "trust"))


def verdict_on(file: Path, by: Verifier) -> Verdict:
    parsed = skeleton.parse(file.read_bytes())
    assert isinstance(parsed, ParsedXml), parsed
    valid = schema.validate(parsed)
    assert isinstance(valid, ValidXml), valid
    return by.verify(valid, at=AT)


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", ACCEPTED, ids=name)
def test_every_accepted_vector_passes(file: Path, judges: Verifier) -> None:
    verdict = verdict_on(file, judges)
    assert verdict.findings == ()
    assert verdict.indication is Indication.TOTAL_PASSED


@pytest.mark.parametrize("file", REJECTED, ids=name)
def test_every_rejected_vector_is_refused_with_its_code(file: Path, judges: Verifier) -> None:
    verdict = verdict_on(file, judges)
    assert not verdict.passed
    assert verdict.document is None
    assert file.parent.name in [finding.code for finding in verdict.findings]


def test_every_code_of_the_family_has_a_vector() -> None:
    assert {file.parent.name for file in REJECTED} == {code.value for code in SigningCode if code not in LATER}


def test_the_script_makes_the_same_set_anew(tmp_path: Path) -> None:
    def below(folder: Path) -> Iterator[str]:
        found = [*folder.glob("signed/*.edxml"), *folder.glob("rejected/SIG-*/*.edxml"), *folder.glob("trust/*/*.pem")]
        return (str(file.relative_to(folder)) for file in found)

    write(tmp_path)
    assert sorted(below(tmp_path)) == sorted(below(VECTORS))
    anew = Verifier(TrustStore.from_folder(tmp_path / "trust"))
    assert verdict_on(tmp_path / "signed" / "xades.edxml", anew).passed


def test_no_private_key_lies_among_the_vectors() -> None:
    assert not [file for file in VECTORS.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
