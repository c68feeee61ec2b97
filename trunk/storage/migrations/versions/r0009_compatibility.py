"""Which programs may work on these tables, while nodes are upgraded one after the other.

A new table with one row: a ledger of millions is upgraded in a moment. From here on every revision says
``oldest_program``: its own number if programs of the release before must not write any more, else an older one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None
oldest_program = "0009"


def upgrade() -> None:
    table = op.create_table("compatibility", sa.Column("oldest_program", sa.String(), primary_key=True))
    op.bulk_insert(table, [{"oldest_program": oldest_program}])
