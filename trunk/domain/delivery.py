"""The life of one delivery: one envelope on its way to one agency.

Everything that decides what a delivery may become is in this file: nothing else assigns a state. ``advance``
works a transition out; the ledger writes it down by compare-and-swap. Three ideas keep the table small:

* evidence outranks bookkeeping: an agency that says it has the envelope is believed from every unfinished state;
* late is not wrong: ``OVERTAKEN`` names the repetitions that at-least-once hops make normal;
* a replay is an event like any other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType

AgencyCode = NewType("AgencyCode", str)
"""The code under which the directory keeps an agency, e.g. ``H41.01`` (edXML: ``OrganId``)."""
DeliveryId = NewType("DeliveryId", str)
EnvelopeId = NewType("EnvelopeId", str)


class DeliveryState(StrEnum):
    """Where a delivery is. The first three are unfinished: the envelope waits for its agency."""

    QUEUED = "queued"  #: committed; the broker does not know of it yet
    DISPATCHED = "dispatched"  #: the broker has confirmed the notice
    DEFERRED = "deferred"  #: an attempt failed; due again later
    DELIVERED = "delivered"  #: the agency's system has it whole, and has said so with the digest
    RECEIVED = "received"  #: the agency's people took it in (statuses 03 to 06)
    REFUSED = "refused"  #: the agency's people turned it down (status 02)
    EXPIRED = "expired"  #: nobody took it in its lifetime; the sender was told


class DeliveryEvent(StrEnum):
    """What may happen to a delivery."""

    PUBLISHED = "published"
    ATTEMPT_FAILED = "attempt_failed"
    FELL_DUE = "fell_due"
    HANDED_OVER = "handed_over"
    RECEIPTED = "receipted"
    RETURNED = "returned"
    LIFETIME_ENDED = "lifetime_ended"
    BROKER_FORGOT = "broker_forgot"
    REPLAY_ORDERED = "replay_ordered"


class AckKind(StrEnum):
    """The facts the trunk states under its own seal (``trunk.domain.acknowledgement``)."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DELIVERED = "delivered"
    RECEIVED = "received"
    REFUSED = "refused"
    UNDELIVERABLE = "undeliverable"


S, E = DeliveryState, DeliveryEvent

# What an agency tells us outranks what we believed: whoever signed for a
# document has it, whether or not our own books had got that far.
_EVIDENCE: Final = {E.HANDED_OVER: S.DELIVERED, E.RECEIPTED: S.RECEIVED, E.RETURNED: S.REFUSED}

TRANSITIONS: Final[Mapping[DeliveryState, Mapping[DeliveryEvent, DeliveryState]]] = MappingProxyType(
    {
        S.QUEUED: {
            **_EVIDENCE,
            E.PUBLISHED: S.DISPATCHED,
            E.ATTEMPT_FAILED: S.DEFERRED,
            E.LIFETIME_ENDED: S.EXPIRED,
        },
        S.DISPATCHED: {
            **_EVIDENCE,
            E.ATTEMPT_FAILED: S.DEFERRED,
            E.BROKER_FORGOT: S.QUEUED,
            E.REPLAY_ORDERED: S.QUEUED,
            E.LIFETIME_ENDED: S.EXPIRED,
        },
        S.DEFERRED: {
            **_EVIDENCE,
            E.FELL_DUE: S.QUEUED,
            E.REPLAY_ORDERED: S.QUEUED,
            E.LIFETIME_ENDED: S.EXPIRED,
        },
        S.DELIVERED: {E.RECEIPTED: S.RECEIVED, E.RETURNED: S.REFUSED, E.REPLAY_ORDERED: S.QUEUED},
        S.EXPIRED: {**_EVIDENCE, E.REPLAY_ORDERED: S.QUEUED},
        S.RECEIVED: {},
        S.REFUSED: {},
    }
)

