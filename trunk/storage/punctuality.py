"""Times of documents on their way, for those who ask who is late.

Each question is a range of times of acceptance, so that it costs as much as the mail of that time, however long the
ledger is: of what waits, by the partial index of inboxes; of one agency, by its own index; else by the envelopes'.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from envelopes.model import StatusCode
from trunk.domain.deadlines import URGENT
from trunk.domain.delivery import AgencyCode, DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.punctuality import UNANSWERED, UNSETTLED, LateKind, Passage, Scope
from trunk.domain.relation import RelationKind
from trunk.domain.tracking import Listed
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, halves
from trunk.storage.tables import AGENCY, DELIVERY, ENVELOPE, RELATION, STATUS_REPORT

_CHUNK: Final = 500
_DOCUMENTS: Final = (ENVELOPE.c.kind == EnvelopeKind.DOCUMENT, sa.text("envelope.kind <> 'acknowledgement'"))
_TAKEN: Final = sa.func.coalesce(DELIVERY.c.fetched_at, DELIVERY.c.taken_at, type_=DELIVERY.c.taken_at.type)
_OWED: Final[Mapping[LateKind, Sequence[sa.ColumnElement[bool] | sa.TextClause]]] = {
    LateKind.NOT_FETCHED: (
        sa.text("delivery.waiting"),
        DELIVERY.c.fetched_at.is_(None),
        DELIVERY.c.taken_at.is_(None),
    ),
    LateKind.NOT_RECEIVED: (DELIVERY.c.state.in_(UNSETTLED), DELIVERY.c.settled_at.is_(None)),
}

Family = Callable[[AgencyCode], Collection[AgencyCode]]
"""Whose answers count as an agency's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """Documents of one class of urgency that were accepted from ``start`` up to ``until``."""

    urgent: bool
    start: datetime
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """A document to one agency that asks for an answer by a day."""

    delivery_id: DeliveryId
    envelope_id: EnvelopeId
    addressee: AgencyCode
    accepted_at: datetime
    due_date: str
    document_id: str
    document_key: str


