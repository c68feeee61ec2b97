from __future__ import annotations

import pytest

from scripts import handmade_letter as hand
from scripts.make_test_pki import Pki
from tests.unit.signing.conftest import Judge, codes

FORGED_HEADER = hand.document().message_header.replace("H41.01", "H99").replace("{ns}", "")
BUSINESS = "</edXML:Bussiness>"


def changed(octets: bytes, before: str, after: str) -> bytes:
    assert octets.count(before.encode()) == 1, before
    return octets.replace(before.encode(), after.encode())


def header_of(octets: bytes) -> str:
    start, end = octets.index(b"<edXML:MessageHeader"), octets.index(b"</edXML:MessageHeader>")
    return octets[start:end].decode() + "</edXML:MessageHeader>"


HIDING_PLACES = [
    ("trace", "<edXML:TraceHeader>", "{hidden}<edXML:TraceHeader>"),
    ("placeholder-beside", "<ds:Signature ", "<DigitalSignature></DigitalSignature>{hidden}<ds:Signature "),
    ("before", "<edXML:MessageHeader>", "{hidden}<edXML:MessageHeader>"),
    ("after", "<edXML:TraceHeaderList>", "{hidden}<edXML:TraceHeaderList>"),
    ("body", "<edXML:edXMLManifest ", "{hidden}<edXML:edXMLManifest "),
    ("second-envelope", "</edXML:edXMLEnvelope>", "</edXML:edXMLEnvelope><Hull>{hidden}</Hull>"),
    ("root", "<AttachmentEncoded>", "{hidden}<AttachmentEncoded>"),
    ("attachment", "<Attachment>", "<Attachment>{hidden}"),
]


@pytest.mark.parametrize(("name", "before", "after"), HIDING_PLACES)
def test_a_wrapped_header_covers_nothing(judge: Judge, pki: Pki, name: str, before: str, after: str) -> None:
    """The signed header hidden elsewhere, another one read in its place (XSW)."""
    octets = hand.sign(hand.document(), pki["person-p256"])
    signed = header_of(octets)
    hidden = signed.replace("<edXML:MessageHeader", f'<edXML:MessageHeader xmlns:edXML="{hand.QCVN}"')
    bare = FORGED_HEADER.replace(' Id="MessageHeader"', "")
    forged = changed(octets, signed, bare)
    assert "SIG-005" in codes(judge(changed(forged, before, after.replace("{hidden}", hidden))))


@pytest.mark.parametrize("attribute", ["Id", "ID", "id", "iD", "xml:id", "wsu:Id"])
def test_an_id_twice_under_any_spelling_is_refused(judge: Judge, pki: Pki, attribute: str) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    declared = ' xmlns:wsu="urn:wsu"' if attribute.startswith("wsu") else ""
    trace = f'<edXML:TraceHeaderList{declared} {attribute}="MessageHeader">'
    assert codes(judge(changed(octets, "<edXML:TraceHeaderList>", trace))) == {"SIG-007"}


@pytest.mark.parametrize("attribute", ["ID", "id", "xml:id"])
def test_only_an_attribute_spelled_id_makes_a_target(judge: Judge, pki: Pki, attribute: str) -> None:
    letter = hand.document()
    header = letter.message_header.replace(" Id=", f" {attribute}=")
    verdict = judge(hand.sign(hand.replace(letter, message_header=header), pki["person-p256"]))
    assert codes(verdict) == {"SIG-005"}


def test_foreign_ids_elsewhere_do_no_harm(judge: Judge, pki: Pki) -> None:
    letter = hand.replace(hand.document(), trace_attributes=' id="trace-1" version="1.0"')
    assert judge(hand.sign(letter, pki["person-p256"])).passed


@pytest.mark.parametrize("left_out", ["#MessageHeader", "#Manifest", "cid:tep-2"])
def test_every_required_part_must_be_referenced(judge: Judge, pki: Pki, left_out: str) -> None:
    letter = hand.document(attachments=(("tep-1", b"%PDF-1"), ("tep-2", b"%PDF-2")))
    refs = [ref for ref in letter.refs() if ref.uri != left_out]
    verdict = judge(hand.sign(letter, pki["person-p256"], refs=refs))
    assert codes(verdict) == {"SIG-005"}


