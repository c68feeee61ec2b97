"""When a delivery came back with a backup while nobody was known to have fetched it: it may have left since.

One column that may be empty: a ledger of millions is upgraded in a moment, and programs of before work on.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import UtcTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
oldest_program = "0009"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("restored_at", UtcTime(), nullable=True))
