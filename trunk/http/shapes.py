"""The objects that several resources show: envelopes, deliveries, statuses, acknowledgements."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pydantic import Field

from trunk.domain import signature_record
from trunk.domain.change_request import ChangeRequest
from trunk.domain.delivery import DeliveryEvent
from trunk.domain.entry import AttachmentRecord, EnvelopeRecord
from trunk.domain.hub_link import HubLink
from trunk.domain.relation import RelatedDocument
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
    addressee: str | None = Field(description="who is told")
    delivery_id: str | None = Field(description="null: it matches no delivery here, or speaks of all of them")
    standing: str = Field(
        examples=["advances"],
        description="how it stands to those before it: advances, repeats, late, contradicts; answers or unasked (15, "
        "16); requests (13); unmatched. Whatever it is, it was kept and passed on",
    )
    said_at: Moment | None = Field(description="edXML Timestamp, by the agency's own clock")

    @classmethod
    def of(cls, report: StatusReport) -> Status:
        return cls(**said(report))


def said(report: StatusReport) -> dict[str, Any]:
    """The values of a ``Status``."""
    return {
        "at": spell_time(report.at),
        "envelope_id": report.envelope_id,
        "code": report.code,
        "description": report.description,
        "reporter": report.reporter,
        "addressee": report.addressee,
        "delivery_id": report.delivery_id,
        "standing": report.standing,
        "said_at": _maybe(report.said_at),
    }


class SpokenDocument(Shape):
    """A document as a later one names it; empty: not said."""

    organ_id: str
    document_id: str
    document_code: str
    promulgation_date: str = Field(description="yyyy/MM/dd")


class Related(Shape):
    """A document that this one speaks of, or that speaks of this one."""

    kind: str = Field(examples=["updates"], description="answers, revokes, updates or replaces")
    by_this_document: bool = Field(description="true: this document does it to the other; false: the other to this one")
    envelope_id: str | None = Field(description="of the other; null: not known here, or not for the caller")
    document_id: str = Field(description="of the other, as it says it")
    document_code: str
    spoken_of: SpokenDocument = Field(description="the earlier document as the later one names it")

    @classmethod
    def of(cls, one: RelatedDocument) -> Related:
        spoken = one.spoken
        return cls(
            kind=one.kind,
            by_this_document=one.forward,
            envelope_id=one.envelope_id,
            document_id=one.document_id,
            document_code=one.document_code,
            spoken_of=SpokenDocument(
                organ_id=spoken.organ_id,
                document_id=spoken.document_id,
                document_code=spoken.document_code,
                promulgation_date=spoken.promulgation_date,
            ),
        )


class RequestedChange(Shape):
    """A recall or an update that a recipient is asked to agree to."""

    kind: str = Field(examples=["recall"], description="recall or update")
    state: str = Field(
        examples=["open"],
        description="open: not answered; held_back: recalled before anybody had fetched it; agreed (15); refused (16)",
    )
    asked_at: Moment
    asked_by: str = Field(description="envelope_id of the status 13, the revocation or the update")
    reason: str
    answered_at: Moment | None
    answered_by: str | None = Field(description="envelope_id of the status 15 or 16")

    @classmethod
    def of(cls, request: ChangeRequest) -> RequestedChange:
        return cls(
            kind=request.kind,
            state=request.state,
            asked_at=spell_time(request.asked_at),
            asked_by=request.asked_by,
            reason=request.reason,
            answered_at=_maybe(request.answered_at),
            answered_by=request.answered_by,
        )


class LinkedId(Shape):
    """The id that another hub has for the same mail."""

    hub: str
    direction: str = Field(examples=["up"], description="up: from this trunk to the other; down: from the other to it")
    remote_id: str = Field(description="the other hub's docId")
    state: str = Field(examples=["closed"], description="open, closed or refused")
    at: Moment
    reason: str

    @classmethod
    def of(cls, link: HubLink) -> LinkedId:
        return cls(
            hub=link.hub,
            direction=link.direction,
            remote_id=link.remote_id,
            state=link.state,
            at=spell_time(link.at),
            reason=link.reason,
        )


class Acknowledgement(Shape):
    """What the trunk has stated under its seal."""

    kind: str = Field(
        examples=["accepted"], description="accepted, delivered, received, refused, undeliverable or recalled"
    )
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
    version: int = Field(description="raised by every step")
    expires_at: Moment
    replayed_at: Moment | None = Field(description="when an administrator of the trunk last put it back")
    fetched_at: Moment | None = Field(description="when its octets first left the trunk")
    taken_at: Moment | None = Field(description="when the agency's system had it whole")
    settled_at: Moment | None = Field(description="when the agency's people took it in or turned it down")
    timeline: list[Event]
    statuses: list[Status]
    requests: list[RequestedChange] = Field(
        description="recalls and updates that were asked of the agency, oldest first"
    )
    links: list[LinkedId] = Field(description="its ids with other hubs")

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
            replayed_at=_maybe(delivery.replayed_at),
            timeline=events(track.timeline),
            statuses=[Status.of(report) for report in track.statuses],
            fetched_at=_maybe(track.fetched_at),
            taken_at=_maybe(track.taken_at),
            settled_at=_maybe(track.settled_at),
            requests=[RequestedChange.of(request) for request in track.requests],
            links=[LinkedId.of(link) for link in track.links],
        )


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else spell_time(moment)


def events(timeline: Sequence[JournalEvent]) -> list[Event]:
    return [Event.of(event) for event in timeline]


def verdict(record: EnvelopeRecord) -> dict[str, Any]:
    """What is kept of the signatures; empty for the trunk's own messages."""
    kept = signature_record.read(record)
    return {} if kept is None else kept.data
