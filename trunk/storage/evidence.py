"""What verdicts rest on: certificates, lists, answers, timestamps. Each once, by its SHA-256, and never changed."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from signing.evidence import Evidence
from trunk.storage.bulk import Insert
from trunk.storage.tables import EVIDENCE


def written(evidence: Sequence[Evidence]) -> Insert:
    """What is not there yet; everything must have its octets."""
    once = {item.sha256: item for item in evidence}
    rows = [{"sha256": item.sha256, "kind": item.kind.value, "octets": item.octets} for item in once.values()]
    return Insert(EVIDENCE, rows, unless_there=True)


def find(connection: Connection, sha256: str) -> Evidence | None:
    row = connection.execute(sa.select(EVIDENCE).where(EVIDENCE.c.sha256 == sha256)).one_or_none()
    return None if row is None else Evidence(kind=row.kind, sha256=row.sha256, octets=row.octets)
