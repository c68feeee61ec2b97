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
from trunk.domain.business_status import Standing
from trunk.domain.change_request import RequestKind, RequestState
from trunk.domain.delivery import AckKind, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import Direction, LinkState
from trunk.domain.relation import RelationKind
from trunk.storage.columns import EMPTY, UtcTime, by_value
from trunk.storage.control_tables import OPERATOR_KEY, REPLAY_ITEM, REPLAY_JOB
from trunk.storage.directory_tables import (
    ACCOUNT,
    AGENCY,
    AGENCY_CODE,
    API_KEY,
    MANDATE,
    SHARED_SECRET,
    SYSTEM,
    SYSTEM_AGENCY,
)

__all__ = [
    "ACCOUNT",
    "AGENCY",
    "AGENCY_CODE",
    "API_KEY",
    "CHANGE_REQUEST",
    "COMPATIBILITY",
    "COUNTER",
    "DELIVERY",
    "ENVELOPE",
    "EVIDENCE",
    "HUB_LINK",
    "IDEMPOTENCY",
    "JOURNAL",
    "JOURNAL_HEAD",
    "JOURNAL_NAMED",
    "LEASE",
    "MANDATE",
    "METADATA",
    "OPERATOR_KEY",
    "OUTBOX",
    "PAYLOAD",
    "RELATION",
    "REPLAY_ITEM",
    "REPLAY_JOB",
    "SET_ASIDE",
    "SHARED_SECRET",
    "STATUS_REPORT",
    "SYSTEM",
    "SYSTEM_AGENCY",
]

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
        _index("ix_envelope_document_key", "document_key", where="document_key <> ''"),
        _index("ix_envelope_sha256", "sha256"),  # who shares octets: nothing of that is purged
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
    document_key: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})  # trunk.domain.document_key
    trace: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": EMPTY})  # of hubs


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
        _index("ix_delivery_relayed", "expires_at", where="state = 'relayed'"),
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
    fetched_at: datetime | None = Field(default=None, sa_type=UtcTime)  # its octets first left the house
    taken_at: datetime | None = Field(default=None, sa_type=UtcTime)  # the agency's system had it whole
    settled_at: datetime | None = Field(default=None, sa_type=UtcTime)  # its people took it in or turned it down
    replayed_at: datetime | None = Field(default=None, sa_type=UtcTime)  # an administrator last put it back
    restored_at: datetime | None = Field(default=None, sa_type=UtcTime)  # came with a backup; may have left since


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
    node: str | None = None  # the chain it belongs to; none: it is older than the chains
    sequence: int | None = Field(default=None, sa_type=sa.BigInteger)
    hash: str | None = Field(default=None, max_length=64)


class JournalHeadRow(SQLModel, table=True):
    """The last line of a chain, so that one that was cut short is noticed."""

    __tablename__ = "journal_head"

    node: str = Field(primary_key=True)
    sequence: int = Field(sa_type=sa.BigInteger)
    hash: str = Field(max_length=64)


class JournalNamedRow(SQLModel, table=True):
    """How far a chain has been named in another one."""

    __tablename__ = "journal_named"

    node: str = Field(primary_key=True)
    sequence: int = Field(sa_type=sa.BigInteger)
    at: datetime = Field(sa_type=UtcTime)


class StatusReportRow(SQLModel, table=True):
    """A business status; ``about`` is the document's envelope, if it is known here."""

    __tablename__ = "status_report"
    __table_args__ = (
        _index("ix_status_report_unmatched_reporter", "reporter", "at", where="about IS NULL"),
        _index("ix_status_report_unmatched_addressee", "addressee", "at", where="about IS NULL"),
    )

    envelope_id: str = Field(primary_key=True, foreign_key="envelope.id")
    about: str | None = Field(index=True)
    delivery_id: str | None
    code: str
    description: str = Field(sa_type=sa.Text)
    reporter: str
    at: datetime = Field(sa_type=UtcTime)
    addressee: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    standing: Standing = Field(
        default=Standing.ADVANCES, sa_type=by_value(Standing), sa_column_kwargs={"server_default": "advances"}
    )
    said_at: datetime | None = Field(default=None, sa_type=UtcTime)  # edXML Timestamp, by the agency's clock


class RelationRow(SQLModel, table=True):
    """What a document says of an earlier one; a row for each key under which that one may be known (or one without)."""

    __tablename__ = "relation"
    __table_args__ = (
        _index("ix_relation_document_id", "document_id", where="document_id <> ''"),
        _index("ix_relation_document_key", "document_key", where="document_key <> ''"),
    )

    envelope_id: str = Field(primary_key=True, foreign_key="envelope.id")
    ordinal: int = Field(primary_key=True)
    place: int = Field(primary_key=True)  # among the keys of one relation: 0 the surest
    kind: RelationKind = Field(sa_type=by_value(RelationKind))
    organ_id: str
    document_id: str
    document_code: str
    promulgation_date: str
    document_key: str
    organ_ids: str = Field(sa_type=sa.Text)  # JSON: of replacements, who had received it


