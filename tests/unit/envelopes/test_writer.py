"""What is written validates and reads back equal, in the order and the prefixes that strict receivers ask for."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envelopes.attachments import describe
from envelopes.model import (
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
    TrunkCode,
)  # fmt: skip
from envelopes.writer import UnwritableError, write_document, write_status
from scripts.form_vectors import LETTER, document, status, written
from tests.unit.envelopes.examine import document as read_document
from tests.unit.envelopes.examine import status as read_status

_letters = st.characters(min_codepoint=0x20, max_codepoint=0x2FF, exclude_categories=["Cc", "Cf"])
texts = st.text(st.one_of(_letters, st.sampled_from("\r\n\t<>&\"'Ộệ€𝄞")), max_size=30)
said = texts.filter(lambda text: bool(text.strip(" \t\r\n")))
_printable = st.text(
    st.characters(min_codepoint=0x21, max_codepoint=0x17F, exclude_categories=["Cc", "Cf", "Z"]),
    min_size=1,
    max_size=30,
)
identifiers = _printable
codes = _printable.map(lambda text: text[:35])
days = st.dates(min_value=date(1000, 1, 1))
times = st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda time: time.replace(microsecond=0)
)
numbers = st.none() | st.integers(0, 999_999_999)


def some(kind: type[Any], /, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(kind, **fields)


organizations = some(
    Organization,
    organ_id=codes,
    name=texts,
    in_charge=texts,
    address=texts,
    email=texts,
    telephone=texts,
    fax=texts,
    website=texts,
)
staffs = some(StaffInfo, department=said, staff=texts, email=texts, mobile=texts)
responses = some(
    ResponseFor, organ_id=codes, code=identifiers, document_id=identifiers, promulgation_date=st.none() | days
)
businesses = some(
    Business,
    kind=st.sampled_from([BusinessKind.NEW, BusinessKind.REVOKE, BusinessKind.REPLACE]),
    document_id=st.just("") | identifiers,
    reason=texts,
    paper=numbers,
    replacements=st.lists(
        some(Replacement, document_id=identifiers, organ_ids=st.lists(codes, max_size=2).map(tuple)), max_size=2
    ).map(tuple),
    staff=st.none() | staffs,
) | some(
    Business,
    kind=st.just(BusinessKind.UPDATE),
    document_id=identifiers,
    content_changed=st.booleans(),
    receivers_changed=st.booleans(),
    receivers=st.lists(some(ReceiverChange, organ_id=codes, added=st.booleans()), max_size=3).map(tuple),
)
others = some(
    OtherInfo,
    priority=st.integers(0, 4),
    sphere_of_promulgation=texts,
    typer_notation=texts,
    promulgation_amount=numbers,
    page_amount=numbers,
    direction=st.none() | st.booleans(),
    appendixes=st.lists(said, max_size=2).map(tuple),
)
contents = st.dictionaries(identifiers.map(lambda text: "a" + text), st.binary(min_size=1, max_size=6000), max_size=3)
names = st.from_regex(r"[\wĐđ ()-]{1,20}\.(pdf|docx|zip)", fullmatch=True).map(str.strip)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Document, dict[str, bytes]]:
    octets = draw(contents)
    attachments = tuple(
        describe(
            content, content_id=content_id, name=draw(names), content_type=draw(said), description=draw(texts).strip()
        )
        for content_id, content in octets.items()
    )
    message = draw(
        some(
            Document,
            sender=organizations,
            recipients=st.lists(organizations, min_size=1, max_size=3).map(tuple),
            document_id=identifiers,
            code=some(DocumentCode, number=identifiers, notation=identifiers),
            subject=said,
            promulgation_date=days,
            promulgation_place=texts,
            type=some(DocumentType, type=numbers, detail=numbers, name=texts),
            content=texts,
            signer=st.none() | some(SignerInfo, competence=texts, position=texts, full_name=said),
            due_date=st.none() | days,
            to_places=st.lists(said, max_size=3).map(tuple),
            other=others,
            response_for=st.lists(responses, max_size=2).map(tuple),
            steering_type=numbers,
            business=businesses,
            trace=st.lists(
                some(TraceHop, organ_id=st.just("") | identifiers, timestamp=st.none() | times), max_size=2
            ).map(tuple),
            attachments=st.just(attachments),
        )
    )
    assert isinstance(message, Document)
    return message, octets


@settings(max_examples=150, deadline=None)
@given(documents())
def test_a_document_that_is_written_reads_back_equal(made: tuple[Document, dict[str, bytes]]) -> None:
    message, octets = made
    assert read_document(write_document(message, octets)) == message


statuses = some(
    StatusMessage,
    sender=organizations,
    response_for=responses,
    code=st.sampled_from([code.value for code in StatusCode]),
    description=said,
    staff=st.none() | staffs,
    timestamp=st.none() | times,
)
acknowledgements = some(
    StatusMessage,
    sender=organizations,
    response_for=responses,
    code=st.sampled_from([code.value for code in TrunkCode]),
    description=texts,
    timestamp=times,
    evidence=some(
        Evidence,
        event=identifiers,
        kind=st.sampled_from(["accepted", "rejected", "delivered", "received", "refused", "undeliverable"]),
        envelope_id=identifiers,
        delivery_id=st.just("") | identifiers,
        recipient=st.just("") | codes,
        at=st.datetimes(min_value=datetime(1900, 1, 2), max_value=datetime(9000, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
        sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        reasons=st.lists(identifiers, max_size=3).map(tuple),
    ),
)


@settings(max_examples=150, deadline=None)
@given(statuses | acknowledgements)
def test_a_status_that_is_written_reads_back_equal(message: StatusMessage) -> None:
    assert read_status(write_status(message)) == message


def test_prefixes_and_order_are_those_of_the_national_trunks_library() -> None:
    names = re.findall(r"<(?!/|\?)([A-Za-z:]+)", written().decode())
    assert names[:7] == [
        "edXML", "edXML:edXMLEnvelope", "edXML:edXMLHeader", "edXML:MessageHeader", "edXML:From", "edXML:OrganId",
        "edXML:OrganizationInCharge",
    ]  # fmt: skip
    header = [name for name in names if name in {f"edXML:{each}" for each in _HEADER}]
    assert header == [f"edXML:{each}" for each in _HEADER]
    assert names[names.index("AttachmentEncoded") :] == [
        "AttachmentEncoded", "Attachment", "ContentId", "AttachmentName", "Description", "ContentType",
        "edXML:ContentTransferEncoded",
    ]  # fmt: skip
    assert b'<edXML:ContentTransferEncoded xmlns:edXML="http://www.mic.gov.vn/TBT/QCVN_102_2016">' in written()


_HEADER = [
    "From", "To", "To", "Code", "PromulgationInfo", "DocumentType", "Subject", "Content", "SignerInfo", "DueDate",
    "OtherInfo", "SteeringType", "ToPlaces", "TraceHeaderList", "Bussiness", "TraceHeader", "edXMLBody",
    "edXMLManifest",
]  # fmt: skip


def test_a_document_that_cannot_be_valid_is_not_written_and_every_reason_is_given() -> None:
    with pytest.raises(UnwritableError) as refused:
        write_document(document(recipients=(), subject="", promulgation_date=None), {"letter-1": LETTER})
    assert {str(fault.code) for fault in refused.value.faults} == {"ENV-101", "ENV-205"}


def test_characters_that_xml_has_not_are_refused_with_the_field() -> None:
    with pytest.raises(UnwritableError) as refused:
        write_document(document(subject="a\x00b"), {"letter-1": LETTER})
    (fault,) = refused.value.faults
    assert (fault.path, fault.got) == ("edXML:Subject", "\\x00")
    with pytest.raises(UnwritableError):
        write_status(status("02", description="\ud800"))


def test_an_attachment_without_its_octets_is_not_written() -> None:
    with pytest.raises(UnwritableError) as refused:
        write_document(document(), {})
    assert [fault.code for fault in refused.value.faults] == ["ENV-201"]
