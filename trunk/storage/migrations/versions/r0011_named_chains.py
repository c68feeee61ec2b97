"""Which chains of the journal other chains have named, and how far.

A table of its own: marks on the heads would make processes wait for each other. Programs of before know nothing of it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
oldest_program = "0009"


def upgrade() -> None:
    op.create_table(
        "journal_named",
        sa.Column("node", sa.String(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcTime(), nullable=False),
    )
