"""The tables. One statement of each fact; what the databases can hold true, they hold true.

Rows never leave ``trunk.storage``. ``tests/contract/test_ledger_migrations.py`` holds that these classes and the
migrations say the same. Indexes that only waiting mail needs are partial, so that they stay as small as the mail
that waits while the ledger grows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from signing.evidence import EvidenceKind
from trunk.domain.agency import DEFAULT_POLICY, DeliveryMode
from trunk.domain.delivery import AckKind, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.storage.columns import UtcTime, by_value

# Serial numbers: 64 bits, which SQLite only numbers by itself when it is told INTEGER.
_SERIAL: Any = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _index(name: str, *columns: str, where: str | None = None, unique: bool = False) -> sa.Index:
    condition = None if where is None else sa.text(where)
    return sa.Index(name, *columns, unique=unique, postgresql_where=condition, sqlite_where=condition)


class EnvelopeRow(SQLModel, table=True):
    """One message. Written once."""

    __tablename__ = "envelope"
    __table_args__ = (
        _index("ix_envelope_document_id", "document_id", where="kind <> 'acknowledgement'"),
        _index("ix_envelope_document_code", "document_code", where="kind <> 'acknowledgement'"),
        _index("ix_envelope_about", "about", where="about IS NOT NULL"),
        _index("ix_envelope_accepted", "accepted_at", where="kind <> 'acknowledgement'"),
        _index("ix_envelope_sender_accepted", "sender", "accepted_at", where="kind <> 'acknowledgement'"),
    )

    id: str = Field(primary_key=True)
    kind: EnvelopeKind = Field(sa_type=by_value(EnvelopeKind))
    identity: str = Field(unique=True)
    sender: str
    system: str | None
    document_id: str
    document_code: str
    promulgation_date: str
    subject: str = Field(sa_type=sa.Text)
    business: int
    urgency: int
    due_date: str
    sha256: str = Field(max_length=64)
    size: int = Field(sa_type=sa.BigInteger)
    accepted_at: datetime = Field(sa_type=UtcTime)
    about: str | None
    about_delivery: str | None
    status_code: str
    description: str = Field(sa_type=sa.Text)
    acknowledges: AckKind | None = Field(sa_type=by_value(AckKind))
    marked: bool
    verdict: str = Field(sa_type=sa.Text)
    attachments: str = Field(sa_type=sa.Text)  # JSON
    search_text: str = Field(sa_type=sa.Text)  # folded by Python: SQLite's lower() knows no Đ


class PayloadRow(SQLModel, table=True):
    """Octets by digest; ``octets`` is NULL for large ones, which lie in the payload store."""

    __tablename__ = "payload"

    sha256: str = Field(primary_key=True, max_length=64)
    size: int = Field(sa_type=sa.BigInteger)
    octets: bytes | None


class EvidenceRow(SQLModel, table=True):
    """What verdicts rest on, each once; the reports name it by digest. Never changed, kept as long as envelopes."""

    __tablename__ = "evidence"

    sha256: str = Field(primary_key=True, max_length=64)
    kind: EvidenceKind = Field(sa_type=by_value(EvidenceKind))
    octets: bytes


class DeliveryRow(SQLModel, table=True):
    """One envelope on its way to one agency.

    ``waiting`` and ``retry_at`` repeat what ``state`` says, for the indexes: a step that changes neither (queued to
    dispatched, the most frequent one) touches no index at all.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        sa.CheckConstraint("urgency BETWEEN 0 AND 4", name="ck_delivery_urgency"),
        sa.CheckConstraint("waiting = (state IN ('queued', 'dispatched', 'deferred'))", name="ck_delivery_waiting"),
        sa.CheckConstraint("(retry_at IS NOT NULL) = (state = 'deferred')", name="ck_delivery_retry"),
        _index("ix_delivery_inbox", "addressee", "urgency", "position", where="waiting"),
        _index("ix_delivery_retry", "retry_at", where="retry_at IS NOT NULL"),
        _index("ix_delivery_expiry", "expires_at", where="waiting"),
        _index("ix_delivery_addressee_accepted", "addressee", "accepted_at"),
    )

    id: str = Field(primary_key=True)
    envelope_id: str = Field(foreign_key="envelope.id", index=True)
    ordinal: int  # place in the envelope
    addressee: str
    urgency: int
    state: DeliveryState = Field(sa_type=by_value(DeliveryState))
    version: int
    attempts: int
    due_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime = Field(sa_type=UtcTime)
    first_due_at: datetime = Field(sa_type=UtcTime)  # as accepted: a repeated submission gets the first answer
    first_expires_at: datetime = Field(sa_type=UtcTime)
    accepted_at: datetime = Field(sa_type=UtcTime)
    position: int = Field(sa_type=sa.BigInteger)
    waiting: bool
    retry_at: datetime | None = Field(sa_type=UtcTime)


