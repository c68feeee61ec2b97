"""Test vectors of the form family: messages that must be accepted, and one or more for every ENV code.

Agencies, persons and documents are invented. A rejected one is an accepted one with one thing changed, so that
the change, and nothing else, is what is refused.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from base64 import b64encode, encodebytes
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

from envelopes.attachments import describe
from envelopes.model import (
    Attachment,
    Business,
    BusinessKind,
    Document,
    DocumentCode,
    DocumentType,
    Evidence,
    Organization,
    OtherInfo,
    ReceiverChange,
    Replacement,
    ResponseFor,
    SignerInfo,
    StaffInfo,
    StatusCode,
    StatusMessage,
    TraceHop,
)
from envelopes.writer import write_document, write_status

LETTER: Final = b"%PDF-1.7\n% a letter of the make-believe province\n%%EOF\n"
LONG_LETTER: Final = b"%PDF-1.7\n" + b"".join(b"%% line %05d of a long letter\n" % n for n in range(400)) + b"%%EOF\n"
QCVN: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"

SENDER: Final = Organization(
    organ_id="Y91.01",
    name="Sở Thử nghiệm tỉnh Minh Sơn",
    in_charge="UBND tỉnh Minh Sơn",
    address="Số 1 đường Thử Nghiệm, tỉnh Minh Sơn",
    email="vanthu@thunghiem.example",
    telephone="0200 000 001",
    website="thunghiem.example",
)
FIRST: Final = Organization(organ_id="000.00.12.Y92", name="Sở Tiếp nhận tỉnh An Bình", telephone="")
SECOND: Final = Organization(organ_id="X07", name="Bộ Mẫu")
STAFF: Final = StaffInfo(department="Văn thư", staff="Lê Thị Mẫu", email="mau@thunghiem.example", mobile="0900 000 000")
EARLIER: Final = "Y91.01,2026/03/02,15/STN-VP"
HOP: Final = TraceHop(organ_id="Y91.01", timestamp=datetime(2026, 5, 4, 1, 30, tzinfo=UTC))


def attachment(content: bytes, *, name: str) -> Attachment:
    return describe(content, content_id="letter-1", name=name, content_type="application/pdf", description="Bản chính")


DOCUMENT: Final = Document(
    sender=SENDER,
    recipients=(FIRST, SECOND),
    document_id="Y91.01,2026/05/04,27/STN-VP",
    code=DocumentCode(number="27", notation="STN-VP"),
    subject="V/v thử nghiệm liên thông <văn bản> & trạng thái",
    promulgation_date=date(2026, 5, 4),
    promulgation_place="Minh Sơn",
    type=DocumentType(type=2, detail=18, name="Công văn"),
    content="Kính gửi các cơ quan",
    signer=SignerInfo(competence="KT. GIÁM ĐỐC", position="Phó Giám đốc", full_name="Trần Văn Mẫu"),
    due_date=date(2026, 5, 20),
    to_places=("Như trên", "Lưu: VT"),
    other=OtherInfo(priority=1, typer_notation="LTM", page_amount=2, direction=False, appendixes=("Phụ lục 1",)),
    steering_type=1,
    business=Business(paper=0, staff=STAFF),
    trace=(HOP,),
)


def document(*, content: bytes = LETTER, name: str = "Công văn 27.pdf", **changes: Any) -> Document:
    """A new document to two agencies with one attachment; ``changes`` are fields of the model."""
    return replace(DOCUMENT, **{"attachments": (attachment(content, name=name),), **changes})


def wrapped(content: bytes, *, entry: str) -> bytes:
    """The ZIP form: one entry with a UUID for its name."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(entry, (2026, 5, 4, 8, 30, 0)), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def written(*, content: bytes = LETTER, name: str = "Công văn 27.pdf", **changes: Any) -> bytes:
    return write_document(document(content=content, name=name, **changes), {"letter-1": content})


STATUS: Final = StatusMessage(
    sender=FIRST,
    response_for=ResponseFor(
        organ_id="Y91.01",
        code="27/STN-VP",
        document_id="Y91.01,2026/05/04,27/STN-VP",
        promulgation_date=date(2026, 5, 4),
    ),
    code="01",
    description="Văn thư Sở Tiếp nhận: đã xử lý",
    staff=STAFF,
    timestamp=datetime(2026, 5, 4, 3, 0, tzinfo=UTC),
)


