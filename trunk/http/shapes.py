"""The objects that several resources show: envelopes, deliveries, statuses, acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from trunk.domain import signature_record
from trunk.domain.delivery import DeliveryEvent
from trunk.domain.entry import AttachmentRecord, EnvelopeRecord
from trunk.domain.tracking import AcknowledgementRecord, DeliveryTrack, JournalEvent, StatusReport
from trunk.http.wire import Digest, Moment, Shape, spell_time


class Attachment(Shape):
    """What the message says of an attachment, and what was counted."""

    content_id: str
    name: str
    content_type: str
    size: int = Field(description="octets after base64")
    sha256: Digest

    @classmethod
    def of(cls, record: AttachmentRecord) -> Attachment:
        return cls(
            content_id=record.content_id,
            name=record.name,
            content_type=record.content_type,
            size=record.size,
            sha256=record.sha256,
        )


class Envelope(Shape):
    """A message as the trunk has entered it. Fields of the document are given as it says them."""

    envelope_id: str
    kind: str = Field(examples=["document"], description="document, status or acknowledgement")
    sender: str = Field(examples=["H41"])
    document_id: str = Field(description="edXML DocumentId: of the document, or of the one that is spoken of")
    document_code: str = Field(examples=["7816/VPCP-TTĐT"])
    promulgation_date: str = Field(examples=["2026/11/22"])
    subject: str
    business: int = Field(description="BussinessDocType: 0 new, 1 revoke, 2 update, 3 replace")
    urgency: int = Field(description="edXML Priority: 0 (thường) to 4 (hỏa tốc hẹn giờ)")
    due_date: str = Field(description="when an answer is expected, yyyy/MM/dd; or empty")
    status_code: str = Field(description="of statuses and acknowledgements; else empty")
    description: str = Field(description="of statuses: the reason or remark")
    about: str | None = Field(description="envelope_id of the document that a status or acknowledgement speaks of")
    about_delivery: str | None
    acknowledges: str | None = Field(description="what the trunk states; null if it is no acknowledgement")
    marked: bool = Field(description="true: for reference only, by the policy of the sender; `signatures` tells why")
    indication: str | None = Field(
        description="the worst of all signatures: TOTAL-PASSED, INDETERMINATE or TOTAL-FAILED; null: the trunk's own",
        examples=["TOTAL-PASSED"],
    )
    signatures: str | None = Field(
        description="where the report on its signatures is", examples=["/api/v1/envelopes/0192…/signatures"]
    )
    sha256: Digest
    size: int = Field(description="octets as submitted")
    accepted_at: Moment
    attachments: list[Attachment]

    @classmethod
    def of(cls, record: EnvelopeRecord) -> Envelope:
        kept = signature_record.read(record)
        return cls(
            envelope_id=record.id,
            kind=record.kind,
            sender=record.sender,
            document_id=record.document_id,
            document_code=record.document_code,
            promulgation_date=record.promulgation_date,
            subject=record.subject,
            business=record.business,
            urgency=record.urgency,
            due_date=record.due_date,
            status_code=record.status_code,
            description=record.description,
            about=record.about,
            about_delivery=record.about_delivery,
            acknowledges=record.acknowledges,
            marked=record.marked,
            indication=kept.indication if kept else None,
            signatures=f"/api/v1/envelopes/{record.id}/signatures" if kept else None,
            sha256=record.sha256,
            size=record.size,
            accepted_at=spell_time(record.accepted_at),
            attachments=[Attachment.of(attachment) for attachment in record.attachments],
        )


class Event(Shape):
    """Something that happened. Who did it stays in the trunk's journal."""

    at: Moment
    event: str = Field(examples=["published"])
    state: str | None = Field(description="of the delivery after it", examples=["dispatched"])
    reason: str

    @classmethod
    def of(cls, event: JournalEvent) -> Event:
        # why an administrator ordered a replay is written for administrators
        hidden = event.event == DeliveryEvent.REPLAY_ORDERED
        return cls(at=spell_time(event.at), event=event.event, state=event.state, reason="" if hidden else event.reason)


class Status(Shape):
    """A business status that an agency's people reported."""

    at: Moment
    envelope_id: str = Field(description="of the status message")
    code: str = Field(description="01 to 06, 13, 15 or 16", examples=["03"])
    description: str
    reporter: str
    delivery_id: str | None = Field(description="null: it matches no delivery here")

    @classmethod
    def of(cls, report: StatusReport) -> Status:
        return cls(
            at=spell_time(report.at),
            envelope_id=report.envelope_id,
            code=report.code,
            description=report.description,
            reporter=report.reporter,
            delivery_id=report.delivery_id,
        )


class Acknowledgement(Shape):
    """What the trunk has stated under its seal."""

    kind: str = Field(examples=["accepted"], description="accepted, delivered, received, refused or undeliverable")
    envelope_id: str = Field(description="of the acknowledgement itself")
    delivery_id: str | None = Field(description="null: about the envelope as a whole")
    at: Moment
    xml: str = Field(description="an edXML status message with the trunk's signature")

    @classmethod
    def of(cls, record: AcknowledgementRecord) -> Acknowledgement:
        envelope = record.envelope
        return cls(
            kind=envelope.acknowledges or "",
            envelope_id=envelope.id,
            delivery_id=envelope.about_delivery,
            at=spell_time(envelope.accepted_at),
            xml=record.sealed.decode(),
        )


class Delivery(Shape):
    """One recipient's part of the story."""

    delivery_id: str
    agency: str
    name: str
    state: str = Field(examples=["delivered"])
    attempts: int = Field(description="failed ones since it was last queued by a person")
    version: int = Field(description="raised by every step: tells a repetition from a replay")
    expires_at: Moment
    timeline: list[Event]
    statuses: list[Status]

    @classmethod
    def of(cls, track: DeliveryTrack) -> Delivery:
        delivery = track.delivery
        return cls(
            delivery_id=delivery.id,
            agency=delivery.addressee,
            name=track.name,
            state=delivery.state,
            attempts=delivery.attempts,
            version=delivery.version,
            expires_at=spell_time(delivery.expires_at),
            timeline=events(track.timeline),
            statuses=[Status.of(report) for report in track.statuses],
        )


def events(timeline: Sequence[JournalEvent]) -> list[Event]:
    return [Event.of(event) for event in timeline]


def verdict(record: EnvelopeRecord) -> dict[str, Any]:
    """What is kept of the signatures; empty for the trunk's own messages."""
    kept = signature_record.read(record)
    return {} if kept is None else kept.data
