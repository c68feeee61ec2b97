"""T1: what enters the ledger, many at a time, each of them whole or not at all.

Whether a message is new is asked after the counter of places is locked (``positions``), and every entering
transaction locks it first: what another one has committed is seen, and none is under way. So two equal submissions,
in one group or in two processes, end as one envelope and one answer, without an error to recover from. The unique
constraint on the identity stands behind that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import DeliveryState, EnvelopeId
from trunk.domain.entry import (
    Acceptance,
    AcceptedEnvelope,
    AlreadyThere,
    Entered,
    Entry,
    EntryResult,
    KeyTaken,
)
from trunk.domain.tracking import JournalEvent
from trunk.storage import envelopes, evidence
from trunk.storage.bulk import Insert, Stored, insert_new, write_rows
from trunk.storage.columns import among
from trunk.storage.positions import Positions
from trunk.storage.rows import delivery_row, envelope_row, journal_row, outbox_row, payload_row, relation_row
from trunk.storage.tables import DELIVERY, ENVELOPE, IDEMPOTENCY, OUTBOX, PAYLOAD, RELATION

T = TypeVar("T")

ACCEPTED: Final = "accepted"
ACKNOWLEDGED: Final = "acknowledged"
TRUNK: Final = "trunk"

_KNOWN: Final = sa.select(ENVELOPE.c.identity).where(among(ENVELOPE.c.identity, "identities"))
_CLAIMED: Final = sa.select(IDEMPOTENCY).where(among(IDEMPOTENCY.c.system, "systems"), among(IDEMPOTENCY.c.key, "keys"))
"""Those that are asked for, and of two systems that use the other's keys a few more: SQLite finds pairs by no index."""


