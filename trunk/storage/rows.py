"""Domain values to rows and back. The only place where both are known."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

import orjson
from sqlalchemy import Row

from trunk.domain.agency import SystemId
from trunk.domain.delivery import WAITING, AgencyCode, Delivery, DeliveryId, DeliveryState, EnvelopeId, Step
from trunk.domain.entry import AttachmentRecord, EnvelopeRecord, Payload
from trunk.domain.relation import Relation
from trunk.domain.tracking import JournalEvent, StatusReport
from trunk.storage.bulk import Stored
from trunk.storage.columns import time_text
from trunk.storage.tables import DELIVERY, ENVELOPE

DELIVERY_COLUMNS: Final = tuple(
    DELIVERY.c[name]
    for name in (
        "id",
        "envelope_id",
        "addressee",
        "urgency",
        "state",
        "version",
        "attempts",
        "due_at",
        "expires_at",
        "fetched_at",
        "replayed_at",
        "restored_at",
    )
)
"""What ``delivery_of`` needs: reading the others costs more than the rest of the row."""


def fold(text: str) -> str:
    """``text`` as lists are searched: case does not matter, nor how a Vietnamese letter was composed."""
    return unicodedata.normalize("NFC", text).casefold()


def halves(row: Row[Any]) -> tuple[Any, Any]:
    """The two rows in a row of ``select(ENVELOPE, *DELIVERY_COLUMNS, …)``, whose columns share names."""
    middle = len(ENVELOPE.columns)
    return (
        SimpleNamespace(**dict(zip(ENVELOPE.columns.keys(), row[:middle], strict=True))),
        SimpleNamespace(**{column.name: value for column, value in zip(DELIVERY_COLUMNS, row[middle:], strict=False)}),
    )


def envelope_row(record: EnvelopeRecord) -> dict[str, Stored]:
    return {
        "id": record.id,
        "kind": record.kind.value,
        "identity": record.identity,
        "sender": record.sender,
        "system": record.system,
        "document_id": record.document_id,
        "document_code": record.document_code,
        "promulgation_date": record.promulgation_date,
        "subject": record.subject,
        "business": record.business,
        "urgency": record.urgency,
        "due_date": record.due_date,
        "sha256": record.sha256,
        "size": record.size,
        "accepted_at": time_text(record.accepted_at),
        "about": record.about,
        "about_delivery": record.about_delivery,
        "status_code": record.status_code,
        "description": record.description,
        "acknowledges": None if record.acknowledges is None else record.acknowledges.value,
        "marked": record.marked,
        "verdict": record.verdict,
        "attachments": orjson.dumps(record.attachments).decode() if record.attachments else "[]",
        "search_text": fold(f"{record.subject}\n{record.document_id}\n{record.document_code}"),
        "document_key": record.document_key,
        "trace": " ".join(record.trace),
    }


def envelope_of(row: Any) -> EnvelopeRecord:
    return EnvelopeRecord(
        id=EnvelopeId(row.id),
        kind=row.kind,
        identity=row.identity,
        sender=AgencyCode(row.sender),
        system=None if row.system is None else SystemId(row.system),
        document_id=row.document_id,
        document_code=row.document_code,
        promulgation_date=row.promulgation_date,
        subject=row.subject,
        business=row.business,
        urgency=row.urgency,
        due_date=row.due_date,
        sha256=row.sha256,
        size=row.size,
        accepted_at=row.accepted_at,
        about=None if row.about is None else EnvelopeId(row.about),
        about_delivery=None if row.about_delivery is None else DeliveryId(row.about_delivery),
        status_code=row.status_code,
        description=row.description,
        acknowledges=row.acknowledges,
        marked=row.marked,
        verdict=row.verdict,
        attachments=tuple(AttachmentRecord(**values) for values in orjson.loads(row.attachments)),
        document_key=row.document_key,
        trace=tuple(row.trace.split()),
    )


def payload_row(payload: Payload) -> dict[str, Stored]:
    return {"sha256": payload.sha256, "size": payload.size, "octets": payload.octets}


def delivery_row(delivery: Delivery, envelope: EnvelopeRecord, *, ordinal: int, position: int) -> dict[str, Stored]:
    due_at, expires_at = time_text(delivery.due_at), time_text(delivery.expires_at)
    return {
        "id": delivery.id,
        "envelope_id": envelope.id,
        "ordinal": ordinal,
        "addressee": delivery.addressee,
        "urgency": delivery.urgency,
        "state": delivery.state.value,
        "version": delivery.version,
        "attempts": delivery.attempts,
        "due_at": due_at,
        "expires_at": expires_at,
        "first_due_at": due_at,
        "first_expires_at": expires_at,
        "accepted_at": time_text(envelope.accepted_at),
        "position": position,
        "waiting": delivery.state in WAITING,
        "retry_at": due_at if delivery.state is DeliveryState.DEFERRED else None,
    }


def step_values(step: Step) -> dict[str, Stored]:
    """What a step changes in its delivery's row, but for its place and the times of what was done to it."""
    after = step.after
    due_at = time_text(after.due_at)
    return {
        "id": after.id,
        "state": after.state.value,
        "version": after.version,
        "attempts": after.attempts,
        "due_at": due_at,
        "expires_at": time_text(after.expires_at),
        "waiting": after.state in WAITING,
        "retry_at": due_at if after.state is DeliveryState.DEFERRED else None,
    }


