"""Operators, the replays that they order, and when a delivery was last replayed.

What waits and was replayed before says so too; of what has arrived since, nobody needs to be told.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import EMPTY, UtcTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_REPLAYED = """
UPDATE delivery SET replayed_at = (
    SELECT MAX(journal.at) FROM journal
    WHERE journal.envelope_id = delivery.envelope_id AND journal.delivery_id = delivery.id
      AND journal.event = 'replay_ordered'
) WHERE delivery.waiting
"""


def upgrade() -> None:
    op.add_column("delivery", sa.Column("replayed_at", UtcTime(), nullable=True))
    op.execute(_REPLAYED)
    op.create_table(
        "operator_key",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("operator", sa.String(), nullable=False),
        sa.Column("role", sa.String(24), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("expires_at", UtcTime(), nullable=True),
        sa.Column("revoked_at", UtcTime(), nullable=True),
    )
    op.create_index("ix_operator_key_operator", "operator_key", ["operator"])
    op.create_table(
        "replay_job",
        sa.Column("id", sa.String(), primary_key=True),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("per_second", sa.Float(), nullable=False),
        sa.Column("ordered_at", UtcTime(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(24), nullable=False),
        sa.Column("ended_at", UtcTime(), nullable=True),
        sa.Column("ended_because", sa.Text(), nullable=False, server_default=EMPTY),
    )
    op.create_index("ix_replay_job_state", "replay_job", ["state"])
    op.create_table(
        "replay_item",
        sa.Column("job", sa.String(), sa.ForeignKey("replay_job.id"), primary_key=True),
        sa.Column("ordinal", sa.Integer(), primary_key=True),
        sa.Column("delivery_id", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=True),
    )
