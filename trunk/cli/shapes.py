"""The JSON of the clerks' commands. A stable interface: keys are added, never renamed or removed.

Codes, not words: a program switches on ``state``, a person reads the table.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from trunk.cli.output import instant
from trunk.domain import signature_record
from trunk.domain.delivery import WAITING, Delivery
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.tracking import (
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    JournalEvent,
    Listed,
    StatusReport,
)

if TYPE_CHECKING:
    from trunk.application.tracking import Tracking


def is_overdue(delivery: Delivery, envelope: EnvelopeRecord, *, tracking: Tracking) -> bool:
    """Whether a document waits longer than it should; notices are never overdue."""
    if delivery.state not in WAITING or envelope.kind is not EnvelopeKind.DOCUMENT:
        return False
    limit = tracking.urgent_overdue_after if envelope.urgency > 0 else tracking.overdue_after
    return tracking.now() - envelope.accepted_at > limit


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
    }


def is_settled(track: EnvelopeTrack) -> bool:
    """Whether nobody's part waits for the trunk any more."""
    return not any(d.delivery.state in WAITING for d in track.deliveries)


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
    }


def _acknowledgement_json(record: AcknowledgementRecord) -> dict[str, Any]:
    envelope = record.envelope
    return {
        "at": instant(envelope.accepted_at),
        "kind": envelope.acknowledges.value if envelope.acknowledges else None,
        "delivery_id": envelope.about_delivery,
        "envelope_id": envelope.id,
    }
