"""Recalls and updates that recipients are asked to agree to, written down and answered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import DeliveryId, EnvelopeId
from trunk.storage.bulk import insert_many
from trunk.storage.columns import time_text
from trunk.storage.tables import CHANGE_REQUEST


def enter(connection: Connection, requests: Collection[ChangeRequest]) -> None:
    insert_many(
        connection,
        CHANGE_REQUEST,
        [
            {
                "id": one.id,
                "kind": one.kind.value,
                "state": one.state.value,
                "delivery_id": one.delivery_id,
                "envelope_id": one.envelope_id,
                "asked_by": one.asked_by,
                "asked_at": time_text(one.asked_at),
                "reason": one.reason,
                "answered_at": None if one.answered_at is None else time_text(one.answered_at),
                "answered_by": one.answered_by,
            }
            for one in requests
        ],
    )


def answer(connection: Connection, request_id: str, state: RequestState, *, by: EnvelopeId, at: datetime) -> bool:
    """Close an open request; False if somebody has closed it before."""
    closed = connection.execute(
        sa.update(CHANGE_REQUEST)
        .where(CHANGE_REQUEST.c.id == request_id, CHANGE_REQUEST.c.state == RequestState.OPEN)
        .values(state=state, answered_at=at, answered_by=by)
    )
    return closed.rowcount == 1


def hold_back(connection: Connection, delivery_id: DeliveryId, *, at: datetime) -> None:
    """Close the open recalls of a delivery that another hub could still keep from its agency: nobody answers them."""
    connection.execute(
        sa.update(CHANGE_REQUEST)
        .where(CHANGE_REQUEST.c.delivery_id == delivery_id, CHANGE_REQUEST.c.state == RequestState.OPEN)
        .where(CHANGE_REQUEST.c.kind == RequestKind.RECALL)
        .values(state=RequestState.HELD_BACK, answered_at=at)
    )