# Events that may truthfully arrive late or twice, because every hop is at least once.
_BOOKKEEPING: Final = frozenset({E.PUBLISHED, E.ATTEMPT_FAILED, E.FELL_DUE, E.LIFETIME_ENDED, E.BROKER_FORGOT})
OVERTAKEN: Final[Mapping[DeliveryState, frozenset[DeliveryEvent]]] = MappingProxyType(
    {
        S.QUEUED: frozenset({E.FELL_DUE, E.BROKER_FORGOT}),
        S.DISPATCHED: frozenset({E.PUBLISHED, E.FELL_DUE}),
        S.DEFERRED: frozenset({E.PUBLISHED, E.ATTEMPT_FAILED, E.BROKER_FORGOT}),
        S.DELIVERED: _BOOKKEEPING | {E.HANDED_OVER},
        S.RECEIVED: _BOOKKEEPING | {E.HANDED_OVER, E.RECEIPTED},
        S.REFUSED: _BOOKKEEPING | {E.HANDED_OVER, E.RETURNED},
        S.EXPIRED: _BOOKKEEPING,
    }
)

ACKNOWLEDGED_AS: Final[Mapping[DeliveryState, AckKind]] = MappingProxyType(
    {
        S.DELIVERED: AckKind.DELIVERED,
        S.RECEIVED: AckKind.RECEIVED,
        S.REFUSED: AckKind.REFUSED,
        S.EXPIRED: AckKind.UNDELIVERABLE,
    }
)

WAITING: Final = frozenset({S.QUEUED, S.DISPATCHED, S.DEFERRED})
"""States in which the envelope stands in the agency's inbox."""

FINAL: Final = frozenset(state for state, moves in TRANSITIONS.items() if not moves)
"""States that nothing leaves."""


class IllegalTransitionError(Exception):
    """The table has no such move: somebody asked for what cannot be true."""

    def __init__(self, state: DeliveryState, event: DeliveryEvent) -> None:
        super().__init__(f"a delivery that is {state} cannot be {event}")
        self.state, self.event = state, event


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One envelope on its way to one agency."""

    id: DeliveryId
    envelope_id: EnvelopeId
    addressee: AgencyCode
    urgency: int = 0  #: edXML Priority, 0 (thường) to 4 (hỏa tốc hẹn giờ)
    state: DeliveryState = DeliveryState.QUEUED
    version: int = 0  #: raised by every step; message id is ``{id}.{version}``
    attempts: int = 0  #: failed ones since the last (re)queueing by a person
    due_at: datetime  #: when the next attempt is due
    expires_at: datetime  #: when the trunk gives up and tells the sender


@dataclass(frozen=True, slots=True)
class Step:
    """A transition, worked out and not yet written down."""

    before: Delivery
    after: Delivery
    event: DeliveryEvent
    acknowledge: AckKind | None  #: what the sender is now owed
    enqueue: bool  #: whether the notice must be published (again)


def advance(
    delivery: Delivery,
    event: DeliveryEvent,
    *,
    due_at: datetime | None = None,
    expires_at: datetime | None = None,
) -> Step | None:
    """Work out one transition; ``None`` if the delivery is already past it.

    Raises ``IllegalTransitionError`` for a move that the table does not know.
    """
    if event in OVERTAKEN[delivery.state]:
        return None
    try:
        state = TRANSITIONS[delivery.state][event]
    except KeyError:
        raise IllegalTransitionError(delivery.state, event) from None
    after = dataclasses.replace(
        delivery,
        state=state,
        version=delivery.version + 1,
        attempts=_attempts_after(delivery, event),
        due_at=due_at or delivery.due_at,
        expires_at=expires_at or delivery.expires_at,
    )
    return Step(delivery, after, event, ACKNOWLEDGED_AS.get(state), state is DeliveryState.QUEUED)


def _attempts_after(delivery: Delivery, event: DeliveryEvent) -> int:
    if event is DeliveryEvent.REPLAY_ORDERED:
        return 0  # a person has mended something: the schedule starts afresh
    return delivery.attempts + (event is DeliveryEvent.ATTEMPT_FAILED)
