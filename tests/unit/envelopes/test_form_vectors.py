"""Every vector on disk does what its folder says."""

from __future__ import annotations

from pathlib import Path

import pytest

from envelopes.errors import EnvelopeCode
from envelopes.reader import Read
from scripts import form_refusals, form_vectors
from tests.unit.envelopes.examine import VECTORS, examine, faults

ACCEPTED = sorted((VECTORS / "accepted").glob("*.edxml"))
#: ``signed-…`` is of good form, and a signature forbids what it has: tests/unit/signing/test_vectors.py
REJECTED = sorted(file for file in (VECTORS / "rejected").glob("ENV-*/*.edxml") if not file.stem.startswith("signed-"))

#: One change can be wrong in two ways: the other codes that may stand beside the folder's.
ALSO = {
    "reference-without-id": {"ENV-202"},
    "two-content-ids": {"ENV-201", "ENV-202"},
    "another-id": {"ENV-202"},
    "second-header": {"ENV-101"},
}


@pytest.mark.parametrize("file", ACCEPTED, ids=lambda file: file.stem)
def test_an_accepted_vector_is_parsed_validated_and_read(file: Path) -> None:
    assert isinstance(examine(file.read_bytes()), Read)


@pytest.mark.parametrize("file", REJECTED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_rejected_vector_is_refused_with_its_code_and_no_other(file: Path) -> None:
    found = faults(file.read_bytes())
    assert {str(fault.code) for fault in found} == {file.parent.name} | ALSO.get(file.stem, set())


@pytest.mark.parametrize("file", REJECTED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_a_fault_says_where_and_is_short_and_printable(file: Path) -> None:
    for fault in faults(file.read_bytes()):
        assert fault.line is not None
        assert fault.line >= 1
        assert fault.path or fault.code < EnvelopeCode.MISSING
        assert fault.path.startswith("/edXML") or fault.code < EnvelopeCode.MISSING
        for text in (fault.expected, fault.got):
            assert len(text) <= 120
            assert text.isprintable()
        assert "payload-" not in f"{fault.path}{fault.expected}{fault.got}"


def test_every_code_of_the_form_family_has_a_vector() -> None:
    assert {file.parent.name for file in REJECTED} == {str(code) for code in EnvelopeCode}


def test_the_files_are_what_the_script_writes() -> None:
    accepted = {file.stem: file.read_bytes() for file in ACCEPTED}
    assert accepted == {**accepted, **form_vectors.accepted()}
    for code, family in form_refusals.rejected().items():
        for name, octets in family.items():
            assert (VECTORS / "rejected" / code / f"{name}.edxml").read_bytes() == octets
