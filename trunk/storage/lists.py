"""Lists for clerks: what was sent and received, how much waits."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import DeliveryEvent
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import Listed, Search
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, fold, halves
from trunk.storage.tables import AGENCY, DELIVERY, ENVELOPE, JOURNAL, OUTBOX

LONGEST: Final = 10_000
"""No list is longer, whatever is asked for."""

_WAITING: Final = sa.text("delivery.waiting")
_NOT_OURS: Final = sa.text("envelope.kind <> 'acknowledgement'")
_FAILURES: Final = (DeliveryEvent.ATTEMPT_FAILED.value, DeliveryEvent.GIVEN_UP.value)
_Lines = sa.Select[Any]


def search(connection: Connection, wanted: Search) -> list[Listed]:
    """Newest first. An agency's list is read from the ends of two indexes, as sender and as recipient."""
    lines = conditions(every_line(), wanted)
    if wanted.agency is None:
        return newest_of(connection, lines, ENVELOPE, wanted.limit)
    sent = newest_of(connection, lines.where(ENVELOPE.c.sender == wanted.agency), ENVELOPE, wanted.limit)
    if wanted.sent_only:
        return sent
    received = newest_of(connection, lines.where(DELIVERY.c.addressee == wanted.agency), DELIVERY, wanted.limit)
    single = {line.delivery.id: line for line in sent + received}  # an agency may write to itself
    newest = sorted(single.values(), key=lambda line: (line.envelope.accepted_at, line.delivery.id), reverse=True)
    return newest[: wanted.limit]


def depth(connection: Connection) -> dict[str, int]:
    """How much is on its way: outbox entries and waiting deliveries by state (finished ones are not counted)."""
    counted = {"outbox": connection.execute(sa.select(sa.func.count()).select_from(OUTBOX)).scalar_one()}
    states = sa.select(DELIVERY.c.state, sa.func.count()).where(_WAITING).group_by(DELIVERY.c.state)
    counted |= {"queued": 0, "dispatched": 0, "deferred": 0}
    return counted | {state.value: count for state, count in connection.execute(states)}


def conditions(lines: _Lines, wanted: Search) -> _Lines:
    """Of deliveries joined with their envelopes, those that are asked for; whose they are is left to the caller."""
    lines = lines.where(ENVELOPE.c.kind.in_(wanted.kinds))
    if EnvelopeKind.ACKNOWLEDGEMENT not in wanted.kinds:
        lines = lines.where(_NOT_OURS)
    if wanted.states:
        lines = lines.where(DELIVERY.c.state.in_(wanted.states))
    if wanted.accepted_before is not None:
        lines = lines.where(ENVELOPE.c.accepted_at < wanted.accepted_before)
    if wanted.accepted_after is not None:
        lines = lines.where(ENVELOPE.c.accepted_at >= wanted.accepted_after)
    if wanted.urgency_at_least:
        lines = lines.where(DELIVERY.c.urgency >= wanted.urgency_at_least)
    if wanted.text:
        lines = lines.where(ENVELOPE.c.search_text.contains(fold(wanted.text), autoescape=True))
    if wanted.reason_code:
        lines = lines.where(_failed_for(wanted.reason_code))
    return lines


def _failed_for(code: str) -> sa.ColumnElement[bool]:
    """Whether the newest line about a failed attempt begins with that word."""
    line = JOURNAL.alias()
    newest = (
        sa.select(line.c.reason)
        .where(line.c.envelope_id == DELIVERY.c.envelope_id, line.c.delivery_id == DELIVERY.c.id)
        .where(line.c.event.in_(_FAILURES))
        .order_by(line.c.id.desc())
        .limit(1)
        .correlate(DELIVERY)
        .scalar_subquery()
    )
    begun = [newest.startswith(code + end, autoescape=True) for end in (" ", ":", ",", ";")]
    return sa.or_(newest == code, *begun)


def every_line() -> _Lines:
    """All deliveries, to be narrowed down."""
    return (
        sa.select(ENVELOPE, *DELIVERY_COLUMNS, AGENCY.c.name.label("recipient_name"))
        .join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
        .outerjoin(AGENCY, AGENCY.c.code == DELIVERY.c.addressee)
    )


def newest_of(connection: Connection, lines: _Lines, clock: sa.Table, limit: int) -> list[Listed]:
    """Those of ``lines``. Both tables have the time of acceptance; ``clock`` is the one whose index is walked."""
    newest = lines.order_by(clock.c.accepted_at.desc(), DELIVERY.c.id.desc()).limit(min(limit, LONGEST))
    return [_line(row) for row in connection.execute(newest)]


def _line(row: sa.Row[Any]) -> Listed:
    envelope, delivery = halves(row)
    return Listed(
        delivery=delivery_of(delivery),
        envelope=envelope_of(envelope),
        recipient_name=row.recipient_name or "",
    )
