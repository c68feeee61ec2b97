"""The JSON of the clerks' commands. A stable interface: keys are added, never renamed or removed.

Codes, not words: a program switches on ``state``, a person reads the table.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from trunk.cli.output import instant
from trunk.domain import signature_record
from trunk.domain.change_request import ChangeRequest
from trunk.domain.delivery import UNFINISHED, Delivery
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import HubLink
from trunk.domain.punctuality import lateness
from trunk.domain.relation import RelatedDocument
from trunk.domain.tracking import (
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    JournalEvent,
    Listed,
    ListedStatus,
    StatusReport,
)

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking


def is_overdue(delivery: Delivery, envelope: EnvelopeRecord, *, tracking: Tracking) -> bool:
    """Whether its recipient should have fetched it or taken it in by now; notices are never overdue."""
    if envelope.kind is not EnvelopeKind.DOCUMENT:
        return False
    return bool(lateness(delivery, envelope, tracking.rules, tracking.now()))


def since(track: DeliveryTrack, envelope: EnvelopeRecord) -> datetime:
    """When the delivery came into the state it is in."""
    at = envelope.accepted_at
    before = None
    for event in track.timeline:
        if event.state is not None and event.state is not before:
            at, before = event.at, event.state
    return at


def track_json(track: EnvelopeTrack, *, tracking: Tracking) -> dict[str, Any]:
    """``trunk status --json``."""
    return {
        **envelope_json(track.envelope),
        "progress": track.progress.value,
        "settled": is_settled(track),
        "deliveries": [_delivery_json(d, track.envelope, tracking) for d in track.deliveries],
        "acknowledgements": [_acknowledgement_json(a) for a in track.acknowledgements],
        "timeline": [_event_json(e) for e in track.timeline],
        "unmatched_statuses": [_status_json(s) for s in track.unmatched],
        "statuses": [_status_json(s) for s in track.statuses],
        "related": [_related_json(one) for one in track.related],
        "links": [_link_json(link) for link in track.links],
    }


def is_settled(track: EnvelopeTrack) -> bool:
    """Whether nobody's part waits any more, for this trunk or for another."""
    return not any(d.delivery.state in UNFINISHED for d in track.deliveries)


def envelope_json(envelope: EnvelopeRecord) -> dict[str, Any]:
    signatures = signature_record.read(envelope)
    return {
        "envelope_id": envelope.id,
        "kind": envelope.kind.value,
        "document_id": envelope.document_id,
        "document_code": envelope.document_code,
        "promulgation_date": envelope.promulgation_date,
        "subject": envelope.subject,
        "sender": envelope.sender,
        "business": envelope.business,
        "urgency": envelope.urgency,
        "due_date": envelope.due_date,
        "status_code": envelope.status_code,
        "for_reference_only": envelope.marked,
        "indication": signatures.indication if signatures else None,
        "accepted_at": instant(envelope.accepted_at),
        "size": envelope.size,
        "sha256": envelope.sha256,
    }


def listed_json(line: Listed, *, tracking: Tracking) -> dict[str, Any]:
    """One item of ``trunk list --json`` and ``trunk overdue --json``."""
    delivery = line.delivery
    return {
        "delivery_id": delivery.id,
        "recipient": delivery.addressee,
        "recipient_name": line.recipient_name,
        "state": delivery.state.value,
        "overdue": is_overdue(delivery, line.envelope, tracking=tracking),
        "attempts": delivery.attempts,
        "due_at": instant(delivery.due_at),
        "expires_at": instant(delivery.expires_at),
        "envelope": envelope_json(line.envelope),
    }


def _delivery_json(track: DeliveryTrack, envelope: EnvelopeRecord, tracking: Tracking) -> dict[str, Any]:
    delivery = track.delivery
    return {
        "delivery_id": delivery.id,
        "recipient": delivery.addressee,
        "recipient_name": track.name,
        "state": delivery.state.value,
        "since": instant(since(track, envelope)),
        "overdue": is_overdue(delivery, envelope, tracking=tracking),
        "attempts": delivery.attempts,
        "due_at": instant(delivery.due_at),
        "expires_at": instant(delivery.expires_at),
        "timeline": [_event_json(event) for event in track.timeline],
        "statuses": [_status_json(status) for status in track.statuses],
        "fetched_at": _maybe(track.fetched_at),
        "taken_at": _maybe(track.taken_at),
        "settled_at": _maybe(track.settled_at),
        "requests": [_request_json(request) for request in track.requests],
        "links": [_link_json(link) for link in track.links],
    }


def unmatched_json(line: ListedStatus) -> dict[str, Any]:
    """One item of ``trunk unmatched --json``."""
    return {
        **_status_json(line.report),
        "document_id": line.envelope.document_id,
        "document_code": line.envelope.document_code,
        "promulgation_date": line.envelope.promulgation_date,
        "why": line.why.value if line.why else None,
    }


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else instant(moment)


def _related_json(one: RelatedDocument) -> dict[str, Any]:
    """``spoken_of`` is the earlier document as the later one names it; the other keys are of the other document."""
    return {
        "kind": one.kind.value,
        "by_this_document": one.forward,
        "envelope_id": one.envelope_id,
        "document_id": one.document_id,
        "document_code": one.document_code,
        "spoken_of": {
            "organ_id": one.spoken.organ_id,
            "document_id": one.spoken.document_id,
            "document_code": one.spoken.document_code,
            "promulgation_date": one.spoken.promulgation_date,
        },
    }


def _request_json(request: ChangeRequest) -> dict[str, Any]:
    return {
        "kind": request.kind.value,
        "state": request.state.value,
        "asked_at": instant(request.asked_at),
        "asked_by": request.asked_by,
        "reason": request.reason,
        "answered_at": _maybe(request.answered_at),
        "answered_by": request.answered_by,
    }


def _link_json(link: HubLink) -> dict[str, Any]:
    return {
        "hub": link.hub,
        "direction": link.direction.value,
        "remote_id": link.remote_id,
        "state": link.state.value,
        "at": instant(link.at),
        "reason": link.reason,
    }


def _event_json(event: JournalEvent) -> dict[str, Any]:
    return {
        "at": instant(event.at),
        "event": str(event.event),
        "actor": event.actor,
        "state": event.state.value if event.state else None,
        "reason": event.reason,
    }


def _status_json(status: StatusReport) -> dict[str, Any]:
    return {
        "at": instant(status.at),
        "code": status.code,
        "description": status.description,
        "reporter": status.reporter,
        "envelope_id": status.envelope_id,
        "addressee": status.addressee,
        "standing": status.standing.value,
        "said_at": _maybe(status.said_at),
    }


def _acknowledgement_json(record: AcknowledgementRecord) -> dict[str, Any]:
    envelope = record.envelope
    return {
        "at": instant(envelope.accepted_at),
        "kind": envelope.acknowledges.value if envelope.acknowledges else None,
        "delivery_id": envelope.about_delivery,
        "envelope_id": envelope.id,
    }
