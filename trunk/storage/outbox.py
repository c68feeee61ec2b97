"""The outbox: notices that must leave the house, taken by lease.

A lease moves ``ready_at`` on and writes the owner's token; what is not struck in time falls to the next one who
asks. Only the owner strikes or releases, so a relay that slept through its lease can undo nothing.

Urgent notices overtake; a fifth of every lease is for those that have been ready longest, so that no flood of urgent
mail keeps a letter here (``trunk.domain.priority``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import Delivery
from trunk.domain.entry import EnvelopeKind
from trunk.domain.priority import places_for_oldest
from trunk.storage.columns import among
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of
from trunk.storage.tables import DELIVERY, ENVELOPE, OUTBOX

URGENCIES: Final = (4, 3, 2, 1, 0)

_NOTICES: Final = (
    sa.select(
        OUTBOX.c.id.label("entry"),
        OUTBOX.c.version.label("notice"),
        ENVELOPE.c.sha256,
        ENVELOPE.c.size,
        ENVELOPE.c.kind,
        *DELIVERY_COLUMNS,
    )
    .join(DELIVERY, DELIVERY.c.id == OUTBOX.c.delivery_id)
    .join(ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
    .where(OUTBOX.c.ready_at <= sa.bindparam("now"))
    .order_by(OUTBOX.c.ready_at, OUTBOX.c.id)
    .with_for_update(of=OUTBOX, skip_locked=True)
)
_FRONTS: Final = sa.union_all(
    *(
        sa.select(sa.literal(urgency)).where(
            sa.exists().where(OUTBOX.c.urgency == urgency, OUTBOX.c.ready_at <= sa.bindparam("now"))
        )
        for urgency in URGENCIES
    )
)
"""The urgencies of which anything is ready."""
_ANY: Final = (
    sa.select(OUTBOX.c.id).where(OUTBOX.c.urgency.in_(URGENCIES), OUTBOX.c.ready_at <= sa.bindparam("now")).limit(1)
)
_READY: Final = _NOTICES.where(OUTBOX.c.urgency == sa.bindparam("wanted")).limit(
    sa.bindparam("count", type_=sa.Integer)
)
_THESE: Final = _NOTICES.where(among(OUTBOX.c.id, "ids"))
_HOLD: Final = (
    sa.update(OUTBOX)
    .where(among(OUTBOX.c.id, "ids"))
    .values(ready_at=sa.bindparam("until"), owner=sa.bindparam("holder"))
)
_OWN: Final = sa.and_(among(OUTBOX.c.id, "ids"), OUTBOX.c.owner == sa.bindparam("holder"))
_STRIKE: Final = sa.delete(OUTBOX).where(_OWN)
_RELEASE: Final = sa.update(OUTBOX).where(_OWN).values(ready_at=sa.bindparam("due_at"), owner=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboxEntry:
    """A leased notice with what a relay must know to send it."""

    id: int
    message_id: str
    delivery: Delivery
    envelope_sha256: str
    envelope_size: int
    kind: EnvelopeKind


def is_ready(connection: Connection, now: datetime) -> bool:
    """Whether anything may be taken: looking writes nothing, so that an idle trunk leaves the disk alone."""
    return connection.execute(_ANY, {"now": now}).first() is not None


class Outbox:
    """The outbox inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def lease(self, limit: int, *, now: datetime, until: datetime, owner: str) -> list[OutboxEntry]:
        """The most urgent entries, then some of those that have been ready longest whatever their urgency.

        One question for each urgency of which there is anything, so that each is answered from the front of the
        index, however much is waiting or leased behind it.
        """
        entries: list[OutboxEntry] = []
        places = limit - places_for_oldest(limit)
        for urgency in sorted(self._connection.execute(_FRONTS, {"now": now}).scalars(), reverse=True):
            if len(entries) < places:
                entries += self._ready(urgency, now=now, limit=places - len(entries))
        self._hold(entries, until=until, owner=owner)
        if len(entries) < places or places == limit:
            return entries  # nothing else is ready, or there is no room
        oldest = self._oldest(limit - places, now=now)
        self._hold(oldest, until=until, owner=owner)
        return entries + oldest

    def _oldest(self, limit: int, *, now: datetime) -> list[OutboxEntry]:
        """What has been ready longest; what is held already is not ready any more."""
        fronts = [
            sa.select(OUTBOX.c.id, OUTBOX.c.ready_at)
            .where(OUTBOX.c.urgency == urgency, OUTBOX.c.ready_at <= now)
            .order_by(OUTBOX.c.ready_at, OUTBOX.c.id)
            .limit(limit)
            for urgency in URGENCIES
        ]
        ready = sorted((row.ready_at, row.id) for front in fronts for row in self._connection.execute(front))
        ids = [entry for _, entry in ready[:limit]]
        return self._entries(_THESE, {"ids": ids, "now": now}) if ids else []

    def _hold(self, entries: Sequence[OutboxEntry], *, until: datetime, owner: str) -> None:
        if entries:
            ids = [entry.id for entry in entries]
            self._connection.execute(_HOLD, {"ids": ids, "until": until, "holder": owner})

    def strike(self, ids: Sequence[int], *, owner: str) -> None:
        self._connection.execute(_STRIKE, {"ids": list(ids), "holder": owner})

    def release(self, ids: Sequence[int], *, owner: str, due_at: datetime) -> None:
        self._connection.execute(_RELEASE, {"ids": list(ids), "holder": owner, "due_at": due_at})

    def _ready(self, urgency: int, *, now: datetime, limit: int) -> list[OutboxEntry]:
        return self._entries(_READY, {"wanted": urgency, "now": now, "count": limit})

    def _entries(self, question: sa.Select[Any], values: Mapping[str, Any]) -> list[OutboxEntry]:
        rows = self._connection.execute(question, values)
        return [
            OutboxEntry(
                id=row.entry,
                message_id=f"{row.id}.{row.notice}",
                delivery=delivery_of(row),
                envelope_sha256=row.sha256,
                envelope_size=row.size,
                kind=row.kind,
            )
            for row in rows
        ]
