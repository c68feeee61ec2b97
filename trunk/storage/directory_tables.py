"""The tables of who is who: agencies, systems, and what these show to be let in."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from trunk.domain.agency import DEFAULT_POLICY, DeliveryMode
from trunk.storage.columns import EMPTY, UtcTime, by_value


class AgencyRow(SQLModel, table=True):
    """An agency of the directory."""

    __tablename__ = "agency"

    code: str = Field(primary_key=True)
    name: str
    old_code: str
    mode: DeliveryMode = Field(sa_type=by_value(DeliveryMode))
    active: bool
    signature_policy: str = Field(sa_column_kwargs={"server_default": DEFAULT_POLICY})  # a name; may be unknown here
    parent: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    unit: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    successor: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    address: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    email: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    telephone: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    push_url: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    push_ca_file: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    push_key_id: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})
    push_proven: str = Field(default="", sa_column_kwargs={"server_default": EMPTY})  # the terms that were proven
    push_proven_at: datetime | None = Field(default=None, sa_type=UtcTime)
    changed: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    changed_at: datetime | None = Field(default=None, sa_type=UtcTime)


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
    hub: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})  # another trunk, below this one


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


class AccountRow(SQLModel, table=True):
    """A user name and the digest of a password, for protocols that log in."""

    __tablename__ = "account"

    id: str = Field(primary_key=True)
    system: str = Field(foreign_key="system.id", index=True)
    username: str = Field(index=True)
    digest: str
    created_at: datetime = Field(sa_type=UtcTime)
    expires_at: datetime | None = Field(sa_type=UtcTime)
    retired_at: datetime | None = Field(sa_type=UtcTime)


def _table(model: type[SQLModel]) -> sa.Table:
    return SQLModel.metadata.tables[str(model.__tablename__)]


AGENCY = _table(AgencyRow)
AGENCY_CODE = _table(AgencyCodeRow)
MANDATE = _table(MandateRow)
SYSTEM = _table(SystemRow)
SYSTEM_AGENCY = _table(SystemAgencyRow)
API_KEY = _table(KeyRow)
SHARED_SECRET = _table(SharedSecretRow)
ACCOUNT = _table(AccountRow)