def status(code: str, **changes: Any) -> StatusMessage:
    return replace(STATUS, **{"code": code, **changes})


def acknowledgement() -> bytes:
    evidence = Evidence(
        event="ContentConsignment",
        kind="delivered",
        envelope_id="018f4d2e-0000-7000-8000-000000000001",
        delivery_id="018f4d2e-0000-7000-8000-000000000002",
        recipient="X07",
        at=datetime(2026, 5, 4, 3, 0, 1, 250_000, tzinfo=UTC),
        sha256=hashlib.sha256(LETTER).hexdigest(),
        reasons=("TRK-101",),
    )
    return write_status(status("92", staff=None, evidence=evidence))


def change(octets: bytes, old: str, new: str, *, count: int = 1) -> bytes:
    """One change, which must have something to change."""
    if old.encode() not in octets:
        raise ValueError(f"{old} is not in the message")
    return octets.replace(old.encode(), new.encode(), count)


def accepted() -> Mapping[str, bytes]:
    """By file name: messages that parse, validate and read without a fault."""
    new = written()
    return {
        "new": new,
        "revoke": written(business=_REVOKE, response_for=(_REVOKED,)),
        "update": written(business=_update()),
        "replace": written(business=_replace()),
        "zip-form": written(content=wrapped(LETTER, entry="7e57c0de-0000-4000-8000-000000000001.pdf")),
        "long-attachment": written(content=LONG_LETTER),
        "no-attachment": written(attachments=()),
        "dotnet": dotnet(),
        "byte-order-mark": b"\xef\xbb\xbf" + new,
        "library-placeholder": change(new, "    </edXML:edXMLHeader>", f"{PLACEHOLDER}    </edXML:edXMLHeader>"),
        "wrapped-lines": _content(written(content=LONG_LETTER), LONG_LETTER, encodebytes(LONG_LETTER)),
        "carriage-returns": _content(new, LETTER, encodebytes(LETTER).replace(b"\n", b"&#13;\n")),
        "all-crlf": new.replace(b"\n", b"\r\n"),
        "comments-between": change(new, "<edXML:edXMLBody>", "<!-- XML 102 --><edXML:edXMLBody>"),
        "impossible-date": change(new, "2026/05/20", "2026/02/30"),
        "other-date-shapes": change(change(new, "2026/05/20", "20/05/2026"), "2026/05/04<", "2026-05-04 00:00:00<"),
        "empty-elements": change(new, "2026/05/20", ""),
        "unknown-type-number": change(new, "<edXML:Type>2<", "<edXML:Type>71<"),
        "one-agency-twice": change(new, "X07", "Y92.12"),
        "hop-without-agency": change(
            new, "<edXML:TraceHeader>\n          <edXML:OrganId>Y91.01</edXML:OrganId>", HOPLESS
        ),
        "acknowledgement": acknowledgement(),
        "status-dotnet": _status_dotnet(),
        **{f"status-{code.value}": write_status(status(code)) for code in StatusCode},
    }


PLACEHOLDER: Final = (
    '      <Signature><SignedInfo><Reference URI=""/></SignedInfo><SignatureValue>bm90aGluZw==</SignatureValue>'
    "<KeyInfo><X509Data><X509Certificate>MIIFqTCCBJG</X509Certificate></X509Data></KeyInfo></Signature>\n"
)
HOPLESS: Final = "<edXML:TraceHeader>"


_REVOKED: Final = ResponseFor(
    organ_id="Y91.01", code="15/STN-VP", document_id=EARLIER, promulgation_date=date(2026, 3, 2)
)
_REVOKE: Final = Business(kind=BusinessKind.REVOKE, document_id=EARLIER, reason="Ban hành nhầm", staff=STAFF)


def _update() -> Business:
    changes = (ReceiverChange(organ_id="X07", added=True), ReceiverChange(organ_id="Y92.12", added=False))
    return Business(
        kind=BusinessKind.UPDATE,
        document_id=EARLIER,
        reason="Bổ sung nơi nhận",
        content_changed=True,
        receivers_changed=True,
        receivers=changes,
    )


