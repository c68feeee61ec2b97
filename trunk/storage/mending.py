"""What a reconciler looks for, and how it is put right: facts that no step of the trunk could have left so.

Looking writes nothing. Every repair looks again inside its own transaction, so two that mend at once do it once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.change_request import RequestState
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryEvent, DeliveryState
from trunk.domain.hub_link import ASKED_ABOUT, Direction, LinkState
from trunk.domain.tracking import JournalEvent
from trunk.storage.bulk import Stored, insert_many
from trunk.storage.leases import LONGER
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, journal_row, outbox_row
from trunk.storage.tables import CHANGE_REQUEST, DELIVERY, HUB_LINK, LEASE, OUTBOX, SET_ASIDE

_WAITING: Final = sa.text("delivery.waiting")
_FINISHED: Final = (
    DeliveryState.RECEIVED,
    DeliveryState.REFUSED,
    DeliveryState.RECALLED,
    DeliveryState.DELIVERED,
)
Place = tuple[datetime, str]
"""Where a walk over dispatched deliveries stands: when the last one was due, and its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """What was taken out of the way."""

    id: int
    at: datetime
    code: str
    reference: str
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkLease:
    """Work that one process at a time does."""

    name: str
    owner: str
    until: datetime

    def is_ahead(self, after: datetime) -> bool:
        """Whether it is held beyond that time, and beyond what is usual for that work."""
        return self.until > after + LONGER.get(self.name, timedelta())


class Looking:
    """What can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def unqueued(self, limit: int) -> list[Delivery]:
        """Queued, and no notice stands in the outbox: nobody would ever send it."""
        return [delivery_of(row) for row in self._connection.execute(_unqueued(limit))]

    def untaken(
        self,
        addressees: Collection[AgencyCode],
        *,
        before: datetime,
        ahead: datetime,
        after: Place | None,
        limit: int,
    ) -> list[Delivery]:
        """Dispatched for these agencies, due before then and not confirmed: the longest first, from ``after`` on.

        Those that became due beyond ``ahead``, too: a clock was wrong, and they would wait until it is right.
        """
        due = sa.or_(DELIVERY.c.due_at <= before, DELIVERY.c.due_at > ahead)
        rows = (
            sa.select(*DELIVERY_COLUMNS)
            .where(_WAITING, DELIVERY.c.state == DeliveryState.DISPATCHED)
            .where(DELIVERY.c.addressee.in_(addressees), due)
        )
        if after is not None:
            place = sa.tuple_(DELIVERY.c.due_at, DELIVERY.c.id)
            rows = rows.where(place > sa.tuple_(sa.bindparam("at", after[0], DELIVERY.c.due_at.type), after[1]))
        found = self._connection.execute(rows.order_by(DELIVERY.c.due_at, DELIVERY.c.id).limit(limit))
        return [delivery_of(row) for row in found]

    def orphans(self, limit: int) -> list[tuple[int, str]]:
        """Outbox entries whose delivery is gone: number and delivery."""
        rows = self._connection.execute(
            sa.select(OUTBOX.c.id, OUTBOX.c.delivery_id)
            .outerjoin(DELIVERY, DELIVERY.c.id == OUTBOX.c.delivery_id)
            .where(DELIVERY.c.id.is_(None))
            .order_by(OUTBOX.c.id)
            .limit(limit)
        )
        return [(row.id, row.delivery_id) for row in rows]

    def held_ahead(self, after: datetime) -> int:
        """How many outbox entries may be taken only after that time: no relay leases for so long."""
        ahead = sa.select(sa.func.count()).select_from(OUTBOX).where(OUTBOX.c.ready_at > after)
        return int(self._connection.execute(ahead).scalar_one())

    def leases(self) -> list[WorkLease]:
        rows = self._connection.execute(sa.select(LEASE).order_by(LEASE.c.name))
        return [WorkLease(name=row.name, owner=row.owner, until=row.until) for row in rows]

    def open_links(self, before: datetime) -> int:
        """How many were sent to another hub before then, whose fate is unknown."""
        return self._count(HUB_LINK, HUB_LINK.c.state == LinkState.OPEN, HUB_LINK.c.at <= before)

    def open_requests(self, before: datetime) -> int:
        """How many recalls and updates were asked before then and are unanswered."""
        asked = CHANGE_REQUEST.c.asked_at <= before
        return self._count(CHANGE_REQUEST, CHANGE_REQUEST.c.state == RequestState.OPEN, asked)

    def finished_links(self, limit: int, *, now: datetime) -> list[str]:
        """Links of mail that went up and whose fate is known here: nothing is left to be asked."""
        return [row.id for row in self._connection.execute(_finished_links(limit, now))]

    def set_aside(self, limit: int = 100) -> list[SetAside]:
        """What nobody has closed yet, the newest first."""
        rows = self._connection.execute(
            sa.select(SET_ASIDE).where(SET_ASIDE.c.closed_at.is_(None)).order_by(SET_ASIDE.c.id.desc()).limit(limit)
        )
        return [
            SetAside(id=row.id, at=row.at, code=row.code, reference=row.reference, detail=row.detail) for row in rows
        ]

    def _count(self, table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
        return int(
            self._connection.execute(sa.select(sa.func.count()).select_from(table).where(*conditions)).scalar_one()
        )


class Mending(Looking):
    """What can be put right, inside one transaction; ``lines`` are the journal's, written when it ends."""

    def __init__(self, connection: Connection, lines: list[dict[str, Stored]]) -> None:
        super().__init__(connection)
        self._lines = lines

    def put_back(self, limit: int, *, at: datetime, actor: str, reason: str) -> list[Delivery]:
        """Give every delivery that is queued without a notice one; each with its line in the journal."""
        found = [
            delivery_of(row) for row in self._connection.execute(_unqueued(limit).with_for_update(skip_locked=True))
        ]
        insert_many(self._connection, OUTBOX, [outbox_row(one, ready_at=at) for one in found])
        self._lines += [_line(one, at=at, actor=actor, reason=reason) for one in found]
        return found

    def drop_orphans(self, entries: Sequence[tuple[int, str]], *, code: str, at: datetime) -> int:
        """Take these entries out of the outbox and set them aside; how many were still there."""
        dropped = 0
        for number, reference in entries:
            if self._connection.execute(sa.delete(OUTBOX).where(OUTBOX.c.id == number)).rowcount:
                self.lay_aside(code, reference, "an outbox entry, and the ledger has no such delivery", at=at)
                dropped += 1
        return dropped

    def free_held_ahead(self, after: datetime, *, now: datetime) -> int:
        """Outbox entries that are held beyond that time may be taken now."""
        freed = sa.update(OUTBOX).where(OUTBOX.c.ready_at > after).values(ready_at=now, owner=None)
        return int(self._connection.execute(freed).rowcount)

    def free_leases(self, after: datetime) -> list[str]:
        """Work that is held beyond that time may be taken now; its names. A living owner takes it again."""
        names = [one.name for one in self.leases() if one.is_ahead(after)]
        self._connection.execute(sa.delete(LEASE).where(LEASE.c.name.in_(names), LEASE.c.until > after))
        return names

    def close_links(self, links: Collection[str], *, now: datetime) -> int:
        """Those of them whose fate is still known: a replay may have sent the mail anew since somebody looked."""
        found = _finished_links(len(links), now).where(HUB_LINK.c.id.in_(links)).order_by(DELIVERY.c.id)
        still = [row.id for row in self._connection.execute(found.with_for_update(of=DELIVERY))]
        closed = sa.update(HUB_LINK).where(HUB_LINK.c.id.in_(still))
        return int(self._connection.execute(closed.values(state=LinkState.CLOSED, reason="", checked_at=now)).rowcount)

    def lay_aside(self, code: str, reference: str, detail: str, *, at: datetime) -> None:
        row = {"at": at, "code": code, "reference": reference, "detail": detail}
        self._connection.execute(sa.insert(SET_ASIDE).values(row))

    def close_aside(self, number: int, *, at: datetime, by: str, reason: str) -> bool:
        """Whether it was open until now."""
        closed = self._connection.execute(
            sa.update(SET_ASIDE)
            .where(SET_ASIDE.c.id == number, SET_ASIDE.c.closed_at.is_(None))
            .values(closed_at=at, closed_by=by, reason=reason)
        )
        return closed.rowcount == 1


