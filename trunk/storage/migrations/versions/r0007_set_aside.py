"""What was set aside for a person to look at.

A new table: a ledger of millions is upgraded in a moment.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import EMPTY, UtcTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    serial = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "set_aside",
        sa.Column("id", serial, primary_key=True),
        sa.Column("at", UtcTime(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("closed_at", UtcTime(), nullable=True),
        sa.Column("closed_by", sa.String(), nullable=False, server_default=EMPTY),
        sa.Column("reason", sa.Text(), nullable=False, server_default=EMPTY),
        sqlite_autoincrement=True,
    )
