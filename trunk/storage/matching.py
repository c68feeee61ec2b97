"""Which deliveries somebody speaks of: by DocumentId, or by agency, date and number under any of their spellings."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import AgencyCode, DeliveryState
from trunk.domain.entry import Carried, EnvelopeKind
from trunk.domain.relation import Spoken
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, envelope_of, halves
from trunk.storage.tables import DELIVERY, ENVELOPE

FOUND: Final = 1_000
"""How many deliveries one message speaks of at most; a circular to every agency has a few hundred."""
# Spelled out, not bound: the databases then know that the partial indexes apply.
_NOT_OURS: Final = sa.text("envelope.kind <> 'acknowledgement'")
_KEYED: Final = sa.text("document_key <> ''")

_IN_HAND: Final = sa.case(
    (DELIVERY.c.state == DeliveryState.DELIVERED, 0),
    (DELIVERY.c.state.in_([DeliveryState.RECEIVED, DeliveryState.REFUSED]), 1),
    (DELIVERY.c.fetched_at.is_not(None), 2),
    else_=3,
)


def carried(
    connection: Connection,
    spoken: Spoken,
    *,
    senders: Collection[AgencyCode],
    recipients: Collection[AgencyCode] | None = None,
) -> list[Carried]:
    """Deliveries of the documents that ``spoken`` may mean, from ``senders`` to ``recipients`` (None: to anybody).

    What the recipient has before what it has not: people speak of what they have in hand. Newest first otherwise.
    """
    names = [
        sa.select(ENVELOPE.c.id).where(column.in_(values), condition)
        for column, values, condition in (
            (ENVELOPE.c.document_id, [spoken.document_id] if spoken.document_id else [], _NOT_OURS),
            (ENVELOPE.c.document_key, list(spoken.keys), _KEYED),
        )
        if values
    ]
    if not names:
        return []
    found = (
        sa.select(ENVELOPE, *DELIVERY_COLUMNS)
        .join_from(DELIVERY, ENVELOPE, ENVELOPE.c.id == DELIVERY.c.envelope_id)
        .where(ENVELOPE.c.id.in_(sa.union(*names)))
        .where(ENVELOPE.c.kind == EnvelopeKind.DOCUMENT, ENVELOPE.c.sender.in_(senders))
        .order_by(_IN_HAND, DELIVERY.c.accepted_at.desc(), DELIVERY.c.id.desc())
        .limit(FOUND)
    )
    if recipients is not None:
        found = found.where(DELIVERY.c.addressee.in_(recipients))
    pairs = (halves(row) for row in connection.execute(found))
    return [Carried(envelope=envelope_of(envelope), delivery=delivery_of(delivery)) for envelope, delivery in pairs]
