"""One envelope with everything that happened to it, gathered from deliveries, journal, statuses and notices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import (
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    JournalEvent,
    StatusReport,
)
from trunk.storage import envelopes
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, journal_event_of, status_of
from trunk.storage.tables import AGENCY, DELIVERY, ENVELOPE, JOURNAL, PAYLOAD, STATUS_REPORT


def track(connection: Connection, envelope_id: EnvelopeId) -> EnvelopeTrack | None:
    envelope = envelopes.by_id(connection, envelope_id)
    if envelope is None:
        return None
    events = _events(connection, envelope_id)
    reports = _reports(connection, envelope_id)
    deliveries = [
        DeliveryTrack(
            delivery=delivery_of(row),
            name=row.agency_name or "",
            position=row.position,
            timeline=events[DeliveryId(row.id)],
            statuses=reports.pop(DeliveryId(row.id), []),
        )
        for row in _deliveries(connection, envelope_id)
    ]
    return EnvelopeTrack(
        envelope=envelope,
        deliveries=deliveries,
        acknowledgements=_acknowledgements(connection, envelope_id),
        timeline=events[None],
        unmatched=[report for group in reports.values() for report in group],
    )


def _events(connection: Connection, envelope_id: EnvelopeId) -> dict[DeliveryId | None, list[JournalEvent]]:
    lines = sa.select(JOURNAL).where(JOURNAL.c.envelope_id == envelope_id).order_by(JOURNAL.c.id)
    events: defaultdict[DeliveryId | None, list[JournalEvent]] = defaultdict(list)
    for row in connection.execute(lines):
        event = journal_event_of(row)
        events[event.delivery_id].append(event)
    return events


def _reports(connection: Connection, envelope_id: EnvelopeId) -> dict[DeliveryId | None, list[StatusReport]]:
    rows = connection.execute(
        sa.select(STATUS_REPORT)
        .where(STATUS_REPORT.c.about == envelope_id)
        .order_by(STATUS_REPORT.c.at, STATUS_REPORT.c.envelope_id)
    )
    reports: defaultdict[DeliveryId | None, list[StatusReport]] = defaultdict(list)
    for row in rows:
        report = status_of(row)
        reports[report.delivery_id].append(report)
    return reports


def _deliveries(connection: Connection, envelope_id: EnvelopeId) -> Sequence[sa.Row[Any]]:
    found: sa.Select[Any] = (
        sa.select(*DELIVERY_COLUMNS, DELIVERY.c.position, AGENCY.c.name.label("agency_name"))
        .outerjoin(AGENCY, AGENCY.c.code == DELIVERY.c.addressee)
        .where(DELIVERY.c.envelope_id == envelope_id)
        .order_by(DELIVERY.c.ordinal)
    )
    return connection.execute(found).all()


def _acknowledgements(connection: Connection, envelope_id: EnvelopeId) -> list[AcknowledgementRecord]:
    rows = connection.execute(
        sa.select(ENVELOPE, PAYLOAD.c.octets)
        .outerjoin(PAYLOAD, PAYLOAD.c.sha256 == ENVELOPE.c.sha256)
        .where(ENVELOPE.c.about == envelope_id, ENVELOPE.c.kind == EnvelopeKind.ACKNOWLEDGEMENT)
        .order_by(ENVELOPE.c.accepted_at, ENVELOPE.c.id)
    )
    return [AcknowledgementRecord(envelope=envelope_of(row), sealed=row.octets or b"") for row in rows]
