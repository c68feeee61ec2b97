"""trunk verify: any file, no server; what is not known is never shown as passed."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from envelopes.model import Attachment, Document, DocumentCode, Organization
from envelopes.writer import write_document
from scripts.make_signed_pdf import Workshop
from scripts.make_test_pki import Pki, make_pki
from signing.signer import sign
from tests.unit.cli.town import START, Town
from tests.unit.workers import hostile
from trunk.cli import looking
from trunk.cli.exits import Exit
from trunk.cli.world import Doors

ROOT = Path(__file__).parents[3]
TRUST = ("--trust", "pki/trust")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(at=START)


@pytest.fixture(scope="module")
def pdf(pki: Pki) -> bytes:
    return Workshop(pki=pki, at=START).signed(by="person")


@pytest.fixture
def office(town: Town, pki: Pki, pdf: bytes) -> Town:
    """A folder with a trust folder, a signed letter that carries a signed PDF, and that PDF."""
    pki.write(town.folder / "pki")
    (town.folder / "signed.pdf").write_bytes(pdf)
    (town.folder / "letter.edxml").write_bytes(letter(pki, pdf))
    return town


def letter(pki: Pki, pdf: bytes, *, by: str = "person") -> bytes:
    who = pki[by]
    signed = sign(write_document(document(), {"1": pdf}), key=who.key, certificates=who.chain, at=START)
    assert isinstance(signed, bytes), signed
    return signed


def document() -> Document:
    return Document(
        sender=Organization(organ_id="H41.01"),
        recipients=(Organization(organ_id="G12"),),
        document_id="H41.01,2026/11/22,7/STN",
        code=DocumentCode(number="7", notation="STN"),
        subject="Thử",
        promulgation_date=START.date(),
        attachments=(Attachment(content_id="1", name="cong-van.pdf", content_type="application/pdf"),),
    )


def verify(office: Town, *arguments: str, exit_code: int = 0) -> Any:
    return office.json("verify", *arguments, "--json", exit_code=exit_code)


def shown(office: Town, *arguments: str, language: str = "en") -> str:
    return office.run("--language", language, "verify", *arguments).stdout


def test_a_genuine_letter_with_a_genuine_pdf_inside(office: Town) -> None:
    told = verify(office, "letter.edxml", *TRUST)
    assert told["genuine"] is True
    assert told["report"]["indication"] == "TOTAL-PASSED"
    assert told["report"]["envelope"]["revocation"][0]["state"] == "good"
    (inside,) = told["report"]["attachments"][0]["signatures"]
    assert (inside["indication"], inside["signer"]["role"]) == ("TOTAL-PASSED", "person")
    text = shown(office, "letter.edxml", *TRUST)
    assert "TOTAL-PASSED: valid (2 signatures)" in text
    assert "not revoked · CRL" in text
    assert "Attachment 1 (main document), signature 1: valid" in text
    assert "hợp lệ (2 chữ ký)" in shown(office, "letter.edxml", *TRUST, language="vi")


def test_a_pdf_by_itself_and_one_in_a_zip(office: Town, pdf: bytes) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11.pdf", pdf)
    (office.folder / "signed.zip").write_bytes(stream.getvalue())
    for name in ("signed.pdf", "signed.zip"):
        told = verify(office, name, *TRUST)
        assert told["report"]["envelope"] is None
        assert told["report"]["attachments"][0]["signatures"][0]["indication"] == "TOTAL-PASSED"
    assert "Signature of the message" not in shown(office, "signed.pdf", *TRUST)


def test_a_forged_letter_and_a_changed_pdf_fail_with_code_and_remedy(office: Town, pki: Pki, pdf: bytes) -> None:
    file = office.folder / "letter.edxml"
    file.write_bytes(file.read_bytes().replace("Thử".encode(), "Thư".encode()))
    told = verify(office, "letter.edxml", *TRUST, exit_code=Exit.REFUSED)
    (finding,) = told["report"]["envelope"]["findings"]
    assert finding["code"] == "SIG-101"
    assert finding["title"]["vi"]
    assert finding["remedy"]["en"]
    assert "NOT valid" in shown(office, "letter.edxml", *TRUST)
    (office.folder / "signed.pdf").write_bytes(pdf + b"\n% more\n")
    told = verify(office, "signed.pdf", *TRUST, exit_code=Exit.REFUSED)
    assert told["report"]["indication"] == "TOTAL-FAILED"


def test_revocation_that_is_not_known_is_no_passing(office: Town) -> None:
    for lists in (office.folder / "pki" / "trust").glob("*/lists/*"):
        lists.unlink()
    told = verify(office, "letter.edxml", *TRUST, exit_code=Exit.UNAVAILABLE)
    assert told["genuine"] is False
    assert told["report"]["indication"] == "INDETERMINATE"
    text = shown(office, "letter.edxml", *TRUST)
    assert "revocation NOT KNOWN" in text
    assert "SIG-301" in text
    assert "into lists/ of the trust folder" in text


def test_a_revoked_signer_is_refused(office: Town, pki: Pki, pdf: bytes) -> None:
    (office.folder / "letter.edxml").write_bytes(letter(pki, pdf, by="revoked"))
    told = verify(office, "letter.edxml", *TRUST, exit_code=Exit.REFUSED)
    assert [finding["code"] for finding in told["report"]["envelope"]["findings"]] == ["SIG-206"]
    assert "REVOKED" in shown(office, "letter.edxml", *TRUST)


def test_an_unsigned_file_is_not_genuine(office: Town) -> None:
    (office.folder / "plain.pdf").write_bytes(b"%PDF-1.7\nmake-believe\n")
    assert verify(office, "plain.pdf", *TRUST, exit_code=Exit.REFUSED)["genuine"] is False
    assert "no digital signature" in shown(office, "plain.pdf", *TRUST)


@pytest.mark.parametrize(
    ("octets", "code"),
    [
        (b"", "ENV-001"),
        (b"hello", "ENV-002"),
        (b"PK\x03\x04 cut", "ENV-103"),
        (b"<a><![CDATA[%PDF-]]></a>", "ENV-009"),
    ],
)
def test_what_cannot_be_read_has_its_code(office: Town, octets: bytes, code: str) -> None:
    (office.folder / "x").write_bytes(octets)
    told = verify(office, "x", *TRUST, exit_code=Exit.REFUSED)
    assert [fault["code"] for fault in told["faults"]] == [code]
    assert code in shown(office, "x", *TRUST)


def test_the_time_of_judgement_may_be_given(office: Town) -> None:
    told = verify(office, "letter.edxml", *TRUST, "--at", "2036-01-01", exit_code=Exit.REFUSED)
    assert "SIG-203" in [finding["code"] for finding in told["report"]["envelope"]["findings"]]


def test_the_time_of_judgement_may_be_one_that_json_told(office: Town) -> None:
    for at in ("2026-11-22T03:00:00Z", "2026-11-22T10:00:00+07:00", "2026-11-22 03:00:00.5Z"):
        assert verify(office, "letter.edxml", *TRUST, "--at", at)["report"]["at"].startswith("2026-11-22T10:00:00")
    for wrong in ("2026-13-22T03:00:00Z", "0001-01-01T00:00:00+07:00", "2026-11-22T03:00Z+"):
        assert office.run("verify", "letter.edxml", *TRUST, "--at", wrong).exit_code == Exit.USAGE


def test_what_nobody_proves_any_more_is_no_matter_of_waiting(office: Town) -> None:
    told = verify(office, "signed.pdf", *TRUST, "--at", "2031-01-01", exit_code=Exit.REFUSED)
    (signature,) = told["report"]["attachments"][0]["signatures"]
    assert (signature["indication"], signature["sub_indication"]) == ("INDETERMINATE", "OUT_OF_BOUNDS_NO_POE")
    assert [finding["code"] for finding in signature["findings"]] == ["SIG-303"]
    text = shown(office, "signed.pdf", *TRUST, "--at", "2031-01-01")
    assert "File, signature 1: cannot be told" in text
    assert "Judged as of" in text
    assert "Signed at" not in text


def test_an_authority_that_is_missing_and_named_may_come(office: Town) -> None:
    pki = make_pki(at=START, base_url="http://ca.test")
    pki.write(office.folder / "pki")
    who = replace(pki["person-of-distant-ca"], issuers=())
    file = write_document(document(), {"1": b"x"})
    signed = sign(file, key=who.key, certificates=who.chain, at=START)
    assert isinstance(signed, bytes)
    (office.folder / "distant.edxml").write_bytes(signed)
    told = verify(office, "distant.edxml", *TRUST, exit_code=Exit.UNAVAILABLE)
    (finding,) = told["report"]["envelope"]["findings"]
    assert (told["report"]["indication"], finding["code"]) == ("INDETERMINATE", "SIG-302")
    assert "intermediates/" in finding["remedy"]["en"]
    text = shown(office, "distant.edxml", *TRUST)
    assert "into intermediates/ of the trust folder" in text
    assert "the trunk is fetching it" not in text


def test_the_settings_policy_holds_for_a_folder_of_ones_own(office: Town) -> None:
    later = (*TRUST, "--at", "2026-11-22 12:00")
    assert verify(office, "letter.edxml", *later)["report"]["envelope"]["signing_time_source"] == "claimed"
    (office.folder / "trunk.toml").write_text("[signatures]\nclaimed_time_age_days = 0.01\n", encoding="utf-8")
    assert verify(office, "letter.edxml", *later)["report"]["envelope"]["signing_time_source"] == "acceptance"
    (office.folder / "trunk.toml").write_text("nonsense = 1\n", encoding="utf-8")
    assert verify(office, "letter.edxml", *later)["genuine"] is True


def test_every_form_of_trust_folder_serves(office: Town) -> None:
    public, flat, side = (office.folder / name for name in ("pki/trust/public", "flat", "side"))
    flat.symlink_to(public)
    side.mkdir()
    for pem in (*(public / "roots").glob("*.pem"), *(public / "intermediates").glob("*.pem")):
        (side / pem.name).write_bytes(pem.read_bytes())
    assert verify(office, "letter.edxml", "--trust", "flat")["genuine"] is True
    verify(office, "letter.edxml", "--trust", "side", exit_code=Exit.UNAVAILABLE)


def test_without_trust_it_is_the_settings_folder_or_nothing(office: Town) -> None:
    result = office.run("verify", "letter.edxml")
    assert result.exit_code == Exit.CONFIGURATION
    assert "nobody is trusted" in result.stderr
    assert "--trust DIR" in result.stderr
    assert "TRK-120" not in result.stderr
    assert "chưa biết tin cậy ai" in office.run("--language", "vi", "verify", "letter.edxml").stderr
    place = office.folder / "pki" / "trust"
    (office.folder / "trunk.toml").write_text(f'[signatures]\ntrust_folder = "{place}"\n', encoding="utf-8")
    assert verify(office, "letter.edxml")["genuine"] is True


def test_nothing_is_written_about_names_or_whole_personal_numbers(office: Town, pki: Pki) -> None:
    result = office.run("verify", "letter.edxml", *TRUST, "--json")
    number = next(
        attribute.value
        for attribute in pki["person"].certificate.subject
        if attribute.oid.dotted_string == "0.9.2342.19200300.100.1.1"
    )
    assert str(number).rpartition(":")[2] not in result.stdout


@pytest.fixture
def configured() -> Iterator[None]:
    """A command says how its process logs."""
    kept = structlog.get_config()
    yield
    structlog.configure(**kept)


def test_in_a_process_of_its_own_within_limits(office: Town, configured: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The door that tests replace, as it is in real life."""
    office.doors["examiners"] = Doors().examiners
    assert verify(office, "letter.edxml", *TRUST)["genuine"] is True
    (office.folder / "trunk.toml").write_text("[examination]\nseconds = 0.3\n", encoding="utf-8")
    (office.folder / "costly.edxml").write_bytes(b"spin ")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(looking, "work", hostile.make_for)
    told = verify(office, "costly.edxml", *TRUST, exit_code=Exit.REFUSED)
    assert [fault["code"] for fault in told["faults"]] == ["ENV-012"]
