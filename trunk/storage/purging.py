"""Which octets nobody needs any more, and their deletion. Rows, digests and the journal stay.

Whoever purges locks the order of inboxes first, as every accepting transaction and every replay does: what was seen
to be shared by nobody and to wait for nothing stays so until the commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.change_request import RequestState
from trunk.domain.delivery import WAITING, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import LinkState
from trunk.storage.tables import CHANGE_REQUEST, DELIVERY, ENVELOPE, HUB_LINK, JOURNAL, PAYLOAD

PURGED: Final = "octets_purged"
_UNSETTLED: Final = (*sorted(WAITING), DeliveryState.RELAYED)


@dataclass(frozen=True, slots=True)
class Purgeable:
    """An envelope whose octets may go."""

    envelope_id: EnvelopeId
    sha256: str
    size: int


def purgeable(connection: Connection, kind: EnvelopeKind, before: datetime, limit: int) -> list[Purgeable]:
    """The oldest first."""
    other = ENVELOPE.alias("other")
    shared = sa.exists().where(other.c.sha256 == ENVELOPE.c.sha256, other.c.id != ENVELOPE.c.id)
    rows = connection.execute(
        sa.select(ENVELOPE.c.id, ENVELOPE.c.sha256, ENVELOPE.c.size)
        .join(PAYLOAD, PAYLOAD.c.sha256 == ENVELOPE.c.sha256)
        .where(ENVELOPE.c.kind == kind, ENVELOPE.c.accepted_at < before, ~shared, *_settled(before))
        .order_by(ENVELOPE.c.accepted_at)
        .limit(limit)
    )
    return [Purgeable(EnvelopeId(row.id), row.sha256, row.size) for row in rows]


def _settled(before: datetime) -> list[sa.ColumnElement[bool]]:
    """Nothing waits, nothing is open, and nothing has happened since."""
    delivery, request, link = DELIVERY.c, CHANGE_REQUEST.c, HUB_LINK.c
    is_open = (request.state == RequestState.OPEN) & (
        (request.envelope_id == ENVELOPE.c.id) | (request.asked_by == ENVELOPE.c.id)
    )
    return [
        ~sa.exists().where(delivery.envelope_id == ENVELOPE.c.id, delivery.state.in_(_UNSETTLED)),
        ~sa.exists().where(is_open),
        ~sa.exists().where(link.envelope_id == ENVELOPE.c.id, link.state == LinkState.OPEN),
        ~sa.exists().where(JOURNAL.c.envelope_id == ENVELOPE.c.id, JOURNAL.c.at >= before),
    ]


def delete(connection: Connection, digests: Sequence[str]) -> None:
    connection.execute(sa.delete(PAYLOAD).where(PAYLOAD.c.sha256.in_(digests)))


def purged() -> sa.ColumnElement[bool]:
    """Of an envelope in a wider question, whether its octets were deleted."""
    return sa.exists().where(JOURNAL.c.envelope_id == ENVELOPE.c.id, JOURNAL.c.event == PURGED)


def is_purged(connection: Connection, envelope_id: EnvelopeId) -> bool:
    line = sa.select(JOURNAL.c.id).where(JOURNAL.c.envelope_id == envelope_id, JOURNAL.c.event == PURGED)
    return connection.execute(line.limit(1)).first() is not None