def _replace() -> Business:
    replaced = (Replacement(document_id=EARLIER, organ_ids=("X07", "000.00.12.Y92")), Replacement(document_id="K-7"))
    return Business(kind=BusinessKind.REPLACE, reason="Thay thế bản cũ", replacements=replaced)


def _content(octets: bytes, content: bytes, encoded: bytes) -> bytes:
    return change(octets, b64encode(content).decode(), encoded.decode())


def dotnet() -> bytes:
    """The other order in use: leading texts, DocumentId last, TraceHeader first, xlink, un-prefixed content."""
    return _DOTNET.format(content=b64encode(LETTER).decode()).encode()


def _status_dotnet() -> bytes:
    octets = write_status(status("03"))
    code = "        <edXML:StatusCode>03</edXML:StatusCode>\n"
    return change(change(octets, code, ""), "        <edXML:From>", f"{code}        <edXML:From>")


_DOTNET: Final = """<?xml version="1.0" encoding="utf-8"?>
<edXML xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" \
xmlns="http://www.mic.gov.vn/TBT/QCVN_102_2016">
  <Boundary>a-boundary</Boundary>
  <ContentId>27.edxml</ContentId>
  <ContentType>text/xml</ContentType>
  <edXML:edXMLEnvelope xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">
    <edXML:edXMLHeader>
      <edXML:MessageHeader>
        <edXML:From> <!-- bên gửi -->
          <edXML:OrganId>Y91.01</edXML:OrganId>
          <edXML:OrganName>Sở Thử nghiệm tỉnh Minh Sơn</edXML:OrganName>
          <edXML:OrganizationInCharge>Y91</edXML:OrganizationInCharge>
        </edXML:From>
        <edXML:To><edXML:OrganId>X07</edXML:OrganId><edXML:Email /></edXML:To>
        <edXML:Code><edXML:CodeNotation>STN-VP</edXML:CodeNotation><edXML:CodeNumber>27</edXML:CodeNumber></edXML:Code>
        <edXML:PromulgationInfo>
          <edXML:PromulgationDate>2026/05/04</edXML:PromulgationDate>
          <edXML:Place>Minh Sơn</edXML:Place>
        </edXML:PromulgationInfo>
        <edXML:DocumentType><edXML:Type>18</edXML:Type><edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>
        <edXML:Subject>V/v thử nghiệm</edXML:Subject>
        <edXML:DueDate />
        <edXML:ToPlaces><edXML:Place>Lưu: VT</edXML:Place></edXML:ToPlaces>
        <edXML:OtherInfo><edXML:Priority>0</edXML:Priority><edXML:Direction>False</edXML:Direction></edXML:OtherInfo>
        <edXML:ResponseFor />
        <edXML:SteeringType>0</edXML:SteeringType>
        <edXML:DocumentId>Y91.01,2026/05/04,27/STN-VP</edXML:DocumentId>
      </edXML:MessageHeader>
      <edXML:TraceHeaderList id="7f3a" version="1.0" mustUnderstand="1" \
actor="http://schemas.xmlsoap.org/soap/actor/next">
        <edXML:TraceHeader>
          <edXML:OrganId>null</edXML:OrganId><edXML:Timestamp>2026/05/04 08:30:00</edXML:Timestamp>
        </edXML:TraceHeader>
      </edXML:TraceHeaderList>
      <edXML:DigitalSignature />
    </edXML:edXMLHeader>
    <edXML:edXMLBody>
      <edXML:edXMLManifest version="1.0">
        <edXML:Reference xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="cid:letter-1" \
xlink:role="XLinkRole" xlink:type="simple">
          <edXML:AttachmentName>Công văn 27.pdf</edXML:AttachmentName>
          <edXML:ContentType>application/pdf</edXML:ContentType>
        </edXML:Reference>
      </edXML:edXMLManifest>
    </edXML:edXMLBody>
  </edXML:edXMLEnvelope>
  <AttachmentEncoded>
    <Attachment>
      <ContentType>application/pdf</ContentType>
      <ContentId>letter-1</ContentId>
      <Description>Bản chính</Description>
      <ContentTransferEncoded>{content}</ContentTransferEncoded>
      <AttachmentName>Công văn 27.pdf</AttachmentName>
    </Attachment>
  </AttachmentEncoded>
</edXML>
"""
