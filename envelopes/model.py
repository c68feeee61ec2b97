"""What an edXML message says, as values. Standard library only: the domain imports this module.

Element names and cardinalities: QCVN 102:2016/BTTTT with SĐ1:2022, as real mail writes it. Texts are kept as
sent; dates are parsed leniently (``None`` where real mail names an impossible date) beside the text itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import TypeAlias


class BusinessKind(IntEnum):
    """``BussinessDocType`` (sic): what the document does to an earlier one."""

    NEW = 0  #: văn bản mới
    REVOKE = 1  #: thu hồi
    UPDATE = 2  #: cập nhật
    REPLACE = 3  #: thay thế


class StatusCode(StrEnum):
    """The nine business statuses that agencies' people give (QĐ 28/2018)."""

    ARRIVED = "01"  #: đã đến
    REFUSED = "02"  #: từ chối tiếp nhận
    ACCEPTED = "03"  #: đã tiếp nhận
    ASSIGNED = "04"  #: phân công
    IN_PROGRESS = "05"  #: đang xử lý
    FINISHED = "06"  #: hoàn thành
    RECALL_REQUESTED = "13"  #: lấy lại
    RECALL_AGREED = "15"  #: đồng ý lấy lại / cập nhật
    RECALL_REFUSED = "16"  #: từ chối lấy lại / cập nhật


class TrunkCode(StrEnum):
    """Status codes of the trunk's own acknowledgements, outside the nine: what agencies' people say is theirs."""

    ACCEPTED = "90"
    REJECTED = "91"
    DELIVERED = "92"
    RECEIVED = "93"
    REFUSED = "94"
    UNDELIVERABLE = "95"
    RECALLED = "96"


class AttachmentForm(StrEnum):
    """How the octets in ``ContentTransferEncoded`` carry the file; decided by magic bytes, never by the label."""

    PLAIN = "plain"
    ZIP = "zip"  #: a ZIP with one entry ``<uuid>.<ext>``


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """``From``, ``To``: an agency as the message names it."""

    organ_id: str
    name: str = ""
    in_charge: str = ""
    address: str = ""
    email: str = ""
    telephone: str = ""
    fax: str = ""
    website: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentCode:
    """``Code``: số, ký hiệu."""

    number: str
    notation: str

    def __str__(self) -> str:
        return f"{self.number}/{self.notation}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentType:
    """``DocumentType``: group, number inside the group, name. Unknown codes are kept, never refused."""

    type: int | None = None
    detail: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerInfo:
    """``SignerInfo``: the person who signed the document, as the message says (not: as a certificate proves)."""

    competence: str = ""
    position: str = ""
    full_name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherInfo:
    """``OtherInfo``."""

    priority: int = 0  #: 0 thường, 1 khẩn, 2 thượng khẩn, 3 hỏa tốc, 4 hỏa tốc hẹn giờ
    sphere_of_promulgation: str = ""
    typer_notation: str = ""
    promulgation_amount: int | None = None
    page_amount: int | None = None
    direction: bool | None = None
    appendixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFor:
    """``ResponseFor``: the document that is answered, revoked or reported on."""

    organ_id: str = ""
    code: str = ""  #: ``7816/VPCP-TTĐT``
    document_id: str = ""
    promulgation_date: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffInfo:
    """``StaffInfo``: who handled it in the agency."""

    department: str = ""
    staff: str = ""
    email: str = ""
    mobile: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiverChange:
    """``Receiver`` of an update: an agency added to or removed from the receivers."""

    organ_id: str
    added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """``ReplacementInfo``: a document that is replaced, and who had received it."""

    document_id: str
    organ_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """``Bussiness`` (sic): nghiệp vụ. Absent in many messages, which are then new documents."""

    kind: BusinessKind = BusinessKind.NEW
    document_id: str = ""
    reason: str = ""
    paper: int | None = None
    content_changed: bool = False  #: ``BussinessDocumentInfo/DocumentInfo``
    receivers_changed: bool = False  #: ``BussinessDocumentInfo/DocumentReceiver``
    receivers: tuple[ReceiverChange, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    staff: StaffInfo | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraceHop:
    """``TraceHeader``: one hop. The national trunk itself appends hops without ``OrganId``."""

    organ_id: str = ""
    timestamp: datetime | None = None  #: zone-less on the wire, +07:00 here


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment: its manifest reference and its octets, described."""

    content_id: str  #: without ``cid:``
    name: str
    content_type: str = ""
    description: str = ""
    form: AttachmentForm = AttachmentForm.PLAIN
    size: int = 0  #: octets after base64, before unzipping
    sha256: str = ""  #: lower-case hex over those octets


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A document message (new, revoke, update or replace)."""

    sender: Organization
    recipients: tuple[Organization, ...]
    document_id: str
    code: DocumentCode
    subject: str
    promulgation_date: date | None
    promulgation_place: str = ""
    type: DocumentType = DocumentType()
    content: str = ""
    signer: SignerInfo | None = None
    due_date: date | None = None
    to_places: tuple[str, ...] = ()
    other: OtherInfo = OtherInfo()
    response_for: tuple[ResponseFor, ...] = ()
    steering_type: int | None = None
    business: Business = Business()
    trace: tuple[TraceHop, ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """A status message: an agency's people report on a document; its addressee is ``response_for.organ_id``."""

    sender: Organization
    response_for: ResponseFor
    code: str  #: one of ``StatusCode``, or of ``TrunkCode`` if the trunk wrote it
    description: str = ""
    staff: StaffInfo | None = None
    timestamp: datetime | None = None  #: zone-less on the wire, +07:00 here
    evidence: Evidence | None = None  #: only in the trunk's own acknowledgements


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What a trunk's acknowledgement binds (``Acknowledgement`` in our own namespace; ETSI EN 319 522 events)."""

    event: str  #: ETSI event name, e.g. ``SubmissionAcceptance``
    kind: str  #: ``accepted``, ``rejected``, ``delivered``, ``received``, ``refused``, ``undeliverable``, ``recalled``
    envelope_id: str
    delivery_id: str = ""  #: empty where the fact is about the envelope
    recipient: str = ""  #: code of the agency that the fact is about
    at: datetime
    sha256: str  #: of the octets as submitted
    reasons: tuple[str, ...] = ()  #: codes, for a rejection or a refusal


Message: TypeAlias = Document | StatusMessage
