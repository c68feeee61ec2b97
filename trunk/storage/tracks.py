"""One envelope with everything that happened to it, gathered from all that speaks of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.business_status import Standing
from trunk.domain.change_request import ChangeRequest
from trunk.domain.delivery import AgencyCode, DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import HubLink
from trunk.domain.tracking import (
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    JournalEvent,
    StatusReport,
)
from trunk.storage import envelopes, related
from trunk.storage.hub_links import link_of
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, journal_event_of, status_of
from trunk.storage.tables import AGENCY, CHANGE_REQUEST, DELIVERY, ENVELOPE, HUB_LINK, JOURNAL, PAYLOAD, STATUS_REPORT

_TIMES: Final = (DELIVERY.c.position, DELIVERY.c.taken_at, DELIVERY.c.settled_at)


def track(connection: Connection, envelope_id: EnvelopeId) -> EnvelopeTrack | None:
    envelope = envelopes.by_id(connection, envelope_id)
    if envelope is None:
        return None
    events = _events(connection, envelope_id)
    reports = _reports(connection, envelope_id)
    rows = _deliveries(connection, envelope_id)
    asked = requests(connection, [DeliveryId(row.id) for row in rows])
    links = _links(connection, envelope_id)
    deliveries = [
        DeliveryTrack(
            delivery=delivery_of(row),
            name=row.agency_name or "",
            position=row.position,
            timeline=events[DeliveryId(row.id)],
            statuses=reports.pop(DeliveryId(row.id), []),
            fetched_at=row.fetched_at,
            taken_at=row.taken_at,
            settled_at=row.settled_at,
            requests=asked.get(DeliveryId(row.id), []),
            links=links.pop(DeliveryId(row.id), []),
        )
        for row in rows
    ]
    others = [report for group in reports.values() for report in group]
    return EnvelopeTrack(
        envelope=envelope,
        deliveries=deliveries,
        acknowledgements=_acknowledgements(connection, envelope_id),
        timeline=events[None],
        statuses=[report for report in others if report.standing is not Standing.UNMATCHED],
        unmatched=[report for report in others if report.standing is Standing.UNMATCHED],
        related=related.related(connection, envelope),
        links=[link for group in links.values() for link in group],
    )


def seen(connection: Connection, ids: Collection[EnvelopeId], *, by: Collection[AgencyCode]) -> frozenset[EnvelopeId]:
    """Which of these envelopes the agencies ``by`` sent or receive."""
    received = sa.select(DELIVERY.c.id).where(DELIVERY.c.envelope_id == ENVELOPE.c.id, DELIVERY.c.addressee.in_(by))
    found = sa.select(ENVELOPE.c.id).where(ENVELOPE.c.id.in_(ids), sa.or_(ENVELOPE.c.sender.in_(by), received.exists()))
    return frozenset(EnvelopeId(one) for one in connection.execute(found).scalars())


def requests(connection: Connection, deliveries: Collection[DeliveryId]) -> dict[DeliveryId, list[ChangeRequest]]:
    """Recalls and updates that were asked of the recipients of these deliveries; oldest first."""
    rows = connection.execute(
        sa.select(CHANGE_REQUEST)
        .where(CHANGE_REQUEST.c.delivery_id.in_(deliveries))
        .order_by(CHANGE_REQUEST.c.asked_at, CHANGE_REQUEST.c.id)
    )
    asked: defaultdict[DeliveryId, list[ChangeRequest]] = defaultdict(list)
    for row in rows:
        asked[DeliveryId(row.delivery_id)].append(_request(row))
    return asked


def _request(row: Any) -> ChangeRequest:
    return ChangeRequest(
        id=row.id,
        kind=row.kind,
        state=row.state,
        delivery_id=DeliveryId(row.delivery_id),
        envelope_id=EnvelopeId(row.envelope_id),
        asked_by=EnvelopeId(row.asked_by),
        asked_at=row.asked_at,
        reason=row.reason,
        answered_at=row.answered_at,
        answered_by=None if row.answered_by is None else EnvelopeId(row.answered_by),
    )


def _links(connection: Connection, envelope_id: EnvelopeId) -> defaultdict[DeliveryId | None, list[HubLink]]:
    rows = connection.execute(
        sa.select(HUB_LINK).where(HUB_LINK.c.envelope_id == envelope_id).order_by(HUB_LINK.c.at, HUB_LINK.c.id)
    )
    links: defaultdict[DeliveryId | None, list[HubLink]] = defaultdict(list)
    for row in rows:
        link = link_of(row)
        links[link.delivery_id].append(link)
    return links


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
        sa.select(*DELIVERY_COLUMNS, *_TIMES, AGENCY.c.name.label("agency_name"))
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