class Times:
    """What can be asked of the times of documents."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def late(self, kind: LateKind, accepted: Accepted, scope: Scope, limit: int) -> list[DeliveryId]:
        """Deliveries that were accepted in that time and not fetched, or not received; the oldest first."""
        found: list[tuple[datetime, DeliveryId]] = []
        for base, clock in _late(kind, accepted, scope, DELIVERY.c.accepted_at, DELIVERY.c.id):
            oldest = base.order_by(clock.c.accepted_at, DELIVERY.c.id).limit(limit)
            found += [(row.accepted_at, DeliveryId(row.id)) for row in self._connection.execute(oldest)]
        return [delivery for _, delivery in sorted(found)[:limit]]

    def count_late(self, kind: LateKind, accepted: Accepted, scope: Scope) -> Counter[AgencyCode]:
        """How many there are, by recipient."""
        counted: Counter[AgencyCode] = Counter()
        for base, _ in _late(kind, accepted, scope, DELIVERY.c.addressee, sa.func.count().label("number")):
            for row in self._connection.execute(base.group_by(DELIVERY.c.addressee)):
                counted[AgencyCode(row.addressee)] += row.number
        return counted

    def owing(self, scope: Scope, *, since: datetime, before_day: str) -> list[Owing]:
        """Accepted since then, an answer due before ``before_day`` (yyyy/MM/dd), and the delivery still binds."""
        asked = (ENVELOPE.c.due_date != "", ENVELOPE.c.due_date < before_day, DELIVERY.c.state.in_(UNANSWERED))
        return [
            _owing(row)
            for base, clock in _branches(scope, *_OWING)
            for row in self._connection.execute(base.where(clock.c.accepted_at >= since, *asked))
        ]

    def answered(self, owing: Sequence[Owing], family: Family) -> dict[DeliveryId, datetime]:
        """When each was first answered: by a document of the recipient, or by its status 06."""
        found: defaultdict[DeliveryId, list[datetime]] = defaultdict(list)
        for part in _chunks(owing):
            for row in self._finished([one.envelope_id for one in part]):
                found[DeliveryId(row.delivery_id)].append(row.at)
            answers = self._answers(part)
            for one in part:
                own = frozenset(family(one.addressee))
                names = {one.document_id, one.document_key} - {""}
                found[one.delivery_id] += [at for name in names for sender, at in answers[name] if sender in own]
        return {delivery: min(times) for delivery, times in found.items() if times}

    def passages(self, scope: Scope, *, start: datetime, end: datetime) -> Iterator[tuple[Passage, Owing | None]]:
        """Every document that was accepted in that time, as it stands; and whether it asks for an answer."""
        columns = (*_OWING, DELIVERY.c.urgency, DELIVERY.c.state, _TAKEN.label("taken"), DELIVERY.c.settled_at)
        for base, clock in _branches(scope, *columns):
            rows = self._connection.execute(base.where(clock.c.accepted_at >= start, clock.c.accepted_at < end))
            yield from ((_passage(row), _owing(row) if row.due_date else None) for row in rows)

    def lines(self, deliveries: Collection[DeliveryId]) -> list[tuple[Listed, Passage, Owing]]:
        """These deliveries with their envelopes."""
        lines: sa.Select[Any] = (
            sa.select(
                ENVELOPE,
                *DELIVERY_COLUMNS,
                _TAKEN.label("taken"),
                DELIVERY.c.settled_at,
                AGENCY.c.name.label("recipient_name"),
            )
            .join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
            .outerjoin(AGENCY, AGENCY.c.code == DELIVERY.c.addressee)
        )
        return [
            _line(row)
            for part in _chunks(sorted(deliveries))
            for row in self._connection.execute(lines.where(DELIVERY.c.id.in_(part)))
        ]

    def _finished(self, envelopes: Collection[EnvelopeId]) -> Iterable[Row[Any]]:
        return self._connection.execute(
            sa.select(STATUS_REPORT.c.delivery_id, STATUS_REPORT.c.at).where(
                STATUS_REPORT.c.about.in_(envelopes),
                STATUS_REPORT.c.code == StatusCode.FINISHED.value,
                STATUS_REPORT.c.delivery_id.is_not(None),
            )
        )

    def _answers(self, owing: Sequence[Owing]) -> defaultdict[str, list[tuple[AgencyCode, datetime]]]:
        """Senders and times of documents that answer these, by what they call them."""
        named = {
            RELATION.c.document_id: {one.document_id for one in owing} - {""},
            RELATION.c.document_key: {one.document_key for one in owing} - {""},
        }
        answers: defaultdict[str, list[tuple[AgencyCode, datetime]]] = defaultdict(list)
        for column, names in named.items():
            found = (
                sa.select(column, ENVELOPE.c.sender, ENVELOPE.c.accepted_at)
                .join_from(RELATION, ENVELOPE, ENVELOPE.c.id == RELATION.c.envelope_id)
                .where(sa.text(f"relation.{column.name} <> ''"), column.in_(names))
                .where(RELATION.c.kind == RelationKind.ANSWERS)
            )
            for name, sender, at in self._connection.execute(found):
                answers[name].append((AgencyCode(sender), at))
        return answers


_OWING: Final = (
    DELIVERY.c.id,
    DELIVERY.c.envelope_id,
    DELIVERY.c.addressee,
    DELIVERY.c.accepted_at,
    ENVELOPE.c.due_date,
    ENVELOPE.c.document_id,
    ENVELOPE.c.document_key,
)

_Branch = tuple[sa.Select[Any], sa.Table]


def _late(kind: LateKind, accepted: Accepted, scope: Scope, *columns: Any) -> Iterator[_Branch]:
    urgency = DELIVERY.c.urgency >= URGENT if accepted.urgent else DELIVERY.c.urgency < URGENT
    for base, clock in _branches(scope, *columns, waiting=kind is LateKind.NOT_FETCHED):
        span = (clock.c.accepted_at >= accepted.start, clock.c.accepted_at <= accepted.until)
        yield base.where(urgency, *_OWED[kind], *span), clock


def _branches(scope: Scope, *columns: Any, waiting: bool = False) -> Iterator[_Branch]:
    """Questions that together find each document of ``scope`` once, and the table by whose time each is bounded.

    Both tables have the time of acceptance; the one that is asked decides which index is walked.
    """
    base = sa.select(*columns).join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
    base = base.where(*_DOCUMENTS)
    if scope.recipients is not None:
        base = base.where(DELIVERY.c.addressee.in_(scope.recipients))
    if scope.reader is None:
        yield base, DELIVERY if waiting or scope.recipients is not None else ENVELOPE
        return
    yield base.where(DELIVERY.c.addressee.in_(scope.reader)), DELIVERY
    sent = base.where(ENVELOPE.c.sender.in_(scope.reader), DELIVERY.c.addressee.not_in(scope.reader))
    yield sent, ENVELOPE


def _owing(row: Any) -> Owing:
    return Owing(
        delivery_id=DeliveryId(row.id),
        envelope_id=EnvelopeId(row.envelope_id),
        addressee=AgencyCode(row.addressee),
        accepted_at=row.accepted_at,
        due_date=row.due_date,
        document_id=row.document_id,
        document_key=row.document_key,
    )


def _passage(row: Any) -> Passage:
    return Passage(
        delivery_id=DeliveryId(row.id),
        addressee=AgencyCode(row.addressee),
        urgency=row.urgency,
        state=row.state,
        accepted_at=row.accepted_at,
        fetched_at=row.taken,
        settled_at=row.settled_at,
        due_date=row.due_date,
    )


def _line(row: Row[Any]) -> tuple[Listed, Passage, Owing]:
    carried, way = halves(row)
    envelope, delivery = envelope_of(carried), delivery_of(way)
    listed = Listed(delivery=delivery, envelope=envelope, recipient_name=row.recipient_name or "")
    passage = Passage(
        delivery_id=delivery.id,
        addressee=delivery.addressee,
        urgency=delivery.urgency,
        state=delivery.state,
        accepted_at=envelope.accepted_at,
        fetched_at=row.taken,
        settled_at=row.settled_at,
        due_date=envelope.due_date,
    )
    owing = Owing(
        delivery_id=delivery.id,
        envelope_id=envelope.id,
        addressee=delivery.addressee,
        accepted_at=envelope.accepted_at,
        due_date=envelope.due_date,
        document_id=envelope.document_id,
        document_key=envelope.document_key,
    )
    return listed, passage, owing


def _chunks(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + _CHUNK] for start in range(0, len(items), _CHUNK))
