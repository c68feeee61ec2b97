"""trunk envelope: files on disk are written, signed, checked and taken apart as a trunk would see them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from scripts.make_test_pki import Pki, make_pki
from tests.unit.cli.town import START, Town
from trunk.cli.exits import Exit

NEW = [
    "envelope",
    "new",
    "--sender",
    "H41.01=Sở",
    "--to",
    "H36.17",
    "--to",
    "G12=Bộ",
    "--number",
    "7816",
    "--notation",
    "VPCP-TTĐT",
    "--subject",
    "Thử",
]
SIGNED_BY = ("--key", "pki/identities/person.key", "--certificate", "pki/identities/person.pem")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(at=START)


@pytest.fixture
def office(town: Town, pki: Pki) -> Town:
    """A folder with a letter's attachment, keys and roots."""
    (town.folder / "cong-van.pdf").write_bytes(b"%PDF-1.7\nmake-believe\n")
    pki.write(town.folder / "pki")
    return town


def write(office: Town, name: str = "letter.edxml", *more: str) -> Path:
    result = office.run(*NEW, "--attach", "cong-van.pdf", *more, "-o", name)
    assert result.exit_code == 0, result.output
    return office.folder / name


def sign(office: Town, name: str = "signed.edxml") -> Path:
    write(office)
    result = office.run("envelope", "sign", "letter.edxml", *SIGNED_BY, "-o", name)
    assert result.exit_code == 0, result.output
    return office.folder / name


def check(office: Town, *arguments: str, exit_code: int = 0) -> Any:
    return office.json("envelope", "check", *arguments, "--json", exit_code=exit_code)["files"][0]


def codes(told: Any) -> list[str]:
    return [fault["code"] for fault in told["faults"]]


def test_a_document_is_written_from_options(office: Town) -> None:
    write(office, "letter.edxml", "--priority", "2", "--due", "30/11/2026")
    told = office.json("envelope", "show", "letter.edxml", "--json")
    assert told["document_id"] == "H41.01,2026/11/22,7816/VPCP-TTĐT"
    assert told["recipients"] == ["H36.17", "G12"]
    assert (told["urgency"], told["due_date"]) == (2, "2026-11-30")
    assert [(a["name"], a["size"]) for a in told["attachments"]] == [("cong-van.pdf", 22)]
    shown = office.run("envelope", "show", "letter.edxml", width=80).stdout
    assert "VERY URGENT" in shown
    assert "The message is not signed" in shown


TOML = """
number = "12"
notation = "QĐ-UBND"
subject = "Thu hồi"
date = 2026-11-20
sender = { organ_id = "H41.01" }
recipients = [{ organ_id = "G12" }]
signer = { competence = "KT.", full_name = "Nguyễn Văn A" }
business = { kind = "revoke", document_id = "H41.01,2026/11/01,7/QĐ", reason = "Nhầm" }
attachments = [{ file = "files/a.docx", description = "Quyết định" }]
"""


def test_a_document_is_written_from_toml_and_options_outrank_it(office: Town) -> None:
    (office.folder / "in" / "files").mkdir(parents=True)
    (office.folder / "in" / "files" / "a.docx").write_bytes(b"octets")
    (office.folder / "in" / "letter.toml").write_text(TOML, encoding="utf-8")
    result = office.run("envelope", "new", "--from-toml", "in/letter.toml", "--subject", "Khác", "-o", "x.edxml")
    assert result.exit_code == 0, result.output
    told = office.json("envelope", "show", "x.edxml", "--json")
    assert (told["business"], told["subject"], told["document_id"]) == (1, "Khác", "H41.01,2026/11/20,12/QĐ-UBND")
    assert told["attachments"][0]["name"] == "a.docx"


def test_everything_that_a_draft_lacks_is_named_at_once(office: Town) -> None:
    (office.folder / "letter.toml").write_text("number = '1'\nsubjekt = 'x'\n[sender]\norgan = 'x'\n", encoding="utf-8")
    result = office.run("envelope", "new", "--from-toml", "letter.toml", "-o", "x.edxml")
    assert result.exit_code == Exit.REFUSED
    for expected in ("notation: Field required", "subjekt: no such key", "sender.organ_id: Field required"):
        assert expected in result.stderr
    assert "sender.organ: no such key" in result.stderr
    assert not (office.folder / "x.edxml").exists()


