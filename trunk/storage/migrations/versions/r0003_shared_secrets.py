"""Secrets that systems share with the trunk, sealed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import UtcTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_secret",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("system", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("retired_at", UtcTime(), nullable=True),
        sa.Column("fresh_seconds", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["system"], ["system.id"]),
    )
    op.create_index("ix_shared_secret_system", "shared_secret", ["system"])
    op.create_index("ix_shared_secret_name", "shared_secret", ["name"])
