"""What makes an older state of the ledger fit for a world that has gone on.

Readers carry cursors and editions that the older state has never given. Numbers go on far above them, and what waits
gets new places there, so that everybody meets it again: repetitions, under the same delivery ids, never silence.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import DeliveryState
from trunk.storage.columns import UtcTime
from trunk.storage.positions import POSITION
from trunk.storage.tables import AGENCY, COUNTER, DELIVERY, LEASE, OUTBOX

LEAP: Final = 1_000_000_000
"""More than is given between a backup and its restore."""
_DIRECTORY: Final = "directory"


def start_afresh(connection: Connection, *, at: datetime) -> None:
    """Drop leases, rebuild the outbox for what is queued, move counters on."""
    counters = COUNTER.c.name.in_((POSITION, _DIRECTORY))
    connection.execute(sa.update(COUNTER).where(counters).values(value=COUNTER.c.value + LEAP))
    edition = sa.select(COUNTER.c.value).where(COUNTER.c.name == _DIRECTORY).scalar_subquery()
    connection.execute(sa.update(AGENCY).values(changed=edition))
    connection.execute(
        sa.update(DELIVERY).where(sa.text("delivery.waiting")).values(position=DELIVERY.c.position + LEAP)
    )
    connection.execute(sa.delete(LEASE))
    connection.execute(sa.delete(OUTBOX))
    queued = sa.select(DELIVERY.c.id, DELIVERY.c.version, DELIVERY.c.urgency, sa.literal(at, UtcTime), sa.null()).where(
        DELIVERY.c.state == DeliveryState.QUEUED
    )
    columns = ["delivery_id", "version", "urgency", "ready_at", "owner"]
    connection.execute(sa.insert(OUTBOX).from_select(columns, queued))
