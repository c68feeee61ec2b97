"""An agency's inbox, read in windows.

A window ends at the newest place that is committed when it is opened. Inside it the most urgent come first, then the
oldest; what arrives meanwhile belongs to the following window. So a client that follows its cursors sees each item
once, and urgent mail does not wait behind a backlog for longer than one window. Nor does ordinary mail starve: urgent
mail that comes later cannot enter the window.

Whoever has no cursor (clients of the façades never have) begins a window with each question, and would see nothing but
urgent mail as long as enough of it comes. So of a first page a fifth is for the oldest, whatever their urgency
(``trunk.domain.priority``); the cursor behind it passes over them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection, Row

from trunk.domain.delivery import AgencyCode, Delivery, DeliveryId, DeliveryState
from trunk.domain.priority import places_for_oldest
from trunk.domain.tracking import WHOLE_INBOX, InboxCursor, InboxItem, InboxPage, InboxSelection
from trunk.storage import positions
from trunk.storage.engine import is_sqlite
from trunk.storage.outbox import URGENCIES
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, halves
from trunk.storage.tables import DELIVERY, ENVELOPE

WAITING = sa.text("delivery.waiting")
_FRONTS: Final = sa.union_all(
    *(
        sa.select(sa.literal(urgency)).where(
            sa.exists().where(
                DELIVERY.c.addressee.in_(sa.bindparam("agencies", expanding=True)),
                DELIVERY.c.urgency == urgency,
                WAITING,
                DELIVERY.c.position > sa.bindparam("floor"),
                DELIVERY.c.position <= sa.bindparam("window"),
            )
        )
        for urgency in URGENCIES
    )
)


def page(
    connection: Connection,
    agencies: Collection[AgencyCode],
    *,
    after: InboxCursor | None,
    limit: int,
    only: InboxSelection = WHOLE_INBOX,
) -> InboxPage:
    """The next items for ``agencies``; an empty page means that nothing waits beyond ``after``."""
    newest = positions.newest(connection)
    reader = _Reader(connection, agencies, only)
    if after is not None and after.window > after.floor:
        found = reader.page(after, limit)
        if found.items:
            return found
    if after is None:
        return reader.first_page(InboxCursor(floor=0, window=newest), limit)
    return reader.page(InboxCursor(floor=after.window, window=max(newest, after.window)), limit)


def count(connection: Connection, agencies: Collection[AgencyCode], only: InboxSelection) -> int:
    """How many deliveries wait for ``agencies``."""
    found = sa.select(sa.func.count()).select_from(DELIVERY.join(ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id))
    waiting = found.where(DELIVERY.c.addressee.in_(agencies), WAITING, *_conditions(only))
    number: int = connection.execute(waiting).scalar_one()
    return number


def newest_position(connection: Connection, agencies: Collection[AgencyCode]) -> dict[AgencyCode, int]:
    """The newest waiting place of each agency that has one; a look at the ends of an index, not a count."""
    if not agencies:
        return {}
    codes = orjson.dumps(list(agencies)).decode()
    rows = connection.execute(_ends_of_inboxes(sqlite=is_sqlite(connection)), {"codes": codes})
    newest = {AgencyCode(code): max((end for end in found if end is not None), default=None) for code, *found in rows}
    return {code: position for code, position in newest.items() if position is not None}


@lru_cache(maxsize=2)
def _ends_of_inboxes(*, sqlite: bool) -> sa.Select[Any]:
    """Built once, for any number of codes: they travel as one JSON text."""
    codes = sa.bindparam("codes", type_=sa.String)
    unfolded = sa.func.json_each(codes) if sqlite else sa.func.json_array_elements_text(sa.text("CAST(:codes AS json)"))
    asked = unfolded.table_valued(sa.column("value", sa.String), name="asked")
    ends = [
        sa.select(sa.func.max(DELIVERY.c.position))
        .where(DELIVERY.c.addressee == asked.c.value, DELIVERY.c.urgency == urgency, WAITING)
        .scalar_subquery()
        for urgency in URGENCIES
    ]
    return sa.select(asked.c.value, *ends)


def offered(
    connection: Connection, agency: AgencyCode, *, each: int, without: Collection[DeliveryId]
) -> list[tuple[Delivery, int]]:
    """The first ``each`` of every urgency that no attempt puts off, the most urgent first; and their places."""
    found: list[tuple[Delivery, int]] = []
    for urgency in URGENCIES:
        rows = connection.execute(
            sa.select(*DELIVERY_COLUMNS, DELIVERY.c.position)
            .where(DELIVERY.c.addressee == agency, DELIVERY.c.urgency == urgency, WAITING)
            .where(DELIVERY.c.state != DeliveryState.DEFERRED, DELIVERY.c.id.not_in(without))
            .order_by(DELIVERY.c.position)
            .limit(each)
        )
        found += [(delivery_of(row), row.position) for row in rows]
    return found


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: Connection
    agencies: Collection[AgencyCode]
    only: InboxSelection

    def first_page(self, cursor: InboxCursor, limit: int) -> InboxPage:
        """The most urgent of a window, then its oldest that are not among them."""
        rows = self._rows(cursor, limit + 1)
        share = places_for_oldest(limit)
        if share == 0 or len(rows) <= limit:
            return _page_of(rows, cursor, limit)
        urgent = _page_of(rows, cursor, limit - share)
        ranges = self._ranges(urgent.next)
        left = [row for urgency, seen in ranges for row in self._range(urgency, seen, cursor.window, share)]
        oldest = [_item(row) for row in sorted(left, key=lambda row: row.position)[:share]]
        # Everything up to the last of the oldest has been shown now: they have become the floor.
        behind = replace(urgent.next, floor=oldest[-1].position)
        return InboxPage(items=[*urgent.items, *oldest], next=behind)

    def page(self, cursor: InboxCursor, limit: int) -> InboxPage:
        return _page_of(self._rows(cursor, limit + 1), cursor, limit)

    def _rows(self, cursor: InboxCursor, limit: int) -> list[Row[Any]]:
        """One question for each urgency that is left and there: each is a plain range of the index."""
        rows: list[Row[Any]] = []
        there = self._urgencies(cursor)
        for urgency, seen in self._ranges(cursor):
            if urgency in there and len(rows) < limit:
                rows += self._range(urgency, seen, cursor.window, limit - len(rows))
        return rows

    def _urgencies(self, cursor: InboxCursor) -> set[int]:
        """Of which anything waits in the window."""
        wanted = {"agencies": list(self.agencies), "floor": cursor.floor, "window": cursor.window}
        return set(self.connection.execute(_FRONTS, wanted).scalars())

    def _ranges(self, cursor: InboxCursor) -> Iterator[tuple[int, int]]:
        """Each urgency that is left in the window, and the place after which it is."""
        for urgency in URGENCIES:
            if cursor.urgency is None or urgency <= cursor.urgency:
                own = cursor.position if urgency == cursor.urgency and cursor.position is not None else 0
                seen = max(own, cursor.floor)
                if seen < cursor.window:
                    yield urgency, seen

    def _range(self, urgency: int, seen: int, window: int, limit: int) -> list[Row[Any]]:
        wanted = {"agencies": list(self.agencies), "urgency": urgency, "seen": seen, "window": window, "limit": limit}
        return list(self.connection.execute(_range_of(self.only), wanted))


@lru_cache(maxsize=64)
def _range_of(only: InboxSelection) -> sa.Select[Any]:
    """Built once for each selection: most readers make none, and ask all the time."""
    agencies: sa.BindParameter[Any] = sa.bindparam("agencies", expanding=True)
    return (
        sa.select(ENVELOPE, *DELIVERY_COLUMNS, DELIVERY.c.position)
        .join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
        .where(DELIVERY.c.addressee.in_(agencies), DELIVERY.c.urgency == sa.bindparam("urgency"), WAITING)
        .where(DELIVERY.c.position > sa.bindparam("seen"), DELIVERY.c.position <= sa.bindparam("window"))
        .where(*_conditions(only))
        .order_by(DELIVERY.c.position)
        .limit(sa.bindparam("limit", type_=sa.Integer))
    )


def _conditions(only: InboxSelection) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if only.kinds:
        conditions.append(ENVELOPE.c.kind.in_(only.kinds))
    if only.states:
        conditions.append(DELIVERY.c.state.in_(only.states))
    if only.accepted_after is not None:
        conditions.append(DELIVERY.c.accepted_at >= only.accepted_after)
    if only.accepted_before is not None:
        conditions.append(DELIVERY.c.accepted_at < only.accepted_before)
    return conditions


def _page_of(rows: Sequence[Row[Any]], cursor: InboxCursor, limit: int) -> InboxPage:
    """The first ``limit`` of what is beyond ``cursor``; the end of the window, if there are no more."""
    items = [_item(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return InboxPage(items=items, next=InboxCursor(floor=cursor.window, window=cursor.window))
    last = items[-1]
    here = InboxCursor(floor=cursor.floor, window=cursor.window, urgency=last.delivery.urgency, position=last.position)
    return InboxPage(items=items, next=here)


def _item(row: Row[Any]) -> InboxItem:
    envelope, delivery = halves(row)
    return InboxItem(delivery=delivery_of(delivery), envelope=envelope_of(envelope), position=row.position)