def test_a_new_document_may_leave_its_business_unsigned_and_then_it_is_not_covered(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    refs = [ref for ref in letter.refs() if ref.uri != "#Bussiness"]
    octets = hand.sign(letter, pki["person-p256"], refs=refs)
    about = "<edXML:DocumentId>G12,2026/11/20,14/BC-VP</edXML:DocumentId><edXML:BussinessDocType>"
    verdict = judge(changed(octets, about, "<edXML:BussinessDocType>"))
    assert verdict.passed
    assert "Bussiness" not in verdict.covered
    assert codes(judge(octets)) == {"SIG-005"}, "it may say that the document is new, and nothing else"


@pytest.mark.parametrize("kind", ["1", "2", "3", "", "00", "٠", "0<edXML:x></edXML:x>"])
def test_an_unsigned_order_to_revoke_does_not_ride_on_a_signed_document(judge: Judge, pki: Pki, kind: str) -> None:
    letter = hand.document()
    refs = [ref for ref in letter.refs() if ref.uri != "#Bussiness"]
    octets = hand.sign(letter, pki["person-p256"], refs=refs)
    before, after = "DocType>0</", f"DocType>{kind}</"
    verdict = judge(changed(octets, before, after))
    assert (codes(verdict) == {"SIG-005"}) if "x" not in kind else True


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (BUSINESS, "<edXML:BussinessDocType>1</edXML:BussinessDocType>" + BUSINESS),
        (BUSINESS, BUSINESS + "<edXML:Bussiness><edXML:BussinessDocType>1</edXML:BussinessDocType></edXML:Bussiness>"),
        (
            "</edXML:TraceHeaderList>",
            "</edXML:TraceHeaderList><edXML:TraceHeaderList><edXML:Bussiness></edXML:Bussiness></edXML:TraceHeaderList>",
        ),
    ],
)
def test_a_second_kind_beside_the_unsigned_one_is_refused(judge: Judge, pki: Pki, before: str, after: str) -> None:
    letter = hand.document()
    refs = [ref for ref in letter.refs() if ref.uri != "#Bussiness"]
    octets = hand.sign(letter, pki["person-p256"], refs=refs)
    assert codes(judge(changed(octets, before, after))) == {"SIG-005"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("</edXML:edXMLHeader>", "</edXML:edXMLHeader><edXML:edXMLHeader></edXML:edXMLHeader>"),
        (
            "</edXML:edXMLEnvelope>",
            "</edXML:edXMLEnvelope><edXML:edXMLEnvelope xmlns:edXML='{q}'></edXML:edXMLEnvelope>",
        ),
        ("</edXML:edXMLBody>", "</edXML:edXMLBody><edXML:edXMLBody></edXML:edXMLBody>"),
        ("</edXML:edXMLManifest>", "</edXML:edXMLManifest><edXML:edXMLManifest></edXML:edXMLManifest>"),
    ],
)
def test_a_second_part_of_any_kind_is_refused(judge: Judge, pki: Pki, before: str, after: str) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    assert "SIG-005" in codes(judge(changed(octets, before, after.replace("{q}", hand.QCVN))))


ATTACHMENT = (
    "<Attachment><ContentId>{name}</ContentId><AttachmentName>x.pdf</AttachmentName>"
    "<ContentTransferEncoded>JVBERi0=</ContentTransferEncoded></Attachment>"
)


