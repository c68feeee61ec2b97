"""Policies of signatures by any name, mandates by subject UID, evidence.

SQLite changes neither a column's type nor a table's checks: a column is made anew beside the old one, and so is a
table that nothing refers to.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import UtcTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _policies()
    _mandates()
    _evidence()


def _policies() -> None:
    """The name was one of two, in 24 letters."""
    op.add_column("agency", sa.Column("policy", sa.String(), nullable=False, server_default="required"))
    op.execute("UPDATE agency SET policy = signature_policy")
    op.execute("ALTER TABLE agency DROP COLUMN signature_policy")
    op.execute("ALTER TABLE agency RENAME COLUMN policy TO signature_policy")


def _mandates() -> None:
    before = sa.table(
        "mandate",
        *map(sa.column, ("agency", "ordinal", "fingerprint")),
        *(sa.column(name, UtcTime()) for name in ("valid_from", "valid_until")),
    )
    kept = op.get_bind().execute(sa.select(before)).mappings().all()
    op.drop_table("mandate")
    made = op.create_table(
        "mandate",
        sa.Column("agency", sa.String(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("domain", sa.String(), nullable=False),
        sa.Column("valid_from", UtcTime(), nullable=True),
        sa.Column("valid_until", UtcTime(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "ordinal"),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"]),
        sa.CheckConstraint("(fingerprint = '') <> (uid = '')", name="ck_mandate_who"),
    )
    op.bulk_insert(made, [{**row, "uid": "", "domain": ""} for row in kept])


def _evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("octets", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256"),
    )
