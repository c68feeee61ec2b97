"""The directory's part of the ledger: agencies, systems, keys."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.agency import Agency, Contact, Directory, Mandate, SystemId
from trunk.domain.credential import KeyRecord, SystemRecord
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import Endpoint
from trunk.storage.tables import AGENCY, AGENCY_CODE, API_KEY, COUNTER, MANDATE, SYSTEM, SYSTEM_AGENCY

VERSION: Final = "directory"


def directory(connection: Connection) -> Directory:
    return Directory(agencies(connection))


def agencies(connection: Connection, only: str = "") -> list[Agency]:
    """By code; all, or the one whose code it is."""
    codes: defaultdict[str, list[str]] = defaultdict(list)
    for row in connection.execute(
        _of(sa.select(AGENCY_CODE).order_by(AGENCY_CODE.c.ordinal), AGENCY_CODE.c.agency, only)
    ):
        codes[row.agency].append(row.code)
    mandates: defaultdict[str, list[Mandate]] = defaultdict(list)
    for row in connection.execute(_of(sa.select(MANDATE).order_by(MANDATE.c.ordinal), MANDATE.c.agency, only)):
        mandates[row.agency].append(
            Mandate(
                fingerprint=row.fingerprint,
                uid=row.uid,
                domain=row.domain,
                valid_from=row.valid_from,
                valid_until=row.valid_until,
            )
        )
    rows = connection.execute(_of(sa.select(AGENCY).order_by(AGENCY.c.code), AGENCY.c.code, only))
    return [_agency_of(row, codes[row.code], mandates[row.code]) for row in rows]


def _of(asked: sa.Select[Any], column: sa.Column[str], code: str) -> sa.Select[Any]:
    return asked.where(column == code) if code else asked


def _agency_of(row: Any, codes: Sequence[str], mandates: Sequence[Mandate]) -> Agency:
    return Agency(
        code=AgencyCode(row.code),
        name=row.name,
        old_code=row.old_code,
        aliases=tuple(code for code in codes if code not in (row.code, row.old_code)),
        mode=row.mode,
        signature_policy=row.signature_policy,
        mandates=tuple(mandates),
        active=row.active,
        parent=row.parent,
        unit=row.unit,
        successor=row.successor,
        contact=Contact(address=row.address, email=row.email, telephone=row.telephone),
        endpoint=_endpoint_of(row),
        changed=row.changed,
        changed_at=row.changed_at,
    )


def _endpoint_of(row: Any) -> Endpoint:
    return Endpoint(
        url=row.push_url,
        ca_file=row.push_ca_file,
        key_id=row.push_key_id,
        proven=row.push_proven,
        proven_at=row.push_proven_at,
    )


def _endpoint_values(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "push_url": endpoint.url,
        "push_ca_file": endpoint.ca_file,
        "push_key_id": endpoint.key_id,
        "push_proven": endpoint.proven,
        "push_proven_at": endpoint.proven_at,
    }


def version(connection: Connection) -> int:
    number: int = connection.execute(sa.select(COUNTER.c.value).where(COUNTER.c.name == VERSION)).scalar_one()
    return number


def changed_since(connection: Connection, known: int) -> list[Agency]:
    every = not 0 < known <= version(connection)
    return [agency for agency in agencies(connection) if every or agency.changed > known]


def change(connection: Connection) -> None:
    """Move the version on: from here to the end of the transaction nobody else writes the directory."""
    connection.execute(sa.update(COUNTER).where(COUNTER.c.name == VERSION).values(value=COUNTER.c.value + 1))


def put_agency(connection: Connection, agency: Agency, *, at: datetime | None, anew: bool) -> bool:
    """Write the agency as it is now. ``anew``: it counts as changed, also though equal. Whether it was written."""
    change(connection)
    if agencies(connection, only=agency.code) == [agency] and not anew:
        return False
    values = {
        "parent": agency.parent,
        "unit": agency.unit,
        "successor": agency.successor,
        "address": agency.contact.address,
        "email": agency.contact.email,
        "telephone": agency.contact.telephone,
        **_endpoint_values(agency.endpoint),
        "changed": version(connection),
        "changed_at": at,
        "name": agency.name,
        "old_code": agency.old_code,
        "mode": agency.mode,
        "signature_policy": agency.signature_policy,
        "active": agency.active,
    }
    _put(connection, AGENCY, {"code": agency.code}, values)
    connection.execute(sa.delete(AGENCY_CODE).where(AGENCY_CODE.c.agency == agency.code))
    codes = dict.fromkeys(agency.codes)
    _insert(
        connection,
        AGENCY_CODE,
        [{"code": code, "agency": agency.code, "ordinal": place} for place, code in enumerate(codes)],
    )
    connection.execute(sa.delete(MANDATE).where(MANDATE.c.agency == agency.code))
    _insert(
        connection,
        MANDATE,
        [
            {
                "agency": agency.code,
                "ordinal": place,
                "fingerprint": mandate.fingerprint,
                "uid": mandate.uid,
                "domain": mandate.domain,
                "valid_from": mandate.valid_from,
                "valid_until": mandate.valid_until,
            }
            for place, mandate in enumerate(agency.mandates)
        ],
    )
    return True


def put_system(connection: Connection, system: SystemRecord) -> None:
    _put(connection, SYSTEM, {"id": system.id}, {"name": system.name, "active": system.active, "hub": system.hub})
    connection.execute(sa.delete(SYSTEM_AGENCY).where(SYSTEM_AGENCY.c.system == system.id))
    _insert(
        connection,
        SYSTEM_AGENCY,
        [{"system": system.id, "agency": agency} for agency in sorted(system.agencies)],
    )


def put_key(connection: Connection, key: KeyRecord) -> None:
    values = {
        "system": key.system,
        "digest": key.digest,
        "created_at": key.created_at,
        "expires_at": key.expires_at,
        "revoked_at": key.revoked_at,
    }
    _put(connection, API_KEY, {"id": key.id}, values)


def revoke_key(connection: Connection, key_id: str, *, at: datetime) -> bool:
    revoked = connection.execute(
        sa.update(API_KEY).where(API_KEY.c.id == key_id, API_KEY.c.revoked_at.is_(None)).values(revoked_at=at)
    )
    return revoked.rowcount == 1


def key(connection: Connection, key_id: str) -> KeyRecord | None:
    row = connection.execute(sa.select(API_KEY).where(API_KEY.c.id == key_id)).one_or_none()
    return None if row is None else _key_of(row)


def keys(connection: Connection, system: SystemId) -> list[KeyRecord]:
    """The system's keys, oldest first."""
    rows = connection.execute(
        sa.select(API_KEY).where(API_KEY.c.system == system).order_by(API_KEY.c.created_at, API_KEY.c.id)
    )
    return [_key_of(row) for row in rows]


