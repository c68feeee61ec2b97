"""What a valid message says, as values; and the contradictions that no schema sees.

Law: a signed message is read from what its signature covers. The type says which it is: ``SignedXml`` is made
by ``signing.coverage`` alone; whoever reads an ``UnsignedXml`` has written so. Hops of the trace are never
covered (every trunk adds one) and are information only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from lxml.etree import _Element

from edxml_schemas import QCVN, MessageKind
from envelopes import pairing
from envelopes.errors import EnvelopeCode, Fault
from envelopes.fields import Fields, Notes
from envelopes.model import (
    Business,
    BusinessKind,
    Document,
    DocumentCode,
    DocumentType,
    Evidence,
    Message,
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
from envelopes.schema import ValidXml
from envelopes.values import well_formed_document_id

_HEADER: Final = f"{{{QCVN}}}edXMLEnvelope/{{{QCVN}}}edXMLHeader"
_BUSINESS: Final = "Bussiness"  # sic
_NEEDS_REASON: Final = frozenset({StatusCode.REFUSED, StatusCode.RECALL_REQUESTED, StatusCode.RECALL_REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedXml:
    """A message with a verified signature; ``covered`` names what it covers. Made by ``signing.coverage`` only."""

    valid: ValidXml
    covered: frozenset[str]


@dataclass(frozen=True, slots=True)
class UnsignedXml:
    """A valid message that nobody vouches for. Its name is the warning."""

    valid: ValidXml


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What the message says, and what is odd about it without being wrong."""

    message: Message
    warnings: tuple[Fault, ...] = ()


def read(document: SignedXml | UnsignedXml) -> Read | tuple[Fault, ...]:
    """Stage 5: the message as values, or every contradiction in it."""
    notes = Notes(document.valid.parsed)
    covered = document.covered if isinstance(document, SignedXml) else None
    root = document.valid.parsed.root
    if document.valid.kind is MessageKind.STATUS:
        message: Message = _status(root, notes)
    else:
        message = _document(root, notes, covered)
    if notes.faults:
        return tuple(notes.faults)
    return Read(message=message, warnings=tuple(notes.warnings))


def _document(root: _Element, notes: Notes, covered: frozenset[str] | None) -> Document:
    header = _header(root, "MessageHeader", notes)
    trace = _header(root, "TraceHeaderList", notes)
    code, promulgation = header.inside("Code"), header.inside("PromulgationInfo")
    kind = header.inside("DocumentType")
    _doubt_identifiers(notes, header, trace.inside(_BUSINESS))
    return Document(
        sender=_organization(header.inside("From")),
        recipients=tuple(_organization(each) for each in header.every("To")),
        document_id=header.identifier("DocumentId"),
        code=DocumentCode(number=code.identifier("CodeNumber"), notation=code.identifier("CodeNotation")),
        subject=header.text("Subject"),
        promulgation_date=promulgation.date("PromulgationDate"),
        promulgation_place=promulgation.text("Place"),
        type=DocumentType(type=kind.number("Type"), detail=kind.number("TypeDetail"), name=kind.text("TypeName")),
        content=header.text("Content"),
        signer=_signer(header.inside("SignerInfo")),
        due_date=header.date("DueDate"),
        to_places=header.inside("ToPlaces").texts("Place"),
        other=_other(header.inside("OtherInfo")),
        response_for=tuple(_response(each) for each in header.every("ResponseFor") if each),
        steering_type=header.number("SteeringType"),
        business=_business(trace.inside(_BUSINESS)) if covered is None or _BUSINESS in covered else Business(),
        trace=tuple(
            TraceHop(organ_id=hop.identifier("OrganId"), timestamp=hop.time("Timestamp"))
            for hop in trace.every("TraceHeader")
        ),
        attachments=pairing.attachments(root, notes, only_manifest=covered is not None),
    )


def _doubt_identifiers(notes: Notes, *places: Fields) -> None:
    for fields in places:
        document_id = fields.identifier("DocumentId")
        if document_id and not well_formed_document_id(document_id):
            expected = "OrganId,yyyy/MM/dd,number/notation"
            notes.warn(fields.element("DocumentId"), expected=expected, got=document_id)


