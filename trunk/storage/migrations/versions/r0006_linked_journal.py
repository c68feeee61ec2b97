"""The journal's lines are linked, a chain for each running process. Lines from before stay as they are, and counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("journal", sa.Column("node", sa.String(), nullable=True))
    op.add_column("journal", sa.Column("sequence", sa.BigInteger(), nullable=True))
    op.add_column("journal", sa.Column("hash", sa.String(64), nullable=True))
    op.create_table(
        "journal_head",
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("node"),
    )
    op.create_index("ix_envelope_sha256", "envelope", ["sha256"])
    op.execute("INSERT INTO counter (name, value) SELECT 'journal_unlinked', COALESCE(MAX(id), 0) FROM journal")