def delivery_of(row: Any) -> Delivery:
    return Delivery(
        id=DeliveryId(row.id),
        envelope_id=EnvelopeId(row.envelope_id),
        addressee=AgencyCode(row.addressee),
        urgency=row.urgency,
        state=row.state,
        version=row.version,
        attempts=row.attempts,
        due_at=row.due_at,
        expires_at=row.expires_at,
        fetched_at=row.fetched_at,
        replayed_at=row.replayed_at,
        restored_at=row.restored_at,
    )


def first_delivery_of(row: Any) -> Delivery:
    """The delivery as it was when it was accepted."""
    return Delivery(
        id=DeliveryId(row.id),
        envelope_id=EnvelopeId(row.envelope_id),
        addressee=AgencyCode(row.addressee),
        urgency=row.urgency,
        due_at=row.first_due_at,
        expires_at=row.first_expires_at,
    )


def outbox_row(delivery: Delivery, *, ready_at: datetime) -> dict[str, Stored]:
    return {
        "delivery_id": delivery.id,
        "version": delivery.version,
        "urgency": delivery.urgency,
        "ready_at": time_text(ready_at),
        "owner": None,
    }


def relation_row(
    relation: Relation, envelope_id: EnvelopeId, *, ordinal: int, place: int, key: str
) -> dict[str, Stored]:
    spoken = relation.spoken
    return {
        "envelope_id": envelope_id,
        "ordinal": ordinal,
        "place": place,
        "kind": relation.kind.value,
        "organ_id": spoken.organ_id,
        "document_id": spoken.document_id,
        "document_code": spoken.document_code,
        "promulgation_date": spoken.promulgation_date,
        "document_key": key,
        "organ_ids": orjson.dumps(relation.organ_ids).decode(),
    }


def journal_row(event: JournalEvent, *, envelope_id: EnvelopeId) -> dict[str, Stored]:
    return {
        "at": time_text(event.at),
        "envelope_id": envelope_id,
        "delivery_id": event.delivery_id,
        "event": event.event,
        "state": None if event.state is None else event.state.value,
        "actor": event.actor,
        "reason": event.reason,
    }


def journal_event_of(row: Any) -> JournalEvent:
    return JournalEvent(
        at=row.at,
        event=row.event,
        actor=row.actor,
        state=row.state,
        reason=row.reason,
        delivery_id=None if row.delivery_id is None else DeliveryId(row.delivery_id),
    )


def status_row(report: StatusReport, *, about: EnvelopeId | None) -> dict[str, Stored]:
    return {
        "envelope_id": report.envelope_id,
        "about": about,
        "delivery_id": report.delivery_id,
        "code": report.code,
        "description": report.description,
        "reporter": report.reporter,
        "at": time_text(report.at),
        "addressee": report.addressee or "",
        "standing": report.standing.value,
        "said_at": None if report.said_at is None else time_text(report.said_at),
    }


def status_of(row: Any) -> StatusReport:
    return StatusReport(
        envelope_id=EnvelopeId(row.envelope_id),
        code=row.code,
        description=row.description,
        reporter=AgencyCode(row.reporter),
        at=row.at,
        delivery_id=None if row.delivery_id is None else DeliveryId(row.delivery_id),
        addressee=AgencyCode(row.addressee) if row.addressee else None,
        standing=row.standing,
        said_at=row.said_at,
    )
