"""What is entered in the ledger: envelopes with their octets, their deliveries and what the trunk says of them.

An envelope has no state of its own: where it is, is a summary of its deliveries (``trunk.domain.tracking``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from signing.evidence import Evidence
from trunk.domain.agency import SystemId
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.relation import Relation


class EnvelopeKind(StrEnum):
    """What kind of message an envelope carries."""

    DOCUMENT = "document"
    STATUS = "status"  #: an agency's business status (01 to 16)
    ACKNOWLEDGEMENT = "acknowledgement"  #: the trunk's own, sealed


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentRecord:
    """What the ledger remembers of an attachment."""

    content_id: str
    name: str
    content_type: str
    size: int  #: octets after base64
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeRecord:
    """One message as the ledger keeps it; never changed after it was entered."""

    id: EnvelopeId
    kind: EnvelopeKind
    identity: str  #: unique: what makes a second submission the same one (``trunk.domain.identity``)
    sender: AgencyCode  #: the trunk's own code for acknowledgements
    system: SystemId | None  #: who submitted it; None for acknowledgements
    document_id: str  #: edXML ``DocumentId``: of the document, or of the document that is spoken of
    document_code: str = ""  #: ``7816/VPCP-TTĐT``
    promulgation_date: str = ""  #: ``yyyy/MM/dd`` or as sent
    subject: str = ""
    business: int = 0  #: ``BussinessDocType`` 0 new, 1 revoke, 2 update, 3 replace
    urgency: int = 0
    due_date: str = ""  #: ``yyyy/MM/dd``: when an answer is expected
    sha256: str  #: lower-case hex over the octets as submitted
    size: int  #: octets
    accepted_at: datetime
    about: EnvelopeId | None = None  #: statuses and acknowledgements: the document's envelope, if known here
    about_delivery: DeliveryId | None = None
    status_code: str = ""  #: statuses and acknowledgements: edXML ``StatusCode``
    description: str = ""  #: statuses: the reason or remark, as sent
    acknowledges: AckKind | None = None
    marked: bool = False  #: True: travels "for reference only", without a valid personal signature
    verdict: str = "{}"  #: JSON of ``signing.report``
    attachments: tuple[AttachmentRecord, ...] = ()
    document_key: str = ""  #: of documents: the same under old and new codes (``trunk.domain.document_key``)
    trace: tuple[str, ...] = ()  #: hubs that had it before it came here, the first one first


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """A delivery and the message that it carries."""

    envelope: EnvelopeRecord
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    """Octets by digest. ``octets`` is None for large ones, which are stored and fsynced before the transaction."""

    sha256: str
    size: int
    octets: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An envelope to be entered with its octets and its deliveries (none: kept, not sent)."""

    envelope: EnvelopeRecord
    payload: Payload
    deliveries: Sequence[Delivery] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """T1: what one accepted submission writes, all or nothing.

    ``idempotency_key`` is the caller's own (header ``Idempotency-Key``), unique per system.
    """

    entry: Entry
    acknowledgement: Entry
    idempotency_key: str | None = None
    relations: Sequence[Relation] = ()  #: what a document says of earlier ones
    evidence: Sequence[Evidence] = ()  #: what the verdict rests on and is not in the ledger yet, with its octets


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedEnvelope:
    """What the ledger holds of an acceptance: the same values now and at every repetition."""

    envelope: EnvelopeRecord
    deliveries: Sequence[Delivery]  #: in the order of the message, as they were when accepted
    acknowledgement: EnvelopeRecord
    sealed: bytes  #: the acknowledgement's octets


@dataclass(frozen=True, slots=True)
class Entered:
    """The ledger took it: this submission made the envelope."""

    accepted: AcceptedEnvelope


@dataclass(frozen=True, slots=True)
class AlreadyThere:
    """The ledger held it already: the first submission's answer."""

    accepted: AcceptedEnvelope


@dataclass(frozen=True, slots=True)
class KeyTaken:
    """The idempotency key belongs to other octets of the same system."""

    envelope_id: EnvelopeId


EntryResult = Entered | AlreadyThere | KeyTaken