def test_what_would_not_be_taken_is_not_written(office: Town) -> None:
    result = office.run(*NEW, "--sender", "x" * 40, "-o", "x.edxml")
    assert result.exit_code == Exit.REFUSED
    assert "ENV-104" in result.stderr
    assert not (office.folder / "x.edxml").exists()


def test_nothing_is_overwritten_and_a_dash_is_standard_output(office: Town) -> None:
    write(office)
    result = office.run(*NEW, "-o", "letter.edxml")
    assert result.exit_code == Exit.REFUSED
    assert "there already" in result.stderr
    assert office.run(*NEW, "-o", "-").stdout.startswith("<?xml")


def test_the_whole_document_is_signed_on_demand(office: Town) -> None:
    write(office)
    result = office.run("envelope", "sign", "letter.edxml", *SIGNED_BY, "--whole", "-o", "signed.edxml")
    assert result.exit_code == 0, result.output
    assert b'<ds:Reference URI="">' in (office.folder / "signed.edxml").read_bytes()
    assert codes(check(office, "signed.edxml", "--trust", "pki/trust")) == []


def test_a_signed_document_passes_and_trust_is_judged_only_if_given(office: Town) -> None:
    sign(office)
    told = check(office, "signed.edxml")
    assert (told["signatures"]["indication"], told["trust_judged"]) == ("TOTAL-PASSED", False)
    assert "trust NOT judged" in office.run("envelope", "check", "signed.edxml").stdout
    told = check(office, "signed.edxml", "--trust", "pki/trust", "--require-signature")
    assert told["trust_judged"] is True
    assert "the chain is trusted" in office.run("envelope", "check", "signed.edxml", "--trust", "pki/trust").stdout


def test_a_signer_whom_the_given_roots_do_not_know_is_refused(office: Town) -> None:
    sign(office)
    (office.folder / "others").mkdir()
    other = (office.folder / "pki" / "identities" / "other-root.pem").read_bytes()
    (office.folder / "others" / "root.pem").write_bytes(other)
    assert codes(check(office, "signed.edxml", "--trust", "others", exit_code=1)) == ["SIG-202"]
    (office.folder / "empty").mkdir()
    assert office.run("envelope", "check", "signed.edxml", "--trust", "empty").exit_code == Exit.CONFIGURATION


def test_a_forged_document_is_refused_even_without_trust(office: Town) -> None:
    file = sign(office)
    file.write_bytes(file.read_bytes().replace("Thử".encode(), "Thư".encode()))
    assert codes(check(office, "signed.edxml", exit_code=1)) == ["SIG-101"]


def test_an_unsigned_document_is_reported_and_refused_only_if_asked(office: Town) -> None:
    write(office)
    told = check(office, "letter.edxml")
    assert told["refused"] is False
    assert [finding["code"] for finding in told["signatures"]["envelope"]["findings"]] == ["SIG-001"]
    assert codes(check(office, "letter.edxml", "--require-signature", exit_code=1)) == ["SIG-001"]


def test_faults_have_line_path_and_remedy_in_both_languages(office: Town) -> None:
    file = write(office)
    text = file.read_text(encoding="utf-8")
    text = text.replace("<edXML:OrganId>G12</edXML:OrganId>", "").replace(
        "<edXML:CodeNumber>7816</edXML:CodeNumber>", ""
    )
    file.write_text(text, encoding="utf-8")
    told = check(office, "letter.edxml", exit_code=1)
    assert codes(told) == ["ENV-101", "ENV-101"]
    fault = told["faults"][0]
    assert fault["line"] > 1
    assert fault["path"].startswith("/edXML/")
    assert fault["title"]["vi"]
    assert fault["remedy"]["en"]
    shown = office.run("--language", "vi", "envelope", "check", "letter.edxml", width=80)
    assert shown.exit_code == Exit.REFUSED
    assert "bị từ chối, 2 lỗi" in shown.stdout
    assert fault["remedy"]["vi"] in " ".join(shown.stdout.split())


