"""Every bad document that we know how to make is refused, for the reason that it is bad for."""

from __future__ import annotations

import logging
import struct
import zlib
from io import UnsupportedOperation

import pytest

from scripts import handmade_pdf as pdf
from scripts.handmade_pdf import Signing
from scripts.make_signed_pdf import Workshop
from scripts.make_test_pki import Pki
from signing.errors import SigningCode
from signing.evidence import EvidenceKind, RevocationState, Wanted
from signing.judge import Judge
from signing.pdf import PdfVerifier
from signing.trust import Incomplete, TrustStore
from signing.verdict import Finding, Indication, Verdict
from tests.unit.signing.conftest import AT
from tests.unit.signing.pdf.conftest import Look, Revocation, codes

REFUSALS = ["101", "102", "103", "104", "201", "202", "203", "204", "205", "207", "401", "402", "403", "404"]


def test_no_refusal_is_left_out(bad: dict[str, dict[str, bytes]]) -> None:
    assert sorted(bad) == [f"SIG-{number}" for number in REFUSALS]


@pytest.mark.parametrize("number", REFUSALS)
def test_what_is_bad_is_refused_for_what_is_bad_about_it(
    bad: dict[str, dict[str, bytes]], look: Look, number: str
) -> None:
    for name, octets in bad[f"SIG-{number}"].items():
        verdicts = look(octets)
        wrong = [verdict for verdict in verdicts if verdict.failed]
        assert wrong, name
        assert f"SIG-{number}" in {verdict.findings[0].code.value for verdict in wrong}, (name, codes(verdicts))
        assert all(verdict.covered == () for verdict in wrong), name


def test_a_change_between_two_signatures_is_the_first_ones_alone(bad: dict[str, dict[str, bytes]], look: Look) -> None:
    first, second = look(bad["SIG-402"]["form-filled-then-signed"])
    assert codes([first]) == [["SIG-402"]]
    assert second.passed


def test_one_broken_signature_says_nothing_about_the_others(shop: Workshop, look: Look) -> None:
    broken = shop.signed(how=Signing(field="Signature1", cms=lambda _: b"\x30\x03\x02\x01\x05"))
    first, second = look(shop.second(broken))
    assert (first.order, first.path, second.order, second.path) == (1, "Signature1", 2, "Signature2")
    assert codes([first, second]) == [["SIG-401"], []]


def test_a_revoked_signer_is_refused(trust: TrustStore, pki: Pki, shop: Workshop, look: Look) -> None:
    told = Revocation({pki["person"].certificate: RevocationState.REVOKED}, reason="keyCompromise")
    (verdict,) = look(shop.signed(), by=PdfVerifier(Judge(trust, revocation=told)))
    assert verdict.failed
    assert codes([verdict]) == [["SIG-206"]]
    assert told.asked == [AT]  # nobody vouches for the claimed time


def test_revocation_that_cannot_be_told_is_no_refusal(trust: TrustStore, pki: Pki, shop: Workshop, look: Look) -> None:
    told = Revocation({pki["person"].certificate: RevocationState.UNKNOWN})
    (verdict,) = look(shop.signed(), by=PdfVerifier(Judge(trust, revocation=told)))
    assert verdict.indication is Indication.INDETERMINATE
    assert codes([verdict]) == [["SIG-301"]]
    assert verdict.wanted


def test_nobody_is_asked_for_the_revocation_of_a_broken_signature(
    trust: TrustStore, bad: dict[str, dict[str, bytes]], look: Look
) -> None:
    told = Revocation()
    for number in ("101", "102", "404"):
        for octets in bad[f"SIG-{number}"].values():
            look(octets, by=PdfVerifier(Judge(trust, revocation=told)))
    assert told.asked == []


class _Waiting:
    """Trusts, once the missing authority has come."""

    def chain(self, certificates: object, **_: object) -> Finding:
        wanted = Wanted(kind=EvidenceKind.CERTIFICATE, urls=("http://ca.example/ca.cer",), subject=b"s", issuer=b"")
        return Incomplete(code=SigningCode.CHAIN_INCOMPLETE, path="elsewhere", wanted=(wanted,))


def test_a_missing_authority_may_come(shop: Workshop, look: Look) -> None:
    (verdict,) = look(shop.signed(), by=PdfVerifier(Judge(_Waiting())))
    assert verdict.indication is Indication.INDETERMINATE
    assert codes([verdict]) == [["SIG-302"]]
    assert verdict.findings[0].path == "Signature1"
    assert len(verdict.wanted) == 1


