"""What makes an older state of the ledger fit for a world that has gone on.

Readers carry cursors and editions that the older state has never given. Numbers go on far above them, and what waits
gets new places there, so that everybody meets it again: repetitions, under the same delivery ids, never silence.

What nobody had fetched when the backup was taken may have left since. That is marked beside ``fetched_at``, which
would tell clerks of a fetch that nobody saw, stop the clock of who is late and suppress the journal's line of the next.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import WAITING, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.storage.columns import UtcTime
from trunk.storage.positions import POSITION
from trunk.storage.tables import AGENCY, COUNTER, DELIVERY, ENVELOPE, LEASE, OUTBOX

LEAP: Final = 1_000_000_000
"""More than is given between a backup and its restore."""
STOPPED: Final = "restored from a backup; order it again if it is still wanted"
"""Why a replay ended that was running when the backup was taken."""
_DIRECTORY: Final = "directory"
_UNKNOWN: Final = (
    DELIVERY.c.state.in_(WAITING | {DeliveryState.EXPIRED}),
    DELIVERY.c.fetched_at.is_(None),
    DELIVERY.c.envelope_id.in_(sa.select(ENVELOPE.c.id).where(ENVELOPE.c.kind == EnvelopeKind.DOCUMENT)),
)


def start_afresh(connection: Connection, *, at: datetime) -> None:
    """Drop leases, rebuild the outbox for what is queued, move counters on, mark what may have left."""
    counters = COUNTER.c.name.in_((POSITION, _DIRECTORY))
    connection.execute(sa.update(COUNTER).where(counters).values(value=COUNTER.c.value + LEAP))
    edition = sa.select(COUNTER.c.value).where(COUNTER.c.name == _DIRECTORY).scalar_subquery()
    connection.execute(sa.update(AGENCY).values(changed=edition))
    connection.execute(
        sa.update(DELIVERY).where(sa.text("delivery.waiting")).values(position=DELIVERY.c.position + LEAP)
    )
    connection.execute(sa.update(DELIVERY).where(*_UNKNOWN).values(restored_at=at))
    connection.execute(sa.delete(LEASE))
    connection.execute(sa.delete(OUTBOX))
    queued = sa.select(DELIVERY.c.id, DELIVERY.c.version, DELIVERY.c.urgency, sa.literal(at, UtcTime), sa.null()).where(
        DELIVERY.c.state == DeliveryState.QUEUED
    )
    columns = ["delivery_id", "version", "urgency", "ready_at", "owner"]
    connection.execute(sa.insert(OUTBOX).from_select(columns, queued))
