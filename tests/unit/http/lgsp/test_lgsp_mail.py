"""Lists, files and words over the façade: nothing is lost, nothing is made up."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from datetime import date
from pathlib import Path
from urllib.parse import quote

import pytest

from envelopes.model import Attachment, Document, DocumentCode, Organization, OtherInfo
from envelopes.writer import write_document
from tests.lgsp_kit import Lgsp
from tests.unit.http.fakes import DIGEST, RECIPIENT, SENDER
from tests.unit.http.lgsp.house import LgspHouse, is_failure
from trunk.application.handover import Failed, Taken
from trunk.domain.entry import EnvelopeKind
from trunk.domain.rejection import Code
from trunk.errors import CorruptPayloadError, LedgerUnavailableError

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def zipped(name: str, octets: bytes, *, more: str = "") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, octets)
        if more:
            archive.writestr(more, octets)
    return made.getvalue()


def letter(**files: bytes) -> bytes:
    """A message with attachments, by name (``_`` stands for a dot)."""
    names = {str(number): name.replace("_", ".") for number, name in enumerate(files, start=1)}
    message = Document(
        sender=Organization(organ_id=SENDER, name="Bộ"),
        recipients=(Organization(organ_id=RECIPIENT, name="Sở"),),
        document_id="H41,2026/11/22,7/STN",
        code=DocumentCode(number="7", notation="STN"),
        subject='V/v "thử" \\ 😀',
        promulgation_date=date(2026, 11, 22),
        promulgation_place="Mẫu",
        other=OtherInfo(priority=0),
        attachments=tuple(Attachment(content_id=n, name=name, content_type="x/y") for n, name in names.items()),
    )
    return write_document(message, dict(zip(names, files.values(), strict=True)))


# lists


def test_a_list_has_what_waits_in_the_words_of_integrators(house: LgspHouse, recipient: Lgsp) -> None:
    house.waits("D1", "D2")
    first, second = recipient.listed()
    assert (first["docId"], second["docId"]) == ("D1", "D2")
    assert first == {
        "serviceType": "eDoc",
        "createdTime": "2026/11/22 08:30:00",
        "updatedTime": "2026/11/22 08:30:00",
        "messageType": "edoc",
        "docId": "D1",
        "from": SENDER,
        "to": RECIPIENT,
        "status": "initial",
        "statusDesc": "Chờ nhận",
    }
    (only,) = house.handover.selections
    assert only.kinds == {EnvelopeKind.DOCUMENT}
    assert only.accepted_after is not None
    assert only.accepted_before is not None
    assert (only.accepted_before - only.accepted_after).days == 8


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("messageType=mail", "messageType"),
        ("messageType=edoc&messageType=status", "messageType"),
        ("messageType=edoc&cursor=x", "cursor"),
    ],
)
def test_a_question_that_can_not_be_meant_is_refused_by_name(recipient: Lgsp, query: str, path: str) -> None:
    answer = recipient.get("syncReceivedEdocList", query=query)
    assert path in is_failure(answer, status=400, number="20", code=Code.BAD_REQUEST)["errorDesc"]


def test_a_cursor_goes_on_where_the_list_before_ended(house: LgspHouse, recipient: Lgsp) -> None:
    house.handover.position = 7
    assert recipient.listed(query="&unknown=1") == []
    recipient.listed(query=f"&cursor={recipient.cursor}")
    after = house.handover.asked[-1][1]
    assert (after.floor, after.window) == (7, 7)


# files


def test_a_message_comes_with_its_files_unpacked(house: LgspHouse, recipient: Lgsp) -> None:
    octets = letter(a_pdf=zipped(f"{UUID}.pdf", b"%PDF-1.7\n" * 999), b_txt=b"plain", c_docx=zipped("x.xml", b"<w/>"))
    house.handover.content = octets
    data = recipient.get("getEdoc", query="docId=D1").json["data"]
    assert list(data) == [
        *("docId", "from", "fromName", "edocCode", "edocAbstract", "sha256", "edxml", "attachments"),
    ]
    assert data["edxml"].encode() == octets
    assert data["sha256"] == hashlib.sha256(octets).hexdigest()
    assert (data["docId"], data["from"], data["fromName"]) == ("D1", SENDER, "Bộ")
    assert (data["edocCode"], data["edocAbstract"]) == ("7/STN", "V/v thử")
    files = {one["fileName"]: base64.b64decode(one["fileContent"], validate=True) for one in data["attachments"]}
    assert list(files) == ["a.pdf", "b.txt", "c.docx"]
    assert files["a.pdf"] == b"%PDF-1.7\n" * 999
    assert files["b.txt"] == b"plain"
    assert files["c.docx"].startswith(b"PK"), "a file that is an archive itself stays one"


@pytest.mark.parametrize(
    "packed",
    [
        zipped(f"{UUID}.pdf", b"x", more="two.pdf"),
        zipped(f"{UUID}.pdf", bytes(3_000_000)),
        zipped(f"{UUID}.pdf", b"x" * 500)[:-60],
    ],
    ids=["two files", "a bomb", "cut off"],
)
def test_an_archive_that_does_not_come_open_is_handed_over_as_it_came(
    house: LgspHouse, recipient: Lgsp, packed: bytes
) -> None:
    house.handover.content = letter(a_pdf=packed, b_txt=b"plain")
    first, second = recipient.get("getEdoc", query="docId=D1").json["data"]["attachments"]
    assert first["fileName"] == "a.pdf.zip"
    assert base64.b64decode(first["fileContent"]) == packed
    assert second["fileName"] == "b.txt"


def test_a_large_message_is_read_from_its_file(house: LgspHouse, recipient: Lgsp, tmp_path: Path) -> None:
    octets = letter(a_pdf=bytes(range(256)) * 12_000, b_txt=b"Ti\xe1\xba\xbfng Vi\xe1\xbb\x87t")
    house.handover.content = tmp_path / "payload"
    house.handover.content.write_bytes(octets)
    answer = recipient.get("getEdoc", query="docId=D1")
    assert answer.headers["Transfer-Encoding"] == "chunked"
    assert answer.octets.isascii()
    data = answer.json["data"]
    assert data["edxml"].encode() == octets
    assert base64.b64decode(data["attachments"][0]["fileContent"]) == bytes(range(256)) * 12_000


def test_damaged_octets_are_never_an_answer(house: LgspHouse, recipient: Lgsp, tmp_path: Path) -> None:
    octets = letter(a_pdf=bytes(900_000))
    house.handover.content, house.handover.entered_as = octets, "0" * 64
    answer = recipient.get("getEdoc", query="docId=D1")
    is_failure(answer, status=500, number="21", code=Code.CORRUPT_PAYLOAD)
    house.handover.content = tmp_path / "payload"
    house.handover.content.write_bytes(octets)  # of the right size: seen only when all of it was read
    headers = "".join(f"{name}: {value}\r\n" for name, value in recipient.headers().items())
    request = f"GET /lgsp/v1/getEdoc?docId=D1 HTTP/1.1\r\nHost: x\r\n{headers}\r\n".encode()
    try:
        cut = recipient.client.raw(request)
    except ConnectionResetError:
        return
    assert not cut.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("doc_id", ["", "D2", "../D1", "D1\x00", "a" * 65])
def test_a_document_that_is_not_there_is_refused(recipient: Lgsp, doc_id: str) -> None:
    answer = recipient.get("getEdoc", query=f"docId={quote(doc_id)}")
    status, number, code = (404, "21", Code.NOT_FOUND) if doc_id else (400, "20", Code.BAD_REQUEST)
    is_failure(answer, status=status, number=number, code=code)


def test_a_store_in_trouble_is_an_answer(house: LgspHouse, recipient: Lgsp) -> None:
    for fault, status, code in (
        (LedgerUnavailableError("x"), 503, Code.UNAVAILABLE),
        (CorruptPayloadError("x"), 500, Code.CORRUPT_PAYLOAD),
    ):
        house.handover.fault = fault
        answer = recipient.get("getEdoc", query="docId=D1")
        assert is_failure(answer, status=status, number=answer.json["data"]["errorCode"], code=code)


# words


def test_done_takes_the_system_at_its_word_and_fail_puts_off(house: LgspHouse, recipient: Lgsp) -> None:
    assert recipient.says("D1", "done").json == {"success": True, "message": "OK"}
    assert recipient.says("D1", "fail").json["success"] is True
    answer = recipient.post("updateStatus", {"docId": "D1", "status": "fail", "description": "đĩa đầy\x00", "x": 1})
    assert answer.json["success"] is True
    assert house.handover.asked == [Taken(DIGEST), Failed("LGSP: fail"), Failed("đĩa đầy")]
    assert len(house.woken) == 3
    assert recipient.says("D1", "processing").json["success"] is True
    assert len(house.handover.asked) == 3


@pytest.mark.parametrize("status", ["02", "03", "06"])
def test_who_says_a_business_status_has_the_mail_and_is_told_where_it_belongs(
    house: LgspHouse, recipient: Lgsp, status: str
) -> None:
    answer = recipient.says("D1", status)
    assert (answer.status, answer.json["success"]) == (200, True)
    assert "sendEdoc" in answer.json["message"]
    assert status in answer.json["message"]
    assert house.handover.asked == [Taken(DIGEST)]
    assert not house.intake.seen, "nothing is sent in the agency's name"


@pytest.mark.parametrize("status", ["13", "15", "16", "07", "gone", "", "3"])
def test_a_word_that_says_nothing_of_the_mail_is_refused(house: LgspHouse, recipient: Lgsp, status: str) -> None:
    data = is_failure(recipient.says("D1", status), status=400, number="20", code=Code.BAD_REQUEST)
    assert "sendEdoc" in data["errorDesc"]
    assert not house.handover.asked


@pytest.mark.parametrize("body", [b"", b"{}", b'{"docId":7,"status":"done"}', b'{"docId":"D1"}', b"\xff", b"[" * 9000])
def test_a_word_in_no_form_is_refused(house: LgspHouse, recipient: Lgsp, body: bytes) -> None:
    is_failure(recipient.post("updateStatus", body), status=400, number="20", code=Code.BAD_REQUEST)
    assert not house.handover.asked


def test_nobody_says_anything_of_others_mail(house: LgspHouse, sender: Lgsp) -> None:
    is_failure(sender.says("D1", "done"), status=404, number="21", code=Code.NOT_FOUND)
    assert not house.handover.asked


def test_too_much_is_refused(recipient: Lgsp) -> None:
    answer = recipient.post("updateStatus", b" " * 70_000)
    is_failure(answer, status=413, number="10", code=Code.TOO_LARGE)


# agencies


def test_the_address_book_is_an_array(sender: Lgsp) -> None:
    answer = sender.get("getAgenciesList", query="page=1")
    assert answer.status == 200
    assert [one["orgCode"] for one in answer.json] == ["H36.17", "H41"]
    assert set(answer.json[0]) == {"orgCode", "orgName", "parentCode", "address", "email", "phone"}


def test_agencies_are_registered_by_who_may(house: LgspHouse, sender: Lgsp) -> None:
    said = {"orgCode": " H41.09 ", "orgName": "Sở Mới", "parentCode": "H41", "email": "a@b.vn", "phone": "1", "x": None}
    is_failure(sender.post("registerAgency", said), status=403, number="15", code=Code.NOT_ENROLLER)
    (wish,) = house.enrolled.said
    assert (wish.code, wish.name, wish.parent, wish.email, wish.telephone) == ("H41.09", "Sở Mới", "H41", "a@b.vn", "1")
    is_failure(sender.post("registerAgency", {"orgCode": "x"}), status=400, number="20", code=Code.BAD_REQUEST)
