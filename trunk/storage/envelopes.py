"""Reading envelopes: by id, by identity, by what a person calls them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from types import SimpleNamespace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.entry import AcceptedEnvelope, EnvelopeKind, EnvelopeRecord, Payload
from trunk.storage.columns import among
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, first_delivery_of, halves
from trunk.storage.tables import DELIVERY, ENVELOPE, PAYLOAD

FOUND: Final = 100
"""How many envelopes one reference finds at most; fixed sample ids are shared by many."""
# Spelled out, not bound: the databases then know that the partial indexes apply.
NOT_OURS: Final = sa.text("envelope.kind <> 'acknowledgement'")

# Built once: the hand-over of every envelope asks these.
_WITH_ENVELOPE: Final = (
    sa.select(ENVELOPE, *DELIVERY_COLUMNS)
    .join(DELIVERY, DELIVERY.c.envelope_id == ENVELOPE.c.id)
    .where(DELIVERY.c.id == sa.bindparam("wanted"))
)
_WITH_OCTETS: Final = (
    sa.select(ENVELOPE, *DELIVERY_COLUMNS, PAYLOAD.c.sha256, PAYLOAD.c.size, PAYLOAD.c.octets)
    .join(DELIVERY, DELIVERY.c.envelope_id == ENVELOPE.c.id)
    .outerjoin(PAYLOAD, PAYLOAD.c.sha256 == ENVELOPE.c.sha256)
    .where(DELIVERY.c.id == sa.bindparam("wanted"))
)
_WITH_ENVELOPES: Final = (
    sa.select(ENVELOPE, *DELIVERY_COLUMNS)
    .join(DELIVERY, DELIVERY.c.envelope_id == ENVELOPE.c.id)
    .where(among(DELIVERY.c.id, "wanted"))
)
_OCTETS: Final = sa.select(PAYLOAD.c.sha256, PAYLOAD.c.octets).where(
    among(PAYLOAD.c.sha256, "wanted"), PAYLOAD.c.octets.is_not(None)
)
_BY_ID: Final = sa.select(ENVELOPE).where(ENVELOPE.c.id == sa.bindparam("wanted"))
_SEAL: Final = ENVELOPE.alias("acknowledgement")
_ACCEPTED: Final = (
    sa.select(ENVELOPE, _SEAL, PAYLOAD.c.octets)
    .join(_SEAL, sa.and_(_SEAL.c.about == ENVELOPE.c.id, _SEAL.c.acknowledges == AckKind.ACCEPTED))
    .outerjoin(PAYLOAD, PAYLOAD.c.sha256 == _SEAL.c.sha256)
)
_ACCEPTED_BY_ID: Final = _ACCEPTED.where(ENVELOPE.c.id == sa.bindparam("wanted"))
_ACCEPTED_AS: Final = _ACCEPTED.where(ENVELOPE.c.identity == sa.bindparam("wanted"))
_DELIVERIES: Final = (
    sa.select(DELIVERY).where(DELIVERY.c.envelope_id == sa.bindparam("envelope")).order_by(DELIVERY.c.ordinal)
)
_DELIVERY_BY_ID: Final = sa.select(*DELIVERY_COLUMNS).where(DELIVERY.c.id == sa.bindparam("wanted"))


def accepted_at(connection: Connection, envelope_id: EnvelopeId) -> datetime | None:
    return connection.execute(sa.select(ENVELOPE.c.accepted_at).where(ENVELOPE.c.id == envelope_id)).scalar()


def by_id(connection: Connection, envelope_id: EnvelopeId) -> EnvelopeRecord | None:
    row = connection.execute(_BY_ID, {"wanted": envelope_id}).one_or_none()
    return None if row is None else envelope_of(row)


def by_identity(connection: Connection, identity: str) -> EnvelopeRecord | None:
    return _one(connection, ENVELOPE.c.identity == identity)


def id_by_identity(connection: Connection, identity: str) -> EnvelopeId | None:
    found = sa.select(ENVELOPE.c.id).where(ENVELOPE.c.identity == identity)
    envelope_id = connection.execute(found).scalar_one_or_none()
    return None if envelope_id is None else EnvelopeId(envelope_id)


def accepted_as(connection: Connection, identity: str) -> AcceptedEnvelope | None:
    """The acceptance of the message with this identity."""
    return _accepted(connection, _ACCEPTED_AS, identity)


def accepted(connection: Connection, envelope_id: EnvelopeId) -> AcceptedEnvelope | None:
    """What the trunk answered when it accepted the envelope, the same at every repetition."""
    return _accepted(connection, _ACCEPTED_BY_ID, envelope_id)


def _accepted(connection: Connection, question: sa.Select[Any], wanted: str) -> AcceptedEnvelope | None:
    row = connection.execute(question, {"wanted": wanted}).one_or_none()
    if row is None:
        return None
    *columns, octets = row
    middle = len(ENVELOPE.columns)
    envelope, acknowledgement = (
        envelope_of(SimpleNamespace(**dict(zip(ENVELOPE.columns.keys(), part, strict=True))))
        for part in (columns[:middle], columns[middle:])
    )
    deliveries = connection.execute(_DELIVERIES, {"envelope": envelope.id})
    return AcceptedEnvelope(
        envelope=envelope,
        deliveries=tuple(map(first_delivery_of, deliveries)),
        acknowledgement=acknowledgement,
        sealed=octets or b"",
    )


def payload(connection: Connection, sha256: str) -> Payload | None:
    row = connection.execute(sa.select(PAYLOAD).where(PAYLOAD.c.sha256 == sha256)).one_or_none()
    return None if row is None else Payload(sha256=row.sha256, size=row.size, octets=row.octets)


def find(
    connection: Connection, reference: str, *, seen_by: Collection[AgencyCode] | None = None
) -> list[EnvelopeRecord]:
    """What ``reference`` names: one envelope by its id or a delivery's, else by ``DocumentId`` or document code.

    Newest first; documents, or, where no document answers to it, the statuses that speak of it. ``seen_by``: only
    what these agencies sent or receive, so that others' mail under the same name crowds nobody out.
    """
    of_delivery = sa.select(DELIVERY.c.envelope_id).where(DELIVERY.c.id == reference)
    exact = by_id(connection, EnvelopeId(reference))
    if exact is None:
        exact = _one(connection, ENVELOPE.c.id == of_delivery.scalar_subquery())
    if exact is not None:
        return [exact]
    named = sa.union(
        sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_id == reference, NOT_OURS),
        sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_code == reference, NOT_OURS),
    )
    rows = connection.execute(
        sa.select(ENVELOPE)
        .where(ENVELOPE.c.id.in_(named), _seen_by(seen_by))
        .order_by(ENVELOPE.c.kind, ENVELOPE.c.accepted_at.desc(), ENVELOPE.c.id.desc())  # document < status
        .limit(FOUND)
    )
    found = [envelope_of(row) for row in rows]
    return [e for e in found if e.kind is EnvelopeKind.DOCUMENT] or found


def same_octets(connection: Connection, *, sender: AgencyCode, document_id: str, sha256: str) -> list[AcceptedEnvelope]:
    """Every acceptance of these octets from ``sender``, the oldest first."""
    found = (
        sa.select(ENVELOPE.c.id)
        .where(ENVELOPE.c.document_id == document_id, NOT_OURS, ENVELOPE.c.sender == sender)
        .where(ENVELOPE.c.sha256 == sha256)
        .order_by(ENVELOPE.c.accepted_at, ENVELOPE.c.id)
    )
    ids = connection.execute(found).scalars().all()
    return [one for envelope_id in ids if (one := accepted(connection, EnvelopeId(envelope_id))) is not None]


def rejections(connection: Connection, reference: str) -> list[EnvelopeRecord]:
    """What the trunk told about submissions of that ``DocumentId`` or document code that it rejected; newest first."""
    rows = connection.execute(
        sa.select(ENVELOPE)
        .where(sa.or_(ENVELOPE.c.document_id == reference, ENVELOPE.c.document_code == reference))
        .where(ENVELOPE.c.acknowledges == AckKind.REJECTED)
        .order_by(ENVELOPE.c.accepted_at.desc())
        .limit(FOUND)
    )
    return [envelope_of(row) for row in rows]


def _seen_by(agencies: Collection[AgencyCode] | None) -> sa.ColumnElement[bool]:
    if agencies is None:
        return sa.true()
    received = sa.select(DELIVERY.c.id).where(
        DELIVERY.c.envelope_id == ENVELOPE.c.id, DELIVERY.c.addressee.in_(agencies)
    )
    return sa.or_(ENVELOPE.c.sender.in_(agencies), received.exists())


def with_envelope(connection: Connection, delivery_id: DeliveryId) -> tuple[Delivery, EnvelopeRecord] | None:
    """A delivery and what it carries, without the octets."""
    row = connection.execute(_WITH_ENVELOPE, {"wanted": delivery_id}).one_or_none()
    if row is None:
        return None
    envelope, way = halves(row)
    return delivery_of(way), envelope_of(envelope)


def with_envelopes(
    connection: Connection, ids: Collection[DeliveryId]
) -> dict[DeliveryId, tuple[Delivery, EnvelopeRecord]]:
    """The same for many; unknown ones are left out."""
    rows = connection.execute(_WITH_ENVELOPES, {"wanted": sorted(ids)})
    found = (halves(row) for row in rows)
    return {DeliveryId(way.id): (delivery_of(way), envelope_of(envelope)) for envelope, way in found}


def octets(connection: Connection, digests: Collection[str]) -> dict[str, bytes]:
    """Those that the ledger itself holds, by digest."""
    return {row.sha256: row.octets for row in connection.execute(_OCTETS, {"wanted": sorted(digests)})}


def with_octets(
    connection: Connection, delivery_id: DeliveryId
) -> tuple[Delivery, EnvelopeRecord, Payload | None] | None:
    """The same with where its octets are; ``None`` for those if they were deleted."""
    row = connection.execute(_WITH_OCTETS, {"wanted": delivery_id}).one_or_none()
    if row is None:
        return None
    envelope, way = halves(row)
    sha256, size, octets = row[-3:]
    found = None if sha256 is None else Payload(sha256=sha256, size=size, octets=octets)
    return delivery_of(way), envelope_of(envelope), found


def delivery(connection: Connection, delivery_id: DeliveryId) -> Delivery | None:
    row = connection.execute(_DELIVERY_BY_ID, {"wanted": delivery_id}).one_or_none()
    return None if row is None else delivery_of(row)


def _one(connection: Connection, *conditions: sa.ColumnElement[bool]) -> EnvelopeRecord | None:
    row: Row[Any] | None = connection.execute(sa.select(ENVELOPE).where(*conditions)).first()
    return None if row is None else envelope_of(row)
