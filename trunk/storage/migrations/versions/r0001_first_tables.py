"""The first tables.

Types are spelled out, not imported from the tables of today: a revision says what was true when it was released.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from trunk.storage.columns import UtcTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOT_OURS = "kind <> 'acknowledgement'"
SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

SQLITE_APPEND_ONLY = (
    """CREATE TRIGGER journal_no_update BEFORE UPDATE ON journal
       BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
    """CREATE TRIGGER journal_no_delete BEFORE DELETE ON journal
       BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END""",
)
POSTGRESQL_APPEND_ONLY = (
    """CREATE FUNCTION journal_refuse() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN RAISE EXCEPTION 'the journal is append-only' USING ERRCODE = 'restrict_violation'; END $$""",
    """CREATE TRIGGER journal_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
       FOR EACH STATEMENT EXECUTE FUNCTION journal_refuse()""",
)
POSTGRESQL_STORAGE = (
    # Octets are base64 of compressed files: an attempt to compress them costs more than it saves.
    "ALTER TABLE payload ALTER COLUMN octets SET STORAGE EXTERNAL",
    # Room on each page, so that a step that touches no index stays on its page.
    "ALTER TABLE delivery SET (fillfactor = 85)",
    "ALTER TABLE outbox SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02)",
)


def upgrade() -> None:
    _envelopes()
    _deliveries()
    _outbox()
    _records()
    _directory()
    _credentials()
    _beginnings()


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _long(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _word(name: str, *, nullable: bool = False) -> sa.Column[str]:
    """An enum's value."""
    return sa.Column(name, sa.String(24), nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _big(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean(), nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, UtcTime(), nullable=nullable)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _envelopes() -> None:
    op.create_table(
        "envelope",
        _text("id"),
        _word("kind"),
        _text("identity"),
        _text("sender"),
        _text("system", nullable=True),
        _text("document_id"),
        _text("document_code"),
        _text("promulgation_date"),
        _long("subject"),
        _number("business"),
        _number("urgency"),
        _text("due_date"),
        sa.Column("sha256", sa.String(64), nullable=False),
        _big("size"),
        _time("accepted_at"),
        _text("about", nullable=True),
        _text("about_delivery", nullable=True),
        _text("status_code"),
        _long("description"),
        _word("acknowledges", nullable=True),
        _flag("marked"),
        _long("verdict"),
        _long("attachments"),
        _long("search_text"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("identity"),
    )
    _partial_index("ix_envelope_document_id", "envelope", ["document_id"], NOT_OURS)
    _partial_index("ix_envelope_document_code", "envelope", ["document_code"], NOT_OURS)
    _partial_index("ix_envelope_about", "envelope", ["about"], "about IS NOT NULL")
    _partial_index("ix_envelope_sender_accepted", "envelope", ["sender", "accepted_at"], NOT_OURS)
    _partial_index("ix_envelope_accepted", "envelope", ["accepted_at"], NOT_OURS)
    op.create_table(
        "payload",
        sa.Column("sha256", sa.String(64), nullable=False),
        _big("size"),
        sa.Column("octets", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("sha256"),
    )


def _deliveries() -> None:
    op.create_table(
        "delivery",
        _text("id"),
        _text("envelope_id"),
        _number("ordinal"),
        _text("addressee"),
        _number("urgency"),
        _word("state"),
        _number("version"),
        _number("attempts"),
        _time("due_at"),
        _time("expires_at"),
        _time("first_due_at"),
        _time("first_expires_at"),
        _time("accepted_at"),
        _big("position"),
        _flag("waiting"),
        _time("retry_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"]),
        sa.CheckConstraint("urgency BETWEEN 0 AND 4", name="ck_delivery_urgency"),
        sa.CheckConstraint("waiting = (state IN ('queued', 'dispatched', 'deferred'))", name="ck_delivery_waiting"),
        sa.CheckConstraint("(retry_at IS NOT NULL) = (state = 'deferred')", name="ck_delivery_retry"),
    )
    op.create_index("ix_delivery_envelope_id", "delivery", ["envelope_id"])
    op.create_index("ix_delivery_addressee_accepted", "delivery", ["addressee", "accepted_at"])
    _partial_index("ix_delivery_inbox", "delivery", ["addressee", "urgency", "position"], "waiting")
    _partial_index("ix_delivery_retry", "delivery", ["retry_at"], "retry_at IS NOT NULL")
    _partial_index("ix_delivery_expiry", "delivery", ["expires_at"], "waiting")


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", SERIAL, nullable=False),
        _text("delivery_id"),
        _number("version"),
        _number("urgency"),
        _time("ready_at"),
        _text("owner", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint("urgency BETWEEN 0 AND 4", name="ck_outbox_urgency"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outbox_ready", "outbox", ["urgency", "ready_at", "id"])


def _records() -> None:
    op.create_table(
        "journal",
        sa.Column("id", SERIAL, nullable=False),
        _time("at"),
        _text("envelope_id"),
        _text("delivery_id", nullable=True),
        _text("event"),
        _word("state", nullable=True),
        _text("actor"),
        _long("reason"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_journal_envelope", "journal", ["envelope_id", "id"])
    op.create_table(
        "status_report",
        _text("envelope_id"),
        _text("about", nullable=True),
        _text("delivery_id", nullable=True),
        _text("code"),
        _long("description"),
        _text("reporter"),
        _time("at"),
        sa.PrimaryKeyConstraint("envelope_id"),
        sa.ForeignKeyConstraint(["envelope_id"], ["envelope.id"]),
    )
    op.create_index("ix_status_report_about", "status_report", ["about"])
    op.create_table(
        "idempotency", _text("system"), _text("key"), _text("identity"), sa.PrimaryKeyConstraint("system", "key")
    )
    op.create_table("counter", _text("name"), _big("value"), sa.PrimaryKeyConstraint("name"))


def _directory() -> None:
    op.create_table(
        "agency",
        _text("code"),
        _text("name"),
        _text("old_code"),
        _word("mode"),
        _word("signature_policy"),
        _flag("active"),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_table(
        "agency_code",
        _text("code"),
        _text("agency"),
        _number("ordinal"),
        sa.PrimaryKeyConstraint("code"),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"]),
    )
    op.create_index("ix_agency_code_agency", "agency_code", ["agency"])
    op.create_table(
        "mandate",
        _text("agency"),
        _number("ordinal"),
        _text("fingerprint"),
        _time("valid_from", nullable=True),
        _time("valid_until", nullable=True),
        sa.PrimaryKeyConstraint("agency", "ordinal"),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"]),
    )


def _credentials() -> None:
    op.create_table("system", _text("id"), _text("name"), _flag("active"), sa.PrimaryKeyConstraint("id"))
    op.create_table(
        "system_agency",
        _text("system"),
        _text("agency"),
        sa.PrimaryKeyConstraint("system", "agency"),
        sa.ForeignKeyConstraint(["system"], ["system.id"]),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"]),
    )
    op.create_table(
        "api_key",
        _text("id"),
        _text("system"),
        _text("digest"),
        _time("created_at"),
        _time("expires_at", nullable=True),
        _time("revoked_at", nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.ForeignKeyConstraint(["system"], ["system.id"]),
    )
    op.create_index("ix_api_key_system", "api_key", ["system"])


def _beginnings() -> None:
    """The counters' rows, and what each database says in its own words."""
    op.execute("INSERT INTO counter (name, value) VALUES ('position', 0), ('directory', 0)")
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in SQLITE_APPEND_ONLY if sqlite else POSTGRESQL_APPEND_ONLY + POSTGRESQL_STORAGE:
        op.execute(statement)
