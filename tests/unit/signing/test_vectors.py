"""The vectors on disk, through every stage up to the verdict, as of the time for which they were made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from envelopes.model import Document, StatusMessage
from scripts.judging import codes, examiner
from scripts.make_vectors_signed import AT, write
from signing.errors import SigningCode
from signing.examiner import Examiner
from signing.verdict import Indication, TimeSource

VECTORS = Path(__file__).parents[2] / "vectors"
ACCEPTED = sorted((VECTORS / "signed").glob("*.edxml"))
REJECTED = sorted(
    file for pattern in ("SIG-*/*.edxml", "ENV-*/signed-*.edxml") for file in (VECTORS / "rejected").glob(pattern)
)
#: What cannot be told yet is no failure.
WAITING = {SigningCode.REVOCATION_UNKNOWN, SigningCode.CHAIN_INCOMPLETE, SigningCode.UNSIGNED, SigningCode.PLACEHOLDER}


@pytest.fixture(scope="module")
def judge() -> Examiner:
    return examiner(VECTORS / "trust")


def name(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", ACCEPTED, ids=name)
def test_every_accepted_vector_passes(file: Path, judge: Examiner) -> None:
    known = judge.examine(file.read_bytes(), at=AT)
    inside_only = file.stem == "pdf-in-an-unsigned-letter"
    assert codes(known) == (["SIG-001"] if inside_only else [])
    assert isinstance(known.message, Document | StatusMessage)
    assert known.report is not None
    assert known.report.indication is (Indication.INDETERMINATE if inside_only else Indication.TOTAL_PASSED)
    assert known.report.envelope.passed is not inside_only
    if file.stem.startswith("pdf-") and "unsigned-in" not in file.stem:
        assert known.report.attachments[0].main
        assert known.report.attachments[0].verdicts


@pytest.mark.parametrize("file", REJECTED, ids=name)
def test_every_rejected_vector_is_refused_with_its_code(file: Path, judge: Examiner) -> None:
    known = judge.examine(file.read_bytes(), at=AT)
    code = file.parent.name
    assert code in codes(known)
    if known.report is not None:
        assert known.report.indication is (Indication.INDETERMINATE if code in WAITING else Indication.TOTAL_FAILED)


def test_a_timestamp_outlives_a_revocation_and_a_claim_does_not(judge: Examiner) -> None:
    known = judge.examine((VECTORS / "signed" / "xades-t-revoked-since.edxml").read_bytes(), at=AT)
    assert known.report is not None
    assert known.report.envelope.signing_time_source is TimeSource.TIMESTAMP
    claimed = judge.examine((VECTORS / "rejected/SIG-206/claimed-before-revocation.edxml").read_bytes(), at=AT)
    assert codes(claimed) == ["SIG-206"]


def test_every_code_of_the_family_has_a_vector() -> None:
    family = {file.parent.name for file in REJECTED if file.parent.name.startswith("SIG")}
    assert family == set(SigningCode) - {SigningCode.UNPROVED}  # reported, and refused by a policy alone


def test_the_script_makes_the_same_set_anew(tmp_path: Path) -> None:
    def below(folder: Path) -> Iterator[str]:
        found = [*folder.glob("signed/*"), *folder.glob("rejected/SIG-*/*.edxml"), *folder.glob("trust/**/*")]
        return (str(file.relative_to(folder)) for file in found)

    write(tmp_path)
    assert sorted(below(tmp_path)) == sorted(below(VECTORS))
    anew = examiner(tmp_path / "trust").examine((tmp_path / "signed" / "xades.edxml").read_bytes(), at=AT)
    assert codes(anew) == []


def test_no_private_key_lies_among_the_vectors() -> None:
    assert not [file for file in VECTORS.rglob("*") if file.is_file() and b"PRIVATE KEY" in file.read_bytes()]