def test_an_added_attachment_is_not_covered(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    for name in ("tep-9", "cid:tep-9", ""):
        more = ATTACHMENT.replace("{name}", name) + "</AttachmentEncoded>"
        assert codes(judge(changed(octets, "</AttachmentEncoded>", more))) == {"SIG-005"}


def test_a_second_attachment_of_the_same_name_is_refused(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    for name in ("tep-1", "cid:tep-1", " cid:tep-1 ", "\ncid:tep-1"):
        more = ATTACHMENT.replace("{name}", name) + "</AttachmentEncoded>"
        assert "SIG-007" in codes(judge(changed(octets, "</AttachmentEncoded>", more)))


def test_content_outside_the_place_of_attachments_is_not_covered(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    more = f"<Attachments>{ATTACHMENT}</Attachments></edXML:edXMLBody>".replace("{name}", "tep-9")
    assert codes(judge(changed(octets, "</edXML:edXMLBody>", more))) == {"SIG-005"}


def test_a_removed_attachment_is_missed(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    start, end = octets.index(b"<AttachmentEncoded>"), octets.index(b"</edXML>", octets.index(b"</AttachmentE"))
    assert codes(judge(octets[:start] + octets[end:])) == {"SIG-101"}


def test_attachments_that_changed_places_are_found(judge: Judge, pki: Pki) -> None:
    letter = hand.document(attachments=(("tep-1", b"%PDF-1"), ("tep-2", b"%PDF-2")))
    octets = hand.sign(letter, pki["person-p256"])
    one, two = b"<ContentId>cid:tep-1", b"<ContentId>cid:tep-2"
    head, tail = octets[: octets.index(b"<AttachmentEncoded>")], octets[octets.index(b"<AttachmentEncoded>") :]
    swapped = tail.replace(one, b"\0").replace(two, one).replace(b"\0", two)
    assert codes(judge(head + swapped)) == {"SIG-101"}


@pytest.mark.parametrize(
    "uri",
    [
        "#",
        "#nowhere",
        "#xpointer(/)",
        "#xpointer(id('MessageHeader'))",
        "http://example.org/a.xml",
        "file:///etc/passwd",
        "MessageHeader",
        "CID:tep-1",
        "cid:tep-1#x",
    ],
)
def test_a_reference_to_anything_else_is_refused(judge: Judge, pki: Pki, uri: str) -> None:
    letter = hand.document()
    extra = hand.Ref(uri=uri, octets=b"x")
    known = {"SIG-101"} if uri.startswith("cid:") else {"SIG-006"}
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=[*letter.refs(), extra]))) == known
    instead = [*letter.refs()[:-1], extra]  # not more references than there are parts
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=instead))) == {"SIG-005", *known}


def test_the_same_part_twice_is_refused(judge: Judge, pki: Pki) -> None:
    letter = hand.document()
    refs = [*letter.refs(), letter.refs()[0]]
    assert codes(judge(hand.sign(letter, pki["person-p256"], refs=refs))) == {"SIG-006"}


@pytest.mark.parametrize("part", [0, 3])
@pytest.mark.parametrize(
    "transforms",
    [
        (),
        (hand.EXCLUSIVE, hand.EXCLUSIVE),
        ("http://www.w3.org/2000/09/xmldsig#enveloped-signature", hand.EXCLUSIVE),
        ("http://www.w3.org/TR/1999/REC-xpath-19991116",),
        ("http://www.w3.org/2002/06/xmldsig-filter2",),
        ("http://www.w3.org/TR/1999/REC-xslt-19991116",),
        ("http://www.w3.org/2000/09/xmldsig#base64",),
        ("http://www.w3.org/2006/12/xml-c14n11",),
        (hand.EXCLUSIVE + "WithComments",),
        (hand.INCLUSIVE + "#WithComments",),
        ("http://www.w3.org/TR/xml-exc-c14n#",),
        ("urn:anything",),
    ],
)
def test_any_other_transform_is_refused(judge: Judge, pki: Pki, part: int, transforms: tuple[str, ...]) -> None:
    letter = hand.document()
    refs = letter.refs()
    refs[part] = hand.replace(refs[part], transforms=transforms)
    verdict = judge(hand.sign(letter, pki["person-p256"], refs=refs))
    if part == 3 and not transforms:
        assert verdict.passed
    else:
        assert codes(verdict) == {"SIG-006"}


def test_inherited_xml_attributes_are_refused_with_inclusive_canonicalization(judge: Judge, pki: Pki) -> None:
    """signxml leaves them out of the canonical form, others put them in: such a signature means two things."""
    octets = hand.sign(hand.styled(hand.document(), c14n=hand.INCLUSIVE), pki["person-p256"])
    assert codes(judge(changed(octets, "<edXML:edXMLHeader>", '<edXML:edXMLHeader xml:lang="vi">'))) == {"SIG-006"}
    exclusive = hand.sign(hand.document(), pki["person-p256"])
    assert judge(changed(exclusive, "<edXML:edXMLHeader>", '<edXML:edXMLHeader xml:lang="vi">')).passed


def test_a_trace_hop_added_on_the_way_breaks_nothing(judge: Judge, pki: Pki) -> None:
    octets = hand.sign(hand.document(), pki["person-p256"])
    hop = "<edXML:TraceHeader><edXML:OrganId>T01</edXML:OrganId></edXML:TraceHeader></edXML:TraceHeaderList>"
    assert judge(changed(octets, "</edXML:TraceHeaderList>", hop)).passed
