"""The life of a document: relations, recalls, standings of statuses; who is who in more detail; other hubs.

Only columns with a default, new tables, and one mark on what waits: a ledger of millions is upgraded in a moment.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import EMPTY, UtcTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _envelopes_and_deliveries()
    _statuses()
    _relations()
    _change_requests()
    _agencies()
    _hubs()
    _accounts()


def _text(name: str, *, nullable: bool = False, default: sa.TextClause | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable, server_default=default)


def _long(name: str, *, default: sa.TextClause | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False, server_default=default)


def _word(name: str, *, default: str | None = None) -> sa.Column[str]:
    return sa.Column(name, sa.String(24), nullable=False, server_default=default)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcTime(), nullable=nullable)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _envelopes_and_deliveries() -> None:
    op.add_column("envelope", _text("document_key", default=EMPTY))
    op.add_column("envelope", _long("trace", default=EMPTY))
    _partial_index("ix_envelope_document_key", "envelope", ["document_key"], "document_key <> ''")
    for name in ("fetched_at", "taken_at", "settled_at"):
        op.add_column("delivery", _time(name, nullable=True))
    # Who had fetched what nobody has confirmed, was not on record: a recall asks for it, and claims nothing.
    op.execute(
        "UPDATE delivery SET fetched_at = accepted_at WHERE state IN ('queued', 'dispatched', 'deferred', 'expired')"
    )
    _partial_index("ix_delivery_relayed", "delivery", ["expires_at"], "state = 'relayed'")


def _statuses() -> None:
    op.add_column("status_report", _text("addressee", default=EMPTY))
    op.add_column("status_report", _word("standing", default="advances"))
    op.add_column("status_report", _time("said_at", nullable=True))
    for end in ("reporter", "addressee"):
        _partial_index(f"ix_status_report_unmatched_{end}", "status_report", [end, "at"], "about IS NULL")


def _relations() -> None:
    op.create_table(
        "relation",
        _text("envelope_id"),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        _word("kind"),
        _text("organ_id"),
        _text("document_id"),
        _text("document_code"),
        _text("promulgation_date"),
        _text("document_key"),
        _long("organ_ids"),
        sa.PrimaryKeyConstraint("envelope_id", "ordinal", "place"),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"]),
    )
    _partial_index("ix_relation_document_id", "relation", ["document_id"], "document_id <> ''")
    _partial_index("ix_relation_document_key", "relation", ["document_key"], "document_key <> ''")


def _change_requests() -> None:
    op.create_table(
        "change_request",
        _text("id"),
        _word("kind"),
        _word("state"),
        _text("delivery_id"),
        _text("envelope_id"),
        _text("asked_by"),
        _time("asked_at"),
        _long("reason"),
        _time("answered_at", nullable=True),
        _text("answered_by", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"]),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"]),
        sa.ForeignKeyConstraint(["asked_by"], ["envelope.id"]),
        sa.UniqueConstraint("delivery_id", "asked_by", "kind", name="uq_change_request"),
    )
    op.create_index("ix_change_request_envelope_id", "change_request", ["envelope_id"])
    op.create_index("ix_change_request_asked_by", "change_request", ["asked_by"])


def _agencies() -> None:
    for name in ("parent", "successor", "address", "email", "telephone"):
        op.add_column("agency", _text(name, default=EMPTY))
    op.add_column("agency", _flag("unit"))
    op.add_column("agency", sa.Column("changed", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("agency", _time("changed_at", nullable=True))
    op.add_column("system", _flag("hub"))


def _hubs() -> None:
    op.create_table(
        "hub_link",
        _text("id"),
        _text("hub"),
        _word("direction"),
        _text("remote_id"),
        _word("state"),
        _time("at"),
        _text("envelope_id", nullable=True),
        _text("delivery_id", nullable=True),
        _long("reason"),
        _time("checked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_hub_link_remote", "hub_link", ["hub", "direction", "remote_id"])
    _partial_index("ix_hub_link_open", "hub_link", ["hub", "direction", "checked_at"], "state = 'open'")
    _partial_index("ix_hub_link_delivery", "hub_link", ["delivery_id"], "delivery_id IS NOT NULL")
    op.create_index("ix_hub_link_envelope_id", "hub_link", ["envelope_id"])
    op.create_table("lease", _text("name"), _text("owner"), _time("until"), sa.PrimaryKeyConstraint("name"))


def _accounts() -> None:
    op.create_table(
        "account",
        _text("id"),
        _text("system"),
        _text("username"),
        _text("digest"),
        _time("created_at"),
        _time("expires_at", nullable=True),
        _time("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["system"], ["system.id"]),
    )
    op.create_index("ix_account_system", "account", ["system"])
    op.create_index("ix_account_username", "account", ["username"])