def _unqueued(limit: int) -> sa.Select[Any]:
    noticed = sa.select(OUTBOX.c.delivery_id)
    return (
        sa.select(*DELIVERY_COLUMNS)
        .where(_WAITING, DELIVERY.c.state == DeliveryState.QUEUED, DELIVERY.c.id.not_in(noticed))
        .order_by(DELIVERY.c.id)
        .limit(limit)
    )


def _finished_links(limit: int, now: datetime) -> sa.Select[Any]:
    """What only our own lifetime ended may have arrived all the same, and is asked about for some time yet."""
    given_up = sa.and_(DELIVERY.c.state == DeliveryState.EXPIRED, HUB_LINK.c.at < now - ASKED_ABOUT)
    return (
        sa.select(HUB_LINK.c.id)
        .join(DELIVERY, DELIVERY.c.id == HUB_LINK.c.delivery_id)
        .where(HUB_LINK.c.direction == Direction.UP, sa.literal_column("hub_link.state = 'open'"))
        .where(sa.or_(DELIVERY.c.state.in_(_FINISHED), given_up))
        .limit(limit)
    )


def _line(delivery: Delivery, *, at: datetime, actor: str, reason: str) -> dict[str, Stored]:
    event = JournalEvent(
        at=at,
        event=DeliveryEvent.BROKER_FORGOT.value,
        actor=actor,
        state=delivery.state,
        reason=reason,
        delivery_id=delivery.id,
    )
    return journal_row(event, envelope_id=delivery.envelope_id)