def _header(root: _Element, name: str, notes: Notes) -> Fields:
    return Fields(root.find(f"{_HEADER}/{{{QCVN}}}{name}"), notes)


def _organization(fields: Fields) -> Organization:
    return Organization(
        organ_id=fields.identifier("OrganId"),
        name=fields.text("OrganName"),
        in_charge=fields.text("OrganizationInCharge"),
        address=fields.text("OrganAdd"),
        email=fields.text("Email"),
        telephone=fields.text("Telephone"),
        fax=fields.text("Fax"),
        website=fields.text("Website"),
    )


def _signer(fields: Fields) -> SignerInfo | None:
    if not fields:
        return None
    return SignerInfo(
        competence=fields.text("Competence"), position=fields.text("Position"), full_name=fields.text("FullName")
    )


def _other(fields: Fields) -> OtherInfo:
    return OtherInfo(
        priority=fields.number("Priority") or 0,
        sphere_of_promulgation=fields.text("SphereOfPromulgation"),
        typer_notation=fields.text("TyperNotation"),
        promulgation_amount=fields.number("PromulgationAmount"),
        page_amount=fields.number("PageAmount"),
        direction=fields.flag("Direction"),
        appendixes=fields.inside("Appendixes").texts("Appendix"),
    )


def _response(fields: Fields) -> ResponseFor:
    return ResponseFor(
        organ_id=fields.identifier("OrganId"),
        code=fields.identifier("Code"),
        document_id=fields.identifier("DocumentId"),
        promulgation_date=fields.date("PromulgationDate"),
    )


def _staff(fields: Fields) -> StaffInfo | None:
    if not fields:
        return None
    return StaffInfo(
        department=fields.text("Department"),
        staff=fields.text("Staff"),
        email=fields.text("Email"),
        mobile=fields.text("Mobile"),
    )


def _business(fields: Fields) -> Business:
    changes = fields.inside("BussinessDocumentInfo")
    return Business(
        kind=BusinessKind(fields.number("BussinessDocType") or 0),
        document_id=fields.identifier("DocumentId"),
        reason=fields.text("BussinessDocReason"),
        paper=fields.number("Paper"),
        content_changed=bool(changes.number("DocumentInfo")),
        receivers_changed=bool(changes.number("DocumentReceiver")),
        receivers=tuple(
            ReceiverChange(organ_id=each.identifier("OrganId"), added=each.number("ReceiverType") == 1)
            for each in changes.inside("ReceiverList").every("Receiver")
        ),
        replacements=tuple(
            Replacement(
                document_id=each.identifier("DocumentId"),
                organ_ids=each.inside("OrganIdList").identifiers("OrganId"),
            )
            for each in fields.inside("ReplacementInfoList").every("ReplacementInfo")
        ),
        staff=_staff(fields.inside("StaffInfo")),
    )


def _status(root: _Element, notes: Notes) -> StatusMessage:
    header = _header(root, "MessageHeader", notes)
    code, description = header.identifier("StatusCode"), header.text("Description")
    if code in _NEEDS_REASON and not description.strip():
        place = header.element("Description")
        place = header.element("StatusCode") if place is None else place
        notes.fault(EnvelopeCode.NO_REASON, place, expected=f"a Description with status {code}")
    return StatusMessage(
        sender=_organization(header.inside("From")),
        response_for=_response(header.inside("ResponseFor")),
        code=code,
        description=description,
        staff=_staff(header.inside("StaffInfo")),
        timestamp=header.time("Timestamp"),
        evidence=_evidence(header.attested()),
    )


def _evidence(fields: Fields) -> Evidence | None:
    at = fields.time("At")
    if at is None:
        return None
    return Evidence(
        event=fields.identifier("Event"),
        kind=fields.identifier("Kind"),
        envelope_id=fields.identifier("EnvelopeId"),
        delivery_id=fields.identifier("DeliveryId"),
        recipient=fields.identifier("Recipient"),
        at=at,
        sha256=fields.identifier("Sha256"),
        reasons=fields.inside("Reasons").identifiers("Reason"),
    )
