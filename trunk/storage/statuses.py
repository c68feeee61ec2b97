"""Lists of business statuses: what agencies said, and what was said to them; also what matches no document here."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import AgencyCode, DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import ListedStatus, StatusReport, StatusSearch
from trunk.domain.unmatched import Known
from trunk.storage.lists import LONGEST
from trunk.storage.rows import envelope_of, status_of
from trunk.storage.tables import DELIVERY, ENVELOPE, STATUS_REPORT

# Spelled out, not bound: the databases then know that the partial indexes apply.
_NOT_OURS: Final = sa.text("envelope.kind <> 'acknowledgement'")
_UNMATCHED: Final = sa.text("status_report.about IS NULL")
_DOCUMENTS: Final = ENVELOPE.c.kind == EnvelopeKind.DOCUMENT
_Lines = sa.Select[Any]

_REPORTED: Final = sa.select(ENVELOPE, STATUS_REPORT).join_from(
    STATUS_REPORT, ENVELOPE, ENVELOPE.c.id == STATUS_REPORT.c.envelope_id
)
_TOLD: Final = _REPORTED.join(DELIVERY, DELIVERY.c.envelope_id == ENVELOPE.c.id)


def search(connection: Connection, wanted: StatusSearch) -> list[ListedStatus]:
    """Newest first. What an agency reported and what it was told are read from the ends of two indexes."""
    limit = min(wanted.limit, LONGEST)
    found: dict[EnvelopeId, ListedStatus] = {}
    for lines, clock in _walks(wanted):
        newest = _older(lines, clock, wanted.before).order_by(clock.desc(), ENVELOPE.c.id.desc()).limit(limit)
        found |= {line.envelope.id: line for row in connection.execute(newest) for line in [_line(row)]}
    newest_first = sorted(found.values(), key=lambda line: (line.report.at, line.envelope.id), reverse=True)
    return newest_first[:limit]


def codes_of(connection: Connection, delivery_id: DeliveryId) -> frozenset[str]:
    """Codes of the statuses that a delivery's recipient has given."""
    said = sa.select(STATUS_REPORT.c.code).join(DELIVERY, DELIVERY.c.envelope_id == STATUS_REPORT.c.about)
    of_recipient = said.where(DELIVERY.c.id == delivery_id, STATUS_REPORT.c.delivery_id == delivery_id)
    return frozenset(connection.execute(of_recipient).scalars())


def by_envelope(connection: Connection, envelope_id: EnvelopeId) -> ListedStatus | None:
    row = connection.execute(_REPORTED.where(ENVELOPE.c.id == envelope_id)).one_or_none()
    return None if row is None else _line(row)


def known(
    connection: Connection,
    *,
    document_ids: Collection[str],
    keys: Collection[str],
    seen_by: Collection[AgencyCode] | None = None,
) -> list[Known]:
    """Documents of these names on their way to their recipients; ``seen_by``: only of these agencies."""
    named = sa.union(
        sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_id.in_(document_ids), _NOT_OURS, _DOCUMENTS),
        sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_key.in_(keys), sa.text("document_key <> ''"), _DOCUMENTS),
    )
    rows = (
        sa.select(
            ENVELOPE.c.document_id,
            ENVELOPE.c.document_key,
            ENVELOPE.c.sender,
            DELIVERY.c.addressee,
            ENVELOPE.c.accepted_at,
        )
        .join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
        .where(ENVELOPE.c.id.in_(named))
        .limit(LONGEST)
    )
    if seen_by is not None:
        rows = rows.where(sa.or_(ENVELOPE.c.sender.in_(seen_by), DELIVERY.c.addressee.in_(seen_by)))
    return [
        Known(
            document_id=row.document_id,
            document_key=row.document_key,
            sender=AgencyCode(row.sender),
            addressee=AgencyCode(row.addressee),
            accepted_at=row.accepted_at,
        )
        for row in connection.execute(rows)
    ]


def _walks(wanted: StatusSearch) -> Iterator[tuple[_Lines, sa.ColumnElement[Any]]]:
    """The questions whose answers together are the list, each with the time by whose index it is read.

    One for each agency and side: an index that begins with the agency is walked in the order of time for one agency
    only.
    """
    if wanted.agencies is None:
        condition, clock = (_UNMATCHED, STATUS_REPORT.c.at) if wanted.unmatched else (_NOT_OURS, ENVELOPE.c.accepted_at)
        yield _REPORTED.where(condition), clock
        return
    for agency in sorted(wanted.agencies):
        if wanted.unmatched:
            yield _REPORTED.where(_UNMATCHED, STATUS_REPORT.c.reporter == agency), STATUS_REPORT.c.at
            yield _REPORTED.where(_UNMATCHED, STATUS_REPORT.c.addressee == agency), STATUS_REPORT.c.at
        else:
            yield _REPORTED.where(_NOT_OURS, ENVELOPE.c.sender == agency), ENVELOPE.c.accepted_at
            yield _TOLD.where(_NOT_OURS, DELIVERY.c.addressee == agency), DELIVERY.c.accepted_at


def _older(lines: _Lines, clock: sa.ColumnElement[Any], before: StatusReport | None) -> _Lines:
    if before is None:
        return lines
    same_time = sa.and_(clock == before.at, ENVELOPE.c.id < before.envelope_id)
    return lines.where(clock <= before.at, sa.or_(clock < before.at, same_time))


def _line(row: sa.Row[Any]) -> ListedStatus:
    middle = len(ENVELOPE.columns)
    envelope = SimpleNamespace(**dict(zip(ENVELOPE.columns.keys(), row[:middle], strict=True)))
    report = SimpleNamespace(**dict(zip(STATUS_REPORT.columns.keys(), row[middle:], strict=True)))
    about = None if report.about is None else EnvelopeId(report.about)
    return ListedStatus(report=status_of(report), envelope=envelope_of(envelope), about=about)
