"""From the attachment of a message to the verdicts: what is looked into, and at which cost."""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from envelopes import attachments
from envelopes.limits import Limits
from envelopes.payload import PayloadText, describe
from scripts import handmade_pdf as pdf
from scripts.make_signed_pdf import Workshop
from signing.judge import Judge
from signing.pdf import PdfVerifier
from signing.report import AttachmentReport
from signing.trust import TrustStore
from tests.unit.signing.conftest import AT
from tests.unit.signing.pdf.conftest import codes

WRAPPED = "0f8fad5b-d9cb-469f-a165-70867728950e.pdf"


def packed(octets: bytes, *, name: str = WRAPPED) -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
    return out.getvalue()


def reported(by: PdfVerifier, octets: bytes, *, name: str = "a.pdf", main: bool = True) -> AttachmentReport:
    text = base64.b64encode(octets)
    payload = PayloadText(None, text, describe((text,)))
    attachment = attachments.describe(octets, content_id="tep-1", name=name)
    return by.report(payload, attachment, main=main, at=AT)


def test_signatures_are_found_in_either_form(verifier: PdfVerifier, shop: Workshop) -> None:
    plain, wrapped = (reported(verifier, octets) for octets in (shop.signed(), packed(shop.signed())))
    for report in (plain, wrapped):
        assert (report.content_id, report.main, report.file) == ("tep-1", True, "pdf")
        assert [verdict.passed for verdict in report.verdicts] == [True]


def test_octets_tell_what_a_file_is(verifier: PdfVerifier, shop: Workshop) -> None:
    assert len(reported(verifier, shop.signed(), name="a.docx").verdicts) == 1
    assert len(reported(verifier, packed(shop.signed(), name=f"{WRAPPED[:-4]}.bin"), name="a.bin").verdicts) == 1
    assert reported(verifier, b"plain text", name="a.pdf").file == ""


def test_a_header_further_down_is_found_where_viewers_look_for_it(verifier: PdfVerifier, shop: Workshop) -> None:
    (verdict,) = reported(verifier, b"%" * 1000 + b"\n" + shop.signed(), name="a").verdicts
    assert codes([verdict]) == [["SIG-401"]]


def test_an_unsigned_pdf_is_one_without_verdicts(verifier: PdfVerifier) -> None:
    report = reported(verifier, pdf.document(), main=False)
    assert (report.file, report.verdicts, report.main) == ("pdf", (), False)


@pytest.mark.parametrize(
    "octets", [b"\xd0\xcf\x11\xe0 a word file", packed(b"text " * 4000), b"PK\x03\x04 broken", b""]
)
def test_other_files_are_left_alone(verifier: PdfVerifier, octets: bytes) -> None:
    assert reported(verifier, octets, name="a.doc") == AttachmentReport(content_id="tep-1", main=True)


def test_a_file_that_begins_otherwise_is_not_even_decoded(verifier: PdfVerifier) -> None:
    class Untouchable(PayloadText):
        def chunks(self) -> Iterator[bytes]:
            raise AssertionError

    octets = b"\x89PNG" * 100
    text = base64.b64encode(octets)
    attachment = attachments.describe(octets, content_id="tep-1", name="a.png")
    payload = Untouchable(None, text, describe((text,)))
    assert verifier.report(payload, attachment, main=True, at=AT).file == ""


def test_a_bomb_is_refused_with_the_reason(trust: TrustStore) -> None:
    octets = packed(b"%PDF-1.7 /ByteRange" + b"\0" * 2_000_000)
    small = PdfVerifier(Judge(trust), limits=Limits(max_inflation=10))
    (verdict,) = reported(small, octets).verdicts
    assert codes([verdict]) == [["SIG-401"]]
    assert verdict.findings[0].expected == "at most 10 octets for each packed one"
    (long,) = reported(PdfVerifier(Judge(trust), limits=Limits(max_unpacked_octets=1000)), octets).verdicts
    assert long.findings[0].expected == "at most 1000 octets unpacked"


def test_a_damaged_archive_of_a_pdf_is_refused(verifier: PdfVerifier, shop: Workshop) -> None:
    whole = packed(shop.signed())
    (verdict,) = reported(verifier, whole[:-40]).verdicts
    assert codes([verdict]) == [["SIG-401"]]


def test_a_signature_behind_something_else_is_refused_not_overlooked(verifier: PdfVerifier, shop: Workshop) -> None:
    for name in ("a.pdf", "a.txt"):
        (verdict,) = reported(verifier, b"#!/bin/sh\n" + shop.signed(), name=name).verdicts
        assert codes([verdict]) == [["SIG-401"]]


def test_nothing_is_left_behind(trust: TrustStore, shop: Workshop, tmp_path: Path) -> None:
    by = PdfVerifier(Judge(trust), folder=tmp_path)
    assert reported(by, packed(shop.signed())).verdicts[0].passed
    assert list(tmp_path.iterdir()) == []


def test_a_mark_across_two_chunks_is_seen(verifier: PdfVerifier, shop: Workshop) -> None:
    class Dripping(PayloadText):
        def chunks(self) -> Iterator[bytes]:
            octets = b"".join(super().chunks())
            yield from (octets[at : at + 7] for at in range(0, len(octets), 7))

    octets = shop.signed()
    text = base64.b64encode(octets)
    payload = Dripping(None, text, describe((text,)))
    attachment = attachments.describe(octets, content_id="tep-1", name="a.pdf")
    assert [one.passed for one in verifier.report(payload, attachment, main=True, at=AT).verdicts] == [True]
