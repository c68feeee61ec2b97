"""Steps written down: by compare-and-swap on the version, each with its line in the journal.

Whoever was faster has won; the caller learns which of its steps were written and works the others out anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import WAITING, Delivery, DeliveryEvent, DeliveryId, DeliveryState, Step, advance
from trunk.domain.tracking import JournalEvent
from trunk.storage.bulk import Stored, insert_many
from trunk.storage.columns import UtcTime
from trunk.storage.positions import Positions
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, journal_row, outbox_row, step_values
from trunk.storage.tables import DELIVERY, OUTBOX

_WAITING: Final = sa.text("delivery.waiting")
_OFFERED_AGAIN: Final = frozenset({DeliveryEvent.REPLAY_ORDERED, DeliveryEvent.FELL_DUE})
_CHUNK: Final = 1_000


class Movements:
    """The moves of one transaction."""

    def __init__(self, connection: Connection, positions: Positions, lines: list[dict[str, Stored]]) -> None:
        self._connection = connection
        self._positions = positions
        self._lines = lines  #: of the journal, written when the transaction ends

    def write(self, step: Step, *, at: datetime, actor: str, reason: str = "") -> bool:
        values = step_values(step) | _stamps(step, at) | self._new_places([step]).get(step.after.id, {})
        unchanged = [DELIVERY.c.id == step.before.id, DELIVERY.c.version == step.before.version]
        if step.event is DeliveryEvent.HELD_BACK:  # fetching raises no version, and must not be overlooked
            unchanged.append(DELIVERY.c.fetched_at.is_(None))
        written = self._connection.execute(sa.update(DELIVERY).where(*unchanged).values(values))
        if written.rowcount != 1:
            return False
        self._record([step], at=at, actor=actor, reason=reason)
        return True

    def write_all(self, steps: Sequence[Step], *, at: datetime, actor: str) -> set[DeliveryId]:
        places = self._new_places(steps)
        held = self._hold({step.before.id for step in steps})
        writable: dict[DeliveryId, Step] = {}
        for step in steps:
            if held.get(step.before.id) == step.before.version:
                writable.setdefault(step.before.id, step)
        self._update(list(writable.values()), places)
        self._record(list(writable.values()), at=at, actor=actor, reason="")
        return set(writable)

    def _new_places(self, steps: Sequence[Step]) -> dict[DeliveryId, dict[str, int]]:
        """What is offered again enters the inbox anew, so that a reader who follows its cursor meets it again."""
        replays = [step.after.id for step in steps if step.event in _OFFERED_AGAIN]
        if replays:
            self._positions.reserve(len(replays))
        return {replay: {"position": self._positions.take()} for replay in replays}

    def _hold(self, ids: set[DeliveryId]) -> dict[str, int]:
        """Lock the rows, in one order for everybody, and say which version each of them has."""
        rows = self._connection.execute(
            sa.select(DELIVERY.c.id, DELIVERY.c.version)
            .where(DELIVERY.c.id.in_(ids))
            .order_by(DELIVERY.c.id)
            .with_for_update()
        )
        return {row.id: row.version for row in rows}

    def _update(self, steps: Sequence[Step], places: dict[DeliveryId, dict[str, int]]) -> None:
        plain: defaultdict[DeliveryState, list[DeliveryId]] = defaultdict(list)
        others: defaultdict[bool, list[dict[str, Any]]] = defaultdict(list)
        for step in steps:
            place = places.get(step.after.id, {})
            if not place and _moves_only(step.before, step.after):
                plain[step.after.state].append(step.after.id)
            else:
                others[bool(place)].append(step_values(step) | place | {"moved": step.after.id})
        for state, ids in plain.items():
            self._move(state, ids)
        for rows in others.values():
            self._connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id == sa.bindparam("moved")), rows)

    def _move(self, state: DeliveryState, ids: Sequence[DeliveryId]) -> None:
        """One statement for all that change their state and nothing else: most of a window does."""
        values = {"state": state, "version": DELIVERY.c.version + 1, "waiting": state in WAITING, "retry_at": None}
        self._connection.execute(sa.update(DELIVERY).where(DELIVERY.c.id.in_(ids)).values(values))

    def _record(self, steps: Sequence[Step], *, at: datetime, actor: str, reason: str) -> None:
        self._lines += [
            journal_row(
                JournalEvent(
                    at=at,
                    event=step.event.value,
                    actor=actor,
                    state=step.after.state,
                    reason=reason,
                    delivery_id=step.after.id,
                ),
                envelope_id=step.after.envelope_id,
            )
            for step in steps
        ]
        notices = [outbox_row(step.after, ready_at=at) for step in steps if step.enqueue]
        insert_many(self._connection, OUTBOX, notices)

    def fetched(self, delivery_id: DeliveryId, *, at: datetime) -> bool:
        """Note that the octets leave the house for the first time; ``False`` if they did before, or are recalled."""
        noted = self._connection.execute(
            sa.update(DELIVERY)
            .where(DELIVERY.c.id == delivery_id, DELIVERY.c.fetched_at.is_(None))
            .where(DELIVERY.c.state != DeliveryState.RECALLED)
            .values(fetched_at=at)
        )
        return noted.rowcount == 1

    def requeue_dispatched(self, *, at: datetime, actor: str) -> int:
        count = 0
        while dispatched := self._dispatched():
            steps = [step for d in dispatched if (step := advance(d, DeliveryEvent.BROKER_FORGOT)) is not None]
            count += len(self.write_all(steps, at=at, actor=actor))
        return count

    def _dispatched(self) -> list[Delivery]:
        rows = self._connection.execute(
            sa.select(*DELIVERY_COLUMNS)
            .where(_WAITING, DELIVERY.c.state == DeliveryState.DISPATCHED)
            .limit(_CHUNK)
            .with_for_update()
        )
        return [delivery_of(row) for row in rows]

    def fallen_due(self, now: datetime, limit: int, *, ahead: datetime | None = None) -> list[Delivery]:
        clock = DELIVERY.c.retry_at
        due = self._select(clock, now, limit, sa.text("retry_at IS NOT NULL"))
        return due or ([] if ahead is None else self._locked(clock > ahead, clock, limit))

    def outlived(self, now: datetime, limit: int) -> list[Delivery]:
        waiting = self._select(DELIVERY.c.expires_at, now, limit, _WAITING)
        return waiting or self._select(DELIVERY.c.expires_at, now, limit, sa.text("state = 'relayed'"))

    def _select(
        self, clock: sa.Column[datetime], now: datetime, limit: int, condition: sa.TextClause
    ) -> list[Delivery]:
        return self._locked(sa.and_(clock <= now, condition), clock, limit)

    def _locked(self, condition: sa.ColumnElement[bool], clock: sa.Column[datetime], limit: int) -> list[Delivery]:
        rows = self._connection.execute(
            sa.select(*DELIVERY_COLUMNS).where(condition).order_by(clock).limit(limit).with_for_update(skip_locked=True)
        )
        return [delivery_of(row) for row in rows]


def _stamps(step: Step, at: datetime) -> dict[str, Any]:
    """The times of what recipients and administrators did, of steps that one statement each writes."""
    if step.event is DeliveryEvent.REPLAY_ORDERED:
        return {"replayed_at": at}
    if step.event not in {DeliveryEvent.HANDED_OVER, DeliveryEvent.RECEIPTED, DeliveryEvent.RETURNED}:
        return {}
    first = {"taken_at": sa.func.coalesce(DELIVERY.c.taken_at, sa.bindparam("now", at, UtcTime))}
    return first if step.event is DeliveryEvent.HANDED_OVER else first | {"settled_at": at}


def _moves_only(before: Delivery, after: Delivery) -> bool:
    """Whether a step changes nothing of the row that differs from one delivery to the next."""
    unchanged = (before.attempts, before.due_at, before.expires_at)
    return after.version == before.version + 1 and (after.attempts, after.due_at, after.expires_at) == unchanged