class OutboxRow(SQLModel, table=True):
    """A notice that must leave the house. ``ready_at``: when it may be taken (again): a lease moves it on."""

    __tablename__ = "outbox"
    __table_args__ = (
        sa.CheckConstraint("urgency BETWEEN 0 AND 4", name="ck_outbox_urgency"),
        _index("ix_outbox_ready", "urgency", "ready_at", "id"),
        {"sqlite_autoincrement": True},  # an id names one entry for ever: strikes may come late
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=_SERIAL)
    delivery_id: str
    version: int
    urgency: int
    ready_at: datetime = Field(sa_type=UtcTime)
    owner: str | None


class JournalRow(SQLModel, table=True):
    """One line of what happened. Triggers refuse every change; purged envelopes leave their lines behind."""

    __tablename__ = "journal"
    __table_args__ = (_index("ix_journal_envelope", "envelope_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=_SERIAL)
    at: datetime = Field(sa_type=UtcTime)
    envelope_id: str
    delivery_id: str | None
    event: str
    state: DeliveryState | None = Field(sa_type=by_value(DeliveryState))
    actor: str
    reason: str = Field(sa_type=sa.Text)


class StatusReportRow(SQLModel, table=True):
    """A business status; ``about`` is the document's envelope, if it is known here."""

    __tablename__ = "status_report"

    envelope_id: str = Field(primary_key=True, foreign_key="envelope.id")
    about: str | None = Field(index=True)
    delivery_id: str | None
    code: str
    description: str = Field(sa_type=sa.Text)
    reporter: str
    at: datetime = Field(sa_type=UtcTime)


class IdempotencyRow(SQLModel, table=True):
    """A caller's own key and the identity of the message it was first used for."""

    __tablename__ = "idempotency"

    system: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    identity: str


class CounterRow(SQLModel, table=True):
    """``position``: the last place given in the order of inboxes; ``directory``: the directory's version."""

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int = Field(sa_type=sa.BigInteger)


class AgencyRow(SQLModel, table=True):
    """An agency of the directory."""

    __tablename__ = "agency"

    code: str = Field(primary_key=True)
    name: str
    old_code: str
    mode: DeliveryMode = Field(sa_type=by_value(DeliveryMode))
    active: bool
    signature_policy: str = Field(sa_column_kwargs={"server_default": DEFAULT_POLICY})  # a name; may be unknown here


class AgencyCodeRow(SQLModel, table=True):
    """A code under which mail names an agency. A code means one agency."""

    __tablename__ = "agency_code"

    code: str = Field(primary_key=True)
    agency: str = Field(foreign_key="agency.code", index=True)
    ordinal: int  # 0 the agency's own code, then the old one, then aliases in their order


class MandateRow(SQLModel, table=True):
    """Who may sign for an agency: a certificate, or whoever has a UID."""

    __tablename__ = "mandate"
    __table_args__ = (sa.CheckConstraint("(fingerprint = '') <> (uid = '')", name="ck_mandate_who"),)

    agency: str = Field(primary_key=True, foreign_key="agency.code")
    ordinal: int = Field(primary_key=True)
    fingerprint: str
    uid: str
    domain: str
    valid_from: datetime | None = Field(sa_type=UtcTime)
    valid_until: datetime | None = Field(sa_type=UtcTime)


class SystemRow(SQLModel, table=True):
    """A document-management system."""

    __tablename__ = "system"

    id: str = Field(primary_key=True)
    name: str
    active: bool


class SystemAgencyRow(SQLModel, table=True):
    """An agency that a system may speak for."""

    __tablename__ = "system_agency"

    system: str = Field(primary_key=True, foreign_key="system.id")
    agency: str = Field(primary_key=True, foreign_key="agency.code")


class KeyRow(SQLModel, table=True):
    """An API key; only the digest of its secret."""

    __tablename__ = "api_key"

    id: str = Field(primary_key=True)
    system: str = Field(foreign_key="system.id", index=True)
    digest: str
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime | None = Field(sa_type=UtcTime)
    revoked_at: datetime | None = Field(sa_type=UtcTime)


class SharedSecretRow(SQLModel, table=True):
    """A secret that a system signs its requests with, sealed."""

    __tablename__ = "shared_secret"

    id: str = Field(primary_key=True)
    system: str = Field(foreign_key="system.id", index=True)
    name: str = Field(index=True)  # what the system calls itself on the wire
    sealed: bytes
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime | None = Field(sa_type=UtcTime)
    retired_at: datetime | None = Field(sa_type=UtcTime)
    fresh_seconds: int | None


def _table(model: type[SQLModel]) -> sa.Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


METADATA = SQLModel.metadata
ENVELOPE = _table(EnvelopeRow)
PAYLOAD = _table(PayloadRow)
EVIDENCE = _table(EvidenceRow)
DELIVERY = _table(DeliveryRow)
OUTBOX = _table(OutboxRow)
JOURNAL = _table(JournalRow)
STATUS_REPORT = _table(StatusReportRow)
IDEMPOTENCY = _table(IdempotencyRow)
COUNTER = _table(CounterRow)
AGENCY = _table(AgencyRow)
AGENCY_CODE = _table(AgencyCodeRow)
MANDATE = _table(MandateRow)
SYSTEM = _table(SystemRow)
SYSTEM_AGENCY = _table(SystemAgencyRow)
API_KEY = _table(KeyRow)
SHARED_SECRET = _table(SharedSecretRow)