@pytest.mark.parametrize(("octets", "code"), [(b"", "ENV-001"), (b"no xml", "ENV-002"), (b"<a/>", "ENV-009")])
def test_what_is_no_message_is_refused_with_its_code(office: Town, octets: bytes, code: str) -> None:
    (office.folder / "x.edxml").write_bytes(octets)
    assert codes(check(office, "x.edxml", exit_code=1)) == [code]
    for command in (("show", "x.edxml"), ("extract", "x.edxml", "-d", "out")):
        result = office.run("envelope", *command)
        assert result.exit_code == Exit.REFUSED
        assert code in result.stderr


def test_several_files_are_refused_if_one_is(office: Town) -> None:
    write(office)
    (office.folder / "x.edxml").write_bytes(b"no")
    told = office.json("envelope", "check", "letter.edxml", "x.edxml", "--json", exit_code=1)
    assert [one["refused"] for one in told["files"]] == [False, True]


def test_a_wrong_key_a_missing_password_and_a_second_signature_are_refused(office: Town) -> None:
    sign(office)
    wrong = ("--key", "pki/identities/person.key", "--certificate", "pki/identities/organisation.pem")
    assert "not the certificate of" in office.run("envelope", "sign", "letter.edxml", *wrong, "-o", "y").stderr
    mixed = ("--key", "pki/identities/person.pem", "--certificate", "pki/identities/person.pem")
    assert "no PEM private key" in office.run("envelope", "sign", "letter.edxml", *mixed, "-o", "y").stderr
    again = office.run("envelope", "sign", "signed.edxml", *SIGNED_BY, "-o", "y")
    assert again.exit_code == Exit.REFUSED
    assert "SIG-003" in again.stderr
    assert not (office.folder / "y").exists()


def test_a_status_is_written_for_a_document(office: Town) -> None:
    write(office)
    result = office.run("envelope", "status", "03", "--sender", "H36.17=Sở", "--for", "letter.edxml", "-o", "s.edxml")
    assert result.exit_code == 0, result.output
    told = office.json("envelope", "show", "s.edxml", "--json")
    assert (told["status_code"], told["sender"]) == ("03", "H36.17")
    assert told["about"] == {
        "organ_id": "H41.01",
        "code": "7816/VPCP-TTĐT",
        "document_id": "H41.01,2026/11/22,7816/VPCP-TTĐT",
    }
    assert check(office, "s.edxml", "--require-signature")["refused"] is False


def test_a_refusal_needs_a_reason(office: Town) -> None:
    about = ("--organ-id", "H41.01", "--document-id", "H41.01,2026/11/22,1/A", "--document-code", "1/A")
    result = office.run("envelope", "status", "02", "--sender", "H36.17", *about, "-o", "s.edxml")
    assert result.exit_code == Exit.REFUSED
    assert "ENV-206" in result.stderr
    assert not (office.folder / "s.edxml").exists()
    done = office.run(
        "envelope", "status", "02", "--sender", "H36.17", *about, "--description", "Sai thẩm quyền", "-o", "s.edxml"
    )
    assert done.exit_code == 0, done.output
    assert office.run("envelope", "status", "02", "--sender", "H36.17", "-o", "t").exit_code == Exit.USAGE


def zipped(octets: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11.pdf", octets)
    return made.getvalue()


def test_attachments_are_unpacked_and_never_overwrite(office: Town) -> None:
    (office.folder / "cong-van.pdf").write_bytes(zipped(b"%PDF-1.7\nthe file itself\n"))
    write(office)
    for _ in range(2):
        result = office.run("envelope", "extract", "letter.edxml", "-d", "out")
        assert result.exit_code == 0, result.output
    found = {file.name: file.read_bytes() for file in (office.folder / "out").iterdir()}
    assert found == dict.fromkeys(("cong-van.pdf", "cong-van (2).pdf"), b"%PDF-1.7\nthe file itself\n")


def test_an_attachment_that_would_flood_the_disk_is_refused_and_does_not_stay(office: Town) -> None:
    (office.folder / "cong-van.pdf").write_bytes(zipped(b"\0" * 20_000_000))
    write(office)
    result = office.run("envelope", "extract", "letter.edxml", "-d", "out")
    assert result.exit_code == Exit.REFUSED
    assert "1 of 1 attachments were not extracted" in result.stderr
    assert list((office.folder / "out").iterdir()) == []
