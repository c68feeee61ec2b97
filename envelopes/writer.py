"""Messages from values, in exactly the order and the prefixes of the national trunk's own library.

Some receivers match the literal prefix ``edXML:`` and refuse everything else, so it is not ours to choose: the
envelope prefixed, ``AttachmentEncoded`` and its children not, ``edXML:ContentTransferEncoded`` prefixed again.
What is written here was read back and found valid before the caller gets it; a status is small and of our own
making, and is not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pybase64

from edxml_schemas import ACKNOWLEDGEMENT, QCVN
from envelopes.errors import EnvelopeCode, Fault
from envelopes.markup import Markup, UnwritableError
from envelopes.model import (
    Attachment,
    Business,
    BusinessKind,
    Document,
    Evidence,
    Organization,
    OtherInfo,
    ResponseFor,
    SignerInfo,
    StaffInfo,
    StatusMessage,
    TraceHop,
)
from envelopes.reader import Read, UnsignedXml, read
from envelopes.schema import ValidXml, validate
from envelopes.skeleton import ParsedXml, parse
from envelopes.values import VIETNAM, spell_date, spell_time

__all__ = ["UnwritableError", "write_document", "write_status"]

_E: Final = "edXML:"


def write_document(document: Document, contents: Mapping[str, bytes]) -> bytes:
    """The message; ``contents``: content id -> octets, as they are before base64. Raises :class:`UnwritableError`."""
    absent = [attachment for attachment in document.attachments if attachment.content_id not in contents]
    if absent:
        raise UnwritableError(tuple(Fault(code=EnvelopeCode.NO_ATTACHMENT, got=each.content_id) for each in absent))
    xml = Markup()
    with xml.element("edXML", xmlns=QCVN):
        with xml.element(f"{_E}edXMLEnvelope", xmlns__edXML=QCVN):
            with xml.element(f"{_E}edXMLHeader"):
                _message_header(xml, document)
                _trace(xml, document.business, document.trace)
            with xml.element(f"{_E}edXMLBody"):
                _manifest(xml, document.attachments)
        if document.attachments:
            with xml.element("AttachmentEncoded"):
                for attachment in document.attachments:
                    _attachment(xml, attachment, contents[attachment.content_id])
    octets = xml.octets()
    _prove(octets)
    return octets


def write_status(status: StatusMessage) -> bytes:
    """The status message, with ``evidence`` as an ``Acknowledgement`` where there is one."""
    xml = Markup()
    with (
        xml.element("edXML", xmlns=QCVN),
        xml.element(f"{_E}edXMLEnvelope", xmlns__edXML=QCVN),
        xml.element(f"{_E}edXMLHeader"),
        xml.element(f"{_E}MessageHeader"),
    ):
        _organization(xml, "From", status.sender)
        _response_for(xml, status.response_for)
        _staff(xml, status.staff)
        xml.text(f"{_E}StatusCode", status.code)
        xml.text(f"{_E}Description", status.description)
        xml.text(f"{_E}Timestamp", spell_time(status.timestamp) if status.timestamp else "")
        _evidence(xml, status.evidence)
    return xml.octets()


def _prove(octets: bytes) -> None:
    parsed = parse(octets)
    valid = validate(parsed) if isinstance(parsed, ParsedXml) else parsed
    known = read(UnsignedXml(valid)) if isinstance(valid, ValidXml) else valid
    if not isinstance(known, Read):
        raise UnwritableError(known)


def _message_header(xml: Markup, document: Document) -> None:
    with xml.element(f"{_E}MessageHeader"):
        _organization(xml, "From", document.sender)
        for recipient in document.recipients:
            _organization(xml, "To", recipient)
        xml.text(f"{_E}DocumentId", document.document_id)
        with xml.element(f"{_E}Code"):
            xml.text(f"{_E}CodeNumber", document.code.number)
            xml.text(f"{_E}CodeNotation", document.code.notation)
        with xml.element(f"{_E}PromulgationInfo"):
            xml.text(f"{_E}Place", document.promulgation_place)
            day = document.promulgation_date
            xml.text(f"{_E}PromulgationDate", spell_date(day) if day else "")
        _document_type(xml, document)
        xml.text(f"{_E}Subject", document.subject)
        xml.text(f"{_E}Content", document.content)
        _signer(xml, document.signer)
        xml.text(f"{_E}DueDate", spell_date(document.due_date) if document.due_date else "")
        _other_info(xml, document.other)
        for response in document.response_for:
            _response_for(xml, response)
        xml.text(f"{_E}SteeringType", document.steering_type)
        _list(xml, "ToPlaces", "Place", document.to_places)


def _document_type(xml: Markup, document: Document) -> None:
    kind = document.type
    if kind.type is None and kind.detail is None and not kind.name:
        return
    with xml.element(f"{_E}DocumentType"):
        xml.text(f"{_E}Type", kind.type)
        xml.text(f"{_E}TypeDetail", kind.detail)
        xml.text(f"{_E}TypeName", kind.name)


def _organization(xml: Markup, name: str, organization: Organization) -> None:
    with xml.element(f"{_E}{name}"):
        xml.text(f"{_E}OrganId", organization.organ_id)
        xml.text(f"{_E}OrganizationInCharge", organization.in_charge)
        xml.text(f"{_E}OrganName", organization.name)
        xml.text(f"{_E}OrganAdd", organization.address)
        xml.text(f"{_E}Email", organization.email)
        xml.text(f"{_E}Telephone", organization.telephone)
        xml.text(f"{_E}Fax", organization.fax)
        xml.text(f"{_E}Website", organization.website)


def _signer(xml: Markup, signer: SignerInfo | None) -> None:
    if signer is None:
        return
    with xml.element(f"{_E}SignerInfo"):
        xml.text(f"{_E}Competence", signer.competence)
        xml.text(f"{_E}Position", signer.position)
        xml.text(f"{_E}FullName", signer.full_name)


def _other_info(xml: Markup, other: OtherInfo) -> None:
    with xml.element(f"{_E}OtherInfo"):
        xml.text(f"{_E}Priority", other.priority)
        xml.text(f"{_E}SphereOfPromulgation", other.sphere_of_promulgation)
        xml.text(f"{_E}TyperNotation", other.typer_notation)
        xml.text(f"{_E}PromulgationAmount", other.promulgation_amount)
        xml.text(f"{_E}PageAmount", other.page_amount)
        xml.text(f"{_E}Direction", other.direction)
        _list(xml, "Appendixes", "Appendix", other.appendixes)


def _list(xml: Markup, name: str, item: str, texts: Sequence[str]) -> None:
    if texts:
        with xml.element(f"{_E}{name}"):
            for text in texts:
                xml.text(f"{_E}{item}", text)


def _response_for(xml: Markup, response: ResponseFor) -> None:
    with xml.element(f"{_E}ResponseFor"):
        xml.text(f"{_E}OrganId", response.organ_id)
        xml.text(f"{_E}Code", response.code)
        xml.text(f"{_E}DocumentId", response.document_id)
        day = response.promulgation_date
        xml.text(f"{_E}PromulgationDate", spell_date(day) if day else "")


def _staff(xml: Markup, staff: StaffInfo | None) -> None:
    if staff is None:
        return
    with xml.element(f"{_E}StaffInfo"):
        xml.text(f"{_E}Department", staff.department)
        xml.text(f"{_E}Staff", staff.staff)
        xml.text(f"{_E}Email", staff.email)
        xml.text(f"{_E}Mobile", staff.mobile)


def _trace(xml: Markup, business: Business, hops: Sequence[TraceHop]) -> None:
    with xml.element(f"{_E}TraceHeaderList"):
        _business(xml, business)
        for hop in hops:
            with xml.element(f"{_E}TraceHeader"):
                xml.text(f"{_E}OrganId", hop.organ_id)
                xml.text(f"{_E}Timestamp", spell_time(hop.timestamp) if hop.timestamp else "")


def _business(xml: Markup, business: Business) -> None:
    with xml.element(f"{_E}Bussiness"):
        xml.text(f"{_E}DocumentId", business.document_id)
        xml.text(f"{_E}BussinessDocType", int(business.kind))
        xml.text(f"{_E}BussinessDocReason", business.reason)
        xml.text(f"{_E}Paper", business.paper)
        _changes(xml, business)
        if business.replacements:
            with xml.element(f"{_E}ReplacementInfoList"):
                for replacement in business.replacements:
                    with xml.element(f"{_E}ReplacementInfo"):
                        xml.text(f"{_E}DocumentId", replacement.document_id)
                        _list(xml, "OrganIdList", "OrganId", replacement.organ_ids)
        _staff(xml, business.staff)


def _changes(xml: Markup, business: Business) -> None:
    """What an update changes: the document itself, its receivers, or both."""
    if business.kind is not BusinessKind.UPDATE and not business.receivers:
        return
    with xml.element(f"{_E}BussinessDocumentInfo"):
        xml.text(f"{_E}DocumentInfo", int(business.content_changed))
        xml.text(f"{_E}DocumentReceiver", int(business.receivers_changed))
        if business.receivers:
            with xml.element(f"{_E}ReceiverList"):
                for receiver in business.receivers:
                    with xml.element(f"{_E}Receiver"):
                        xml.text(f"{_E}OrganId", receiver.organ_id)
                        xml.text(f"{_E}ReceiverType", int(receiver.added))


def _manifest(xml: Markup, attachments: Sequence[Attachment]) -> None:
    with xml.element(f"{_E}edXMLManifest", version="1.0"):
        for attachment in attachments:
            with xml.element(f"{_E}Reference"):
                xml.text(f"{_E}ContentId", f"cid:{attachment.content_id}")
                xml.text(f"{_E}ContentType", attachment.content_type)
                xml.text(f"{_E}Description", attachment.description)
                xml.text(f"{_E}AttachmentName", attachment.name)


def _attachment(xml: Markup, attachment: Attachment, content: bytes) -> None:
    with xml.element("Attachment"):
        xml.text("ContentId", f"cid:{attachment.content_id}")
        xml.text("AttachmentName", attachment.name)
        xml.text("Description", attachment.description)
        xml.text("ContentType", attachment.content_type)
        encoded = pybase64.b64encode(content)
        xml.payload(f"{_E}ContentTransferEncoded", encoded, declaration=f'xmlns:edXML="{QCVN}"')


def _evidence(xml: Markup, evidence: Evidence | None) -> None:
    if evidence is None:
        return
    with xml.element("ack:Acknowledgement", xmlns__ack=ACKNOWLEDGEMENT):
        xml.text("ack:Event", evidence.event)
        xml.text("ack:Kind", evidence.kind)
        xml.text("ack:EnvelopeId", evidence.envelope_id)
        xml.text("ack:DeliveryId", evidence.delivery_id)
        xml.text("ack:Recipient", evidence.recipient)
        xml.text("ack:At", evidence.at.astimezone(VIETNAM).isoformat())
        xml.text("ack:Sha256", evidence.sha256)
        if evidence.reasons:
            with xml.element("ack:Reasons"):
                for reason in evidence.reasons:
                    xml.text("ack:Reason", reason)