def test_an_embedded_file_of_another_spelling_is_found(shop: Workshop, look: Look) -> None:
    """The kind of action stands in an object of its own."""
    indirect = pdf.document({"OpenAction": b"<< /S 10 0 R /JavaScrip 1 >>"}, more=[b"/JavaScript"])
    (verdict,) = look(shop.signed(indirect))
    assert codes([verdict]) == [["SIG-404"]]


def test_what_an_object_names_and_nobody_ever_makes_stays_null(shop: Workshop, look: Look) -> None:
    dangling = shop.signed(pdf.document(contents=b"[4 0 R 90 0 R]"))
    assert codes(look(shop.second(dangling))) == [[], []]


def test_ways_without_number_lead_nowhere(shop: Workshop, look: Look) -> None:
    """Each object names the next one twice: 2 to the power of 60 ways to the field that is filled in later."""
    links = [b"[%d 0 R %d 0 R]" % (number, number) for number in range(11, 71)]
    chain = pdf.document({"PieceInfo": b"10 0 R"}, more=[*links, b"<< /Hidden 7 0 R >>"])
    first, second = look(shop.second(shop.signed(chain)))
    assert second.passed
    assert first.passed  # nobody asked for ways to a field that stays as it is
    filled = look(pdf.form_filled(shop.signed(chain)))
    assert codes(filled) == [["SIG-401"]]


_STEPS = ["verifier.signature", "verifier.held", "verifier.survey", "survey._read", "reading.StrictReader"]


@pytest.mark.parametrize("error", [RecursionError, zlib.error, struct.error, UnsupportedOperation, EOFError])
@pytest.mark.parametrize("step", _STEPS)
def test_a_library_that_gives_up_is_a_refusal(
    shop: Workshop,
    look: Look,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    step: str,
    error: type[Exception],
) -> None:
    def break_down(*_: object, **__: object) -> Verdict:
        raise error("text of the document")

    monkeypatch.setattr(f"signing.pdf.{step}", break_down)
    with caplog.at_level(logging.DEBUG):
        (verdict,) = look(shop.signed())
    assert codes([verdict]) == [["SIG-401"]]
    assert "text of the document" not in caplog.text


@pytest.mark.parametrize("error", [MemoryError, OSError])
@pytest.mark.parametrize("step", _STEPS)
def test_what_the_machine_lacks_is_no_fault_of_the_file(
    shop: Workshop, look: Look, monkeypatch: pytest.MonkeyPatch, step: str, error: type[Exception]
) -> None:
    def break_down(*_: object, **__: object) -> Verdict:
        raise error

    monkeypatch.setattr(f"signing.pdf.{step}", break_down)
    with pytest.raises(error):
        look(shop.signed())


def test_libraries_log_nothing_of_a_document(
    bad: dict[str, dict[str, bytes]], look: Look, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for octets in bad["SIG-402"].values():
            look(octets)
        for octets in bad["SIG-401"].values():
            look(octets)
    assert {record.name for record in caplog.records} <= {"signing.pdf.verifier"}


@pytest.mark.parametrize("place", [9, 11, *range(30, 2000, 190), *range(-450, 0, 40), -1])
def test_no_turned_octet_passes(shop: Workshop, look: Look, place: int) -> None:
    """Wherever it is turned outside the signature's own value, where certificates are at most hints."""
    octets = bytearray(shop.signed())
    start = octets.rindex(b"/Contents <")
    end = octets.index(b">", start)
    assert not start + 10 < place % len(octets) < end
    octets[place] ^= 1
    assert not any(verdict.passed for verdict in look(bytes(octets)))


def test_no_turned_octet_of_the_value_passes(shop: Workshop, look: Look) -> None:
    octets = shop.signed()
    start = octets.rindex(b"/Contents <") + 11
    given = octets[start : octets.index(b">", start)]
    value = bytes.fromhex(given.decode())
    length = len(value.rstrip(b"\0"))
    for place in range(length - 250, length, 50):  # the signature value stands last
        turned = bytearray(value)
        turned[place] ^= 1
        assert codes(look(octets.replace(given, turned.hex().encode()))) == [["SIG-102"]]
