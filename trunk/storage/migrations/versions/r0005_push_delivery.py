"""Agencies' own endpoints, to which the trunk posts their mail. Only columns with a default."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import EMPTY, UtcTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("push_url", "push_ca_file", "push_key_id", "push_proven"):
        op.add_column("agency", sa.Column(name, sa.String(), nullable=False, server_default=EMPTY))
    op.add_column("agency", sa.Column("push_proven_at", UtcTime(), nullable=True))
