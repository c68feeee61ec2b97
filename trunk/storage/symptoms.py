"""What a doctor asks of the ledger: what stands still, since when, and for whom. Reading only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import AgencyCode, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.storage.tables import (
    ACCOUNT,
    API_KEY,
    DELIVERY,
    ENVELOPE,
    JOURNAL,
    OUTBOX,
    PAYLOAD,
    SHARED_SECRET,
)

_WAITING: Final = sa.text("delivery.waiting")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Deliveries of one agency that stand together."""

    agency: AgencyCode
    count: int
    since: datetime  #: when the oldest of them was accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A key, secret or password with an end."""

    kind: str
    id: str
    system: str
    expires_at: datetime | None
    ended: bool  #: revoked or retired


class Symptoms:
    """What can be asked."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def oldest_notice(self) -> tuple[int, datetime] | None:
        """How many outbox entries there are, and when the mail of the oldest was last due."""
        row = self._connection.execute(
            sa.select(sa.func.count(), sa.func.min(DELIVERY.c.due_at)).join_from(
                OUTBOX, DELIVERY, DELIVERY.c.id == OUTBOX.c.delivery_id
            )
        ).one()
        return (row[0], row[1]) if row[0] else None

    def waiting(self) -> list[Heap]:
        """What waits, by agency."""
        return self._heaps(_WAITING)

    def untaken(self, before: datetime) -> list[Heap]:
        return self._heaps(_WAITING, DELIVERY.c.state == DeliveryState.DISPATCHED, DELIVERY.c.due_at <= before)

    def expired(self, after: datetime) -> list[Heap]:
        """Documents and statuses that expired since then."""
        gone = DELIVERY.c.state == DeliveryState.EXPIRED
        return self._heaps(gone, DELIVERY.c.expires_at > after, ENVELOPE.c.kind != EnvelopeKind.ACKNOWLEDGEMENT)

    def newest(self) -> datetime | None:
        """The newest time that anybody wrote into the journal."""
        last = sa.select(JOURNAL.c.at).order_by(JOURNAL.c.id.desc()).limit(1)
        return self._connection.execute(last).scalar()

    def credentials(self) -> list[Credential]:
        found: list[Credential] = []
        for kind, table, end in (
            ("key", API_KEY, "revoked_at"),
            ("secret", SHARED_SECRET, "retired_at"),
            ("account", ACCOUNT, "retired_at"),
        ):
            for row in self._connection.execute(sa.select(table)):
                ended = getattr(row, end) is not None
                found.append(
                    Credential(kind=kind, id=row.id, system=row.system, expires_at=row.expires_at, ended=ended)
                )
        return found

    def edited(self, limit: int) -> list[tuple[str, str, str]]:
        """Deliveries whose row says another state than the journal's last line: id, row's, journal's (newest first)."""
        last = (
            sa.select(JOURNAL.c.delivery_id, sa.func.max(JOURNAL.c.id).label("line"))
            .where(JOURNAL.c.delivery_id.is_not(None), JOURNAL.c.state.is_not(None))
            .group_by(JOURNAL.c.delivery_id)
            .subquery()
        )
        said = sa.func.coalesce(sa.type_coerce(JOURNAL.c.state, sa.String), DeliveryState.QUEUED.value)
        stands = sa.type_coerce(DELIVERY.c.state, sa.String)  # as it is written, whatever that is
        rows = self._connection.execute(
            sa.select(DELIVERY.c.id, stands.label("stands"), said.label("said"))
            .outerjoin(last, last.c.delivery_id == DELIVERY.c.id)
            .outerjoin(JOURNAL, JOURNAL.c.id == last.c.line)
            .where(stands != said)
            .order_by(DELIVERY.c.id.desc())
            .limit(limit)
        )
        return [(row.id, row.stands, row.said) for row in rows]

    def payloads(self, limit: int) -> list[Any]:
        """The youngest stored octets with their digest; None instead of octets where they lie in the store."""
        youngest = sa.select(ENVELOPE.c.sha256).order_by(ENVELOPE.c.accepted_at.desc()).limit(limit).subquery()
        rows = self._connection.execute(
            sa.select(PAYLOAD.c.sha256, PAYLOAD.c.octets).where(PAYLOAD.c.sha256.in_(sa.select(youngest.c.sha256)))
        )
        return [(row.sha256, row.octets) for row in rows]

    def _heaps(self, *conditions: Any) -> list[Heap]:
        rows = self._connection.execute(
            sa.select(DELIVERY.c.addressee, sa.func.count().label("n"), sa.func.min(DELIVERY.c.accepted_at).label("at"))
            .join(ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
            .where(*conditions)
            .group_by(DELIVERY.c.addressee)
            .order_by(DELIVERY.c.addressee)
        )
        return [Heap(agency=AgencyCode(row.addressee), count=row.n, since=row.at) for row in rows]
