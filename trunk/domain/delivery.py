"""The life of one delivery: one envelope on its way to one agency.

Everything that decides what a delivery may become is in this file: nothing else assigns a state. ``advance``
works a transition out; the ledger writes it down by compare-and-swap. Three ideas keep the table small:

* evidence outranks bookkeeping: an agency that says it has the envelope is believed from every unfinished state;
* late is not wrong: ``OVERTAKEN`` names the repetitions that at-least-once hops make normal;
* a replay is an event like any other.

A recall meets a delivery in one of two ways. Nobody has fetched it: it is held back at once. Somebody has: the agency
is asked (``trunk.domain.change_request``), and gives it back or does not.
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
    """Where a delivery is. The first three wait for the agency's system here, the fourth beyond another hub."""

    QUEUED = "queued"  #: committed; the broker does not know of it yet
    DISPATCHED = "dispatched"  #: the broker has confirmed the notice
    DEFERRED = "deferred"  #: an attempt failed; due again later
    RELAYED = "relayed"  #: another hub has taken responsibility for it; what becomes of it, that hub tells
    DELIVERED = "delivered"  #: the agency's system has it whole, and has said so with the digest
    RECEIVED = "received"  #: the agency's people took it in (statuses 03 to 06)
    REFUSED = "refused"  #: the agency's people turned it down (status 02)
    EXPIRED = "expired"  #: nobody took it in its lifetime, or another hub gave it up; the sender was told
    RECALLED = "recalled"  #: held back before anybody fetched it, or given back by the agency


class DeliveryEvent(StrEnum):
    """What may happen to a delivery."""

    PUBLISHED = "published"
    ATTEMPT_FAILED = "attempt_failed"
    FELL_DUE = "fell_due"
    RELAYED = "relayed"
    HANDED_OVER = "handed_over"
    RECEIPTED = "receipted"
    RETURNED = "returned"
    LIFETIME_ENDED = "lifetime_ended"
    GIVEN_UP = "given_up"  #: another hub refused it or could not deliver it
    HELD_BACK = "held_back"  #: recalled, and nobody had fetched it
    GIVEN_BACK = "given_back"  #: the agency agreed to a recall (status 15)
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
    RECALLED = "recalled"


S, E = DeliveryState, DeliveryEvent

# What an agency tells us outranks what we believed: whoever signed for a
# document has it, whether or not our own books had got that far.
_EVIDENCE: Final = {E.HANDED_OVER: S.DELIVERED, E.RECEIPTED: S.RECEIVED, E.RETURNED: S.REFUSED}

# What may end a delivery that nobody has yet.
_UNFINISHED: Final = {
    **_EVIDENCE,
    E.RELAYED: S.RELAYED,
    E.LIFETIME_ENDED: S.EXPIRED,
    E.GIVEN_UP: S.EXPIRED,
    E.HELD_BACK: S.RECALLED,
    E.GIVEN_BACK: S.RECALLED,
}

TRANSITIONS: Final[Mapping[DeliveryState, Mapping[DeliveryEvent, DeliveryState]]] = MappingProxyType(
    {
        S.QUEUED: {**_UNFINISHED, E.PUBLISHED: S.DISPATCHED, E.ATTEMPT_FAILED: S.DEFERRED},
        S.DISPATCHED: {
            **_UNFINISHED,
            E.ATTEMPT_FAILED: S.DEFERRED,
            E.BROKER_FORGOT: S.QUEUED,
            E.REPLAY_ORDERED: S.QUEUED,
        },
        S.DEFERRED: {**_UNFINISHED, E.FELL_DUE: S.QUEUED, E.REPLAY_ORDERED: S.QUEUED},
        S.RELAYED: {
            **_EVIDENCE,
            E.LIFETIME_ENDED: S.EXPIRED,
            E.GIVEN_UP: S.EXPIRED,
            E.GIVEN_BACK: S.RECALLED,
            E.REPLAY_ORDERED: S.QUEUED,
        },
        S.DELIVERED: {
            E.RECEIPTED: S.RECEIVED,
            E.RETURNED: S.REFUSED,
            E.GIVEN_BACK: S.RECALLED,
            E.REPLAY_ORDERED: S.QUEUED,
        },
        S.EXPIRED: {
            **_EVIDENCE,
            E.HELD_BACK: S.RECALLED,
            E.GIVEN_BACK: S.RECALLED,
            E.REPLAY_ORDERED: S.QUEUED,
        },
        S.RECEIVED: {E.GIVEN_BACK: S.RECALLED},
        S.REFUSED: {},
        S.RECALLED: {},
    }
)

# Events that may truthfully arrive late or twice, because every hop is at least once.
_BOOKKEEPING: Final = frozenset(
    {E.PUBLISHED, E.ATTEMPT_FAILED, E.FELL_DUE, E.RELAYED, E.LIFETIME_ENDED, E.GIVEN_UP, E.BROKER_FORGOT}
)
OVERTAKEN: Final[Mapping[DeliveryState, frozenset[DeliveryEvent]]] = MappingProxyType(
    {
        S.QUEUED: frozenset({E.FELL_DUE, E.BROKER_FORGOT}),
        S.DISPATCHED: frozenset({E.PUBLISHED, E.FELL_DUE}),
        S.DEFERRED: frozenset({E.PUBLISHED, E.ATTEMPT_FAILED, E.BROKER_FORGOT}),
        S.RELAYED: frozenset({E.PUBLISHED, E.ATTEMPT_FAILED, E.FELL_DUE, E.RELAYED, E.BROKER_FORGOT}),
        S.DELIVERED: _BOOKKEEPING | {E.HANDED_OVER},
        S.RECEIVED: _BOOKKEEPING | {E.HANDED_OVER, E.RECEIPTED},
        S.REFUSED: _BOOKKEEPING | {E.HANDED_OVER, E.RETURNED},
        S.EXPIRED: _BOOKKEEPING,
        S.RECALLED: _BOOKKEEPING | {E.HANDED_OVER, E.HELD_BACK, E.GIVEN_BACK},
    }
)

ACKNOWLEDGED_AS: Final[Mapping[DeliveryState, AckKind]] = MappingProxyType(
    {
        S.DELIVERED: AckKind.DELIVERED,
        S.RECEIVED: AckKind.RECEIVED,
        S.REFUSED: AckKind.REFUSED,
        S.EXPIRED: AckKind.UNDELIVERABLE,
        S.RECALLED: AckKind.RECALLED,
    }
)

WAITING: Final = frozenset({S.QUEUED, S.DISPATCHED, S.DEFERRED})
"""States in which the envelope stands in the agency's inbox."""

UNFINISHED: Final = WAITING | {S.RELAYED}
"""States in which nobody is known to have it yet, and a lifetime runs."""

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
    fetched_at: datetime | None = None  #: when its octets first left the house; a fact, which moves no state
    replayed_at: datetime | None = None  #: an administrator last put it back; other repetitions are the road's
    restored_at: datetime | None = None  #: it came back with a backup that knows of no fetch: it may have left since

    @property
    def may_have_left(self) -> bool:
        """Whether somebody may have its octets: it was fetched, or nobody can know since a backup was restored."""
        return self.fetched_at is not None or self.restored_at is not None

    @property
    def held_back(self) -> bool:
        """Whether it was recalled before anybody is known to have fetched it, and so never leaves from here."""
        return self.state is DeliveryState.RECALLED and self.fetched_at is None


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
