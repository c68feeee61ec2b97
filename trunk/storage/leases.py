"""Work that one process at a time does: whose it is, and until when. The ledger is where all processes look."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.bulk import insert_new
from trunk.storage.columns import time_text
from trunk.storage.tables import LEASE

HOUSEKEEPING: Final = "octets"
"""Copying octets (a backup), or purging them."""
LONGER: Final[Mapping[str, timedelta]] = MappingProxyType({HOUSEKEEPING: timedelta(hours=12)})
"""Work that is leased for as long as it may take; all other is leased for minutes, and renewed."""
_BEYOND: Final = timedelta(minutes=10)
"""Nobody leases work for longer than usual by so much: what ends later was leased by a wrong clock, or by hand."""


def take(connection: Connection, name: str, *, owner: str, now: datetime, until: datetime) -> bool:
    """Make it ``owner``'s until then, or keep it so; ``False`` if it is another's and has not run out.

    A lease from the future counts as run out: else nobody could take the reconciler's own, and free the others.
    """
    latest = now + LONGER.get(name, timedelta()) + _BEYOND
    free = sa.or_(LEASE.c.owner == owner, LEASE.c.until <= now, LEASE.c.until > latest)
    taken = connection.execute(sa.update(LEASE).where(LEASE.c.name == name, free).values(owner=owner, until=until))
    if taken.rowcount:
        return True
    insert_new(connection, LEASE, [{"name": name, "owner": owner, "until": time_text(until)}])
    held = connection.execute(sa.select(LEASE.c.owner).where(LEASE.c.name == name)).scalar_one_or_none()
    return held == owner


def release(connection: Connection, name: str, *, owner: str) -> None:
    """Somebody else may have it now; nothing happens if it is not ``owner``'s any more."""
    connection.execute(sa.delete(LEASE).where(LEASE.c.name == name, LEASE.c.owner == owner))
