from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime

import pytest

from envelopes.attachments import describe
from envelopes.errors import EnvelopeCode
from envelopes.model import AttachmentForm, BusinessKind, Document, DocumentCode, ReceiverChange, TraceHop
from envelopes.reader import Read, SignedXml, UnsignedXml, read
from envelopes.writer import write_document
from scripts import form_vectors
from scripts.form_vectors import EARLIER, LETTER, SENDER, change, dotnet, status, written
from tests.unit.envelopes.examine import document, examine, valid
from tests.unit.envelopes.examine import status as read_status

ACCEPTED = form_vectors.accepted()


def _warnings(octets: bytes) -> list[tuple[str, str]]:
    known = examine(octets)
    assert isinstance(known, Read)
    return [(fault.path.rpartition("/")[2], fault.got) for fault in known.warnings]


def test_the_dotnet_order_says_what_the_java_order_says() -> None:
    theirs = document(dotnet())
    assert theirs.sender.organ_id == SENDER.organ_id
    assert theirs.sender.in_charge == "Y91"
    assert [each.organ_id for each in theirs.recipients] == ["X07"]
    assert theirs.document_id == "Y91.01,2026/05/04,27/STN-VP"
    assert theirs.code == DocumentCode(number="27", notation="STN-VP")
    assert (theirs.due_date, theirs.response_for, theirs.steering_type) == (None, (), 0)
    assert theirs.other.direction is False
    assert theirs.trace == (TraceHop(organ_id="null", timestamp=datetime(2026, 5, 4, 1, 30, tzinfo=UTC)),)
    (attachment,) = theirs.attachments
    assert (attachment.content_id, attachment.name) == ("letter-1", "Công văn 27.pdf")
    assert attachment.sha256 == hashlib.sha256(LETTER).hexdigest()


def test_without_bussiness_a_document_is_new() -> None:
    assert document(dotnet()).business.kind is BusinessKind.NEW


def test_an_update_and_a_replacement_name_what_they_change() -> None:
    update, replacement = document(ACCEPTED["update"]).business, document(ACCEPTED["replace"]).business
    assert (update.kind, update.document_id) == (BusinessKind.UPDATE, EARLIER)
    assert update.receivers[1] == ReceiverChange(organ_id="Y92.12", added=False)
    assert replacement.kind is BusinessKind.REPLACE
    assert [each.document_id for each in replacement.replacements] == [EARLIER, "K-7"]


def test_a_zip_is_recognised_by_its_octets_whatever_its_label_says() -> None:
    (attachment,) = document(ACCEPTED["zip-form"]).attachments
    assert (attachment.form, attachment.content_type) == (AttachmentForm.ZIP, "application/pdf")


@pytest.mark.parametrize("place", ["2026/05/20", ">2026/05/04<", "2026/05/04 08:30:00"])
def test_an_impossible_date_is_a_warning(place: str) -> None:
    bare = place.strip("<>")
    octets = change(written(), place, place.replace("2026/05", "2026/02").replace("/20", "/30").replace("/04", "/31"))
    assert bare not in [got for _, got in _warnings(octets)]
    assert len(_warnings(octets)) == 1


def test_an_impossible_date_in_a_document_id_is_a_warning_where_it_stands() -> None:
    octets = change(
        written(),
        "<edXML:BussinessDocType>",
        "<edXML:DocumentId>A,2014/02/30,1/B</edXML:DocumentId><edXML:BussinessDocType>",
    )
    assert _warnings(octets) == [("edXML:DocumentId", "A,2014/02/30,1/B")]
    assert _warnings(change(written(), "Y91.01,2026/05/04,27/STN-VP", "GW-2026-000123")) == [
        ("edXML:DocumentId", "GW-2026-000123")
    ]


def test_texts_are_kept_as_sent_and_identifiers_are_not() -> None:
    octets = change(change(written(), ">Bộ Mẫu<", "> Bộ Mẫu\n<"), ">X07<", ">\n X07 <")
    recipient = document(octets).recipients[1]
    assert (recipient.name, recipient.organ_id) == (" Bộ Mẫu\n", "X07")


def test_a_name_that_differs_from_the_manifests_is_a_warning_and_the_manifest_counts() -> None:
    octets = change(written(), "<AttachmentName>Công văn 27.pdf", "<AttachmentName>Khác.pdf")
    assert document(octets).attachments[0].name == "Công văn 27.pdf"
    assert _warnings(octets) == [("AttachmentName", "Khác.pdf")]


def test_a_signed_message_is_read_from_what_is_covered() -> None:
    octets = change(written(), "<edXML:AttachmentName>Công văn 27.pdf</edXML:AttachmentName>", "")
    octets = change(octets, "<edXML:Paper>0<", "<edXML:Paper>1<")
    message = valid(octets)
    narrow = SignedXml(valid=message, covered=frozenset({"MessageHeader", "edXMLManifest"}))
    wide = SignedXml(valid=message, covered=narrow.covered | {"Bussiness"})
    assert [_told(each) for each in (UnsignedXml(message), narrow, wide)] == [
        ("Công văn 27.pdf", 1),
        ("", None),
        ("", 1),
    ]


def _told(message: SignedXml | UnsignedXml) -> tuple[str, int | None]:
    known = read(message)
    assert isinstance(known, Read)
    assert isinstance(known.message, Document)
    return known.message.attachments[0].name, known.message.business.paper


def test_a_bad_name_beside_signed_octets_is_refused_all_the_same() -> None:
    message = valid(change(written(), "<AttachmentName>Công", "<AttachmentName>../Công"))
    found = read(SignedXml(valid=message, covered=frozenset({"MessageHeader"})))
    assert isinstance(found, tuple)
    assert [fault.code for fault in found] == [EnvelopeCode.BAD_NAME]


def test_the_manifest_and_not_the_file_says_which_attachment_comes_first() -> None:
    files = (describe(b"1", content_id="one", name="1.pdf"), describe(b"2", content_id="two", name="2.pdf"))
    octets = write_document(form_vectors.document(attachments=files), {"one": b"1", "two": b"2"}).decode()
    start, end = octets.index("<Attachment>"), octets.rindex("</Attachment>")
    first, second = octets[start:end].split("</Attachment>")
    turned = f"{octets[:start]}{second.strip()}</Attachment>{first}{octets[end:]}"
    assert turned != octets
    for text in (octets, turned):
        assert [attachment.content_id for attachment in document(text.encode()).attachments] == ["one", "two"]


def test_contradictions_are_named_all_at_once() -> None:
    octets = change(written(), "<ContentId>cid:letter-1<", "<ContentId>cid:letter-2<")
    found = examine(octets)
    assert isinstance(found, tuple)
    assert [(fault.code, fault.got) for fault in found] == [("ENV-201", "letter-1"), ("ENV-202", "letter-2")]


def test_a_status_says_who_about_what_and_when() -> None:
    assert read_status(ACCEPTED["status-06"]) == status("06")


def test_an_acknowledgement_carries_its_evidence() -> None:
    evidence = read_status(ACCEPTED["acknowledgement"]).evidence
    assert evidence is not None
    assert (evidence.event, evidence.kind, evidence.recipient) == ("ContentConsignment", "delivered", "X07")
    assert evidence.at == datetime(2026, 5, 4, 3, 0, 1, 250_000, tzinfo=UTC)
    assert evidence.reasons == ("TRK-101",)


def test_days_are_days() -> None:
    assert document(written()).promulgation_date == date(2026, 5, 4)