def systems(connection: Connection, only: SystemId | None = None) -> list[SystemRecord]:
    asked = sa.select(SYSTEM).order_by(SYSTEM.c.id)
    spoken_for = sa.select(SYSTEM_AGENCY)
    if only is not None:
        asked = asked.where(SYSTEM.c.id == only)
        spoken_for = spoken_for.where(SYSTEM_AGENCY.c.system == only)
    agencies: defaultdict[str, set[AgencyCode]] = defaultdict(set)
    for row in connection.execute(spoken_for):
        agencies[row.system].add(AgencyCode(row.agency))
    return [
        SystemRecord(
            id=SystemId(row.id), name=row.name, agencies=frozenset(agencies[row.id]), active=row.active, hub=row.hub
        )
        for row in connection.execute(asked)
    ]


def _key_of(row: Any) -> KeyRecord:
    return KeyRecord(
        id=row.id,
        system=SystemId(row.system),
        digest=row.digest,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
    )


def _put(connection: Connection, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    """Update the row with this key, or insert it."""
    found = [table.c[name] == value for name, value in key.items()]
    if connection.execute(sa.update(table).where(*found).values(values)).rowcount == 0:
        connection.execute(sa.insert(table).values({**key, **values}))


def _insert(connection: Connection, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
    if rows:
        connection.execute(sa.insert(table), rows)