class ChangeRequestRow(SQLModel, table=True):
    """A recall or an update that somebody who has the document is asked to agree to."""

    __tablename__ = "change_request"
    __table_args__ = (sa.UniqueConstraint("delivery_id", "asked_by", "kind", name="uq_change_request"),)

    id: str = Field(primary_key=True)
    kind: RequestKind = Field(sa_type=by_value(RequestKind))
    state: RequestState = Field(sa_type=by_value(RequestState))
    delivery_id: str = Field(foreign_key="delivery.id")
    envelope_id: str = Field(foreign_key="envelope.id", index=True)
    asked_by: str = Field(foreign_key="envelope.id", index=True)
    asked_at: datetime = Field(sa_type=UtcTime)
    reason: str = Field(sa_type=sa.Text)
    answered_at: datetime | None = Field(sa_type=UtcTime)
    answered_by: str | None


class HubLinkRow(SQLModel, table=True):
    """Our id and another hub's of the same mail to the same recipient."""

    __tablename__ = "hub_link"
    __table_args__ = (
        _index("ix_hub_link_remote", "hub", "direction", "remote_id"),
        _index("ix_hub_link_open", "hub", "direction", "checked_at", where="state = 'open'"),
        _index("ix_hub_link_delivery", "delivery_id", where="delivery_id IS NOT NULL"),
    )

    id: str = Field(primary_key=True)
    hub: str
    direction: Direction = Field(sa_type=by_value(Direction))
    remote_id: str
    state: LinkState = Field(sa_type=by_value(LinkState))
    at: datetime = Field(sa_type=UtcTime)
    envelope_id: str | None = Field(index=True)
    delivery_id: str | None
    reason: str = Field(sa_type=sa.Text)
    checked_at: datetime | None = Field(sa_type=UtcTime)


class LeaseRow(SQLModel, table=True):
    """Work that one process at a time does: whose it is, and until when."""

    __tablename__ = "lease"

    name: str = Field(primary_key=True)
    owner: str
    until: datetime = Field(sa_type=UtcTime)


class SetAsideRow(SQLModel, table=True):
    """What cannot be right and was taken out of the way, for a person to look at."""

    __tablename__ = "set_aside"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, primary_key=True, sa_type=_SERIAL)
    at: datetime = Field(sa_type=UtcTime)
    code: str
    reference: str  # what it was about: a delivery's id, a name
    detail: str = Field(sa_type=sa.Text)
    closed_at: datetime | None = Field(default=None, sa_type=UtcTime)
    closed_by: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    reason: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": EMPTY})


class IdempotencyRow(SQLModel, table=True):
    """A caller's own key and the identity of the message it was first used for."""

    __tablename__ = "idempotency"

    system: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    identity: str


class CounterRow(SQLModel, table=True):
    """``position``: the last place given in the order of inboxes; ``directory``: the directory's version.

    ``journal_unlinked``: the last line of the journal that is older than its chains.
    """

    __tablename__ = "counter"

    name: str = Field(primary_key=True)
    value: int = Field(sa_type=sa.BigInteger)


def _table(model: type[SQLModel]) -> sa.Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


class CompatibilityRow(SQLModel, table=True):
    """One row: the oldest revision that a program must have been written for to work on these tables."""

    __tablename__ = "compatibility"

    oldest_program: str = Field(primary_key=True)


METADATA = SQLModel.metadata
ENVELOPE = _table(EnvelopeRow)
PAYLOAD = _table(PayloadRow)
EVIDENCE = _table(EvidenceRow)
DELIVERY = _table(DeliveryRow)
OUTBOX = _table(OutboxRow)
JOURNAL = _table(JournalRow)
JOURNAL_HEAD = _table(JournalHeadRow)
JOURNAL_NAMED = _table(JournalNamedRow)
STATUS_REPORT = _table(StatusReportRow)
IDEMPOTENCY = _table(IdempotencyRow)
COUNTER = _table(CounterRow)
RELATION = _table(RelationRow)
CHANGE_REQUEST = _table(ChangeRequestRow)
HUB_LINK = _table(HubLinkRow)
LEASE = _table(LeaseRow)
COMPATIBILITY = _table(CompatibilityRow)
SET_ASIDE = _table(SetAsideRow)