class Register:
    """The page of new entries of one transaction."""

    def __init__(self, connection: Connection, positions: Positions, lines: list[dict[str, Stored]]) -> None:
        self._connection = connection
        self._positions = positions
        self._lines = lines  #: of the journal, written when the transaction ends

    def accept(self, acceptances: Sequence[Acceptance]) -> list[EntryResult]:
        if not acceptances:
            return []
        self._positions.reserve(sum(_count(a.entry) + _count(a.acknowledgement) for a in acceptances))
        claimed = self._claim_keys(acceptances)
        entitled = [a for a in acceptances if claimed.get(_key(a), _identity(a)) == _identity(a)]
        first = {_identity(a): a for a in reversed(entitled)}
        known = self._known(first)
        fresh = [a for identity, a in first.items() if identity not in known]
        self._enter(fresh)
        told = {_identity(a): _told(a) for a in fresh}
        return [self._answer(a, claimed, first, told) for a in acceptances]

    def enter(self, entries: Sequence[Entry], *, event: str, actor: str) -> set[EnvelopeId]:
        """Those that are new; the ids of these."""
        self._positions.reserve(sum(map(_count, entries)))
        first = {entry.envelope.identity: entry for entry in reversed(entries)}
        known = self._known(first)
        fresh = [entry for identity, entry in first.items() if identity not in known]
        write_rows(self._connection, *self._written(fresh))
        self._enter_journal((entry, event, actor) for entry in fresh)
        return {entry.envelope.id for entry in fresh}

    def _answer(
        self,
        acceptance: Acceptance,
        claimed: dict[tuple[str, str] | None, str],
        first: dict[str, Acceptance],
        told: dict[str, AcceptedEnvelope],
    ) -> EntryResult:
        identity = _identity(acceptance)
        owner = claimed.get(_key(acceptance), identity)
        if owner != identity:
            return KeyTaken(_found(envelopes.id_by_identity(self._connection, owner)))
        if identity not in told:
            return AlreadyThere(_found(envelopes.accepted_as(self._connection, identity)))
        return Entered(told[identity]) if first[identity] is acceptance else AlreadyThere(told[identity])

    def _claim_keys(self, acceptances: Sequence[Acceptance]) -> dict[tuple[str, str] | None, str]:
        """Whose each idempotency key is, by identity; the first use of a key makes it so."""
        wanted = {key: _identity(a) for a in reversed(acceptances) if (key := _key(a))}
        if not wanted:
            return {}
        rows = [{"system": system, "key": key, "identity": of} for (system, key), of in wanted.items()]
        insert_new(self._connection, IDEMPOTENCY, rows)
        systems, keys = (list(set(part)) for part in zip(*wanted, strict=True))
        found = self._connection.execute(_CLAIMED, {"systems": systems, "keys": keys})
        return {(row.system, row.key): row.identity for row in found}

    def _known(self, identities: Iterable[str]) -> set[str]:
        """Those of the identities that are in the ledger."""
        return set(self._connection.execute(_KNOWN, {"identities": list(identities)}).scalars())

    def _enter(self, fresh: Sequence[Acceptance]) -> None:
        entries = [a.entry for a in fresh]
        acknowledgements = [a.acknowledgement for a in fresh]
        write_rows(
            self._connection,
            *self._written(entries + acknowledgements),
            evidence.written([item for a in fresh for item in a.evidence]),
            Insert(RELATION, [row for a in fresh for row in _relation_rows(a)]),
        )
        self._enter_journal(
            [(e, ACCEPTED, e.envelope.system or TRUNK) for e in entries]
            + [(e, ACKNOWLEDGED, TRUNK) for e in acknowledgements]
        )

    def _written(self, entries: Sequence[Entry]) -> tuple[Insert, ...]:
        deliveries: list[dict[str, Stored]] = []
        notices: list[dict[str, Stored]] = []
        for entry in entries:
            for ordinal, delivery in enumerate(entry.deliveries):
                place = self._positions.take()
                deliveries.append(delivery_row(delivery, entry.envelope, ordinal=ordinal, position=place))
                if delivery.state is DeliveryState.QUEUED:
                    notices.append(outbox_row(delivery, ready_at=delivery.due_at))
        return (
            Insert(ENVELOPE, [envelope_row(entry.envelope) for entry in entries]),
            Insert(PAYLOAD, [payload_row(entry.payload) for entry in entries], unless_there=True),
            Insert(DELIVERY, deliveries),
            Insert(OUTBOX, notices),
        )

    def _enter_journal(self, lines: Iterable[tuple[Entry, str, str]]) -> None:
        self._lines += [
            journal_row(
                JournalEvent(at=entry.envelope.accepted_at, event=event, actor=actor),
                envelope_id=entry.envelope.id,
            )
            for entry, event, actor in lines
        ]


def _relation_rows(acceptance: Acceptance) -> Iterator[dict[str, Stored]]:
    """A row for each key under which an earlier document may be known; one without, where there is no key."""
    envelope_id = acceptance.entry.envelope.id
    for ordinal, relation in enumerate(acceptance.relations):
        for place, key in enumerate(relation.spoken.keys or ("",)):
            yield relation_row(relation, envelope_id, ordinal=ordinal, place=place, key=key)


def _identity(acceptance: Acceptance) -> str:
    return acceptance.entry.envelope.identity


def _key(acceptance: Acceptance) -> tuple[str, str] | None:
    """The caller's own key, under the caller's name."""
    key = acceptance.idempotency_key
    return None if key is None else (acceptance.entry.envelope.system or "", key)


def _count(entry: Entry) -> int:
    return len(entry.deliveries)


def _told(acceptance: Acceptance) -> AcceptedEnvelope:
    return AcceptedEnvelope(
        envelope=acceptance.entry.envelope,
        deliveries=tuple(acceptance.entry.deliveries),
        acknowledgement=acceptance.acknowledgement.envelope,
        sealed=acceptance.acknowledgement.payload.octets or b"",
    )


def _found(found: T | None) -> T:
    if found is None:
        raise LookupError("the ledger holds an identity without the envelope or the acknowledgement that belong to it")
    return found
