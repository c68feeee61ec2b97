"""Steps written down: by compare-and-swap on the version, each with its line in the journal.

Whoever was faster has won; the caller learns which of its steps were written and works the others out anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.domain.delivery import Delivery, DeliveryEvent, DeliveryId, DeliveryState, Step, advance
from trunk.domain.entry import Entry
from trunk.domain.tracking import JournalEvent
from trunk.storage.bulk import Insert, Stored, Update, write_rows
from trunk.storage.columns import among, time_text
from trunk.storage.positions import Positions
from trunk.storage.rows import DELIVERY_COLUMNS, delivery_of, journal_row, outbox_row, step_values
from trunk.storage.tables import DELIVERY, OUTBOX

_WAITING: Final = sa.text("delivery.waiting")
_OFFERED_AGAIN: Final = frozenset({DeliveryEvent.REPLAY_ORDERED, DeliveryEvent.FELL_DUE})
_CHUNK: Final = 1_000
_HELD: Final = (
    sa.select(DELIVERY.c.id, DELIVERY.c.version, DELIVERY.c.fetched_at, DELIVERY.c.taken_at)
    .where(among(DELIVERY.c.id, "ids"))
    .order_by(DELIVERY.c.id)
    .with_for_update()
)
_FETCHED: Final = (
    sa.update(DELIVERY)
    .where(among(DELIVERY.c.id, "ids"), DELIVERY.c.fetched_at.is_(None), DELIVERY.c.state != DeliveryState.RECALLED)
    .values(fetched_at=sa.bindparam("at"))
    .returning(DELIVERY.c.id)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """A step with its cause, and the acknowledgement that it owes."""

    step: Step
    at: datetime
    actor: str
    reason: str = ""
    acknowledgement: Entry | None = None


class Movements:
    """The moves of one transaction."""

    def __init__(self, connection: Connection, positions: Positions, lines: list[dict[str, Stored]]) -> None:
        self._connection = connection
        self._positions = positions
        self._lines = lines  #: of the journal, written when the transaction ends

    def write(self, wanted: Sequence[Movement]) -> list[bool]:
        """Of each, whether it was written: of two that move one delivery the first is, if nobody was before them."""
        if not wanted:
            return []
        self._reserve_places(wanted)
        held = self._hold({one.step.before.id for one in wanted})
        answers, writable = [], []
        for one in wanted:
            row = held.get(one.step.before.id)
            free = row is not None and _stands_as_it_did(row, one.step)
            answers.append(free)
            if row is not None and free:
                writable.append((one, row))
                del held[row.id]
        written = [one for one, _ in writable]
        notices = [outbox_row(one.step.after, ready_at=one.at) for one in written if one.step.enqueue]
        write_rows(self._connection, *self._changes(writable), Insert(OUTBOX, notices))
        self._record(written)
        return answers

    def _reserve_places(self, wanted: Sequence[Movement]) -> None:
        """What is offered again enters the inbox anew, so that a reader who follows its cursor meets it again."""
        if again := sum(one.step.event in _OFFERED_AGAIN for one in wanted):
            self._positions.reserve(again)

    def _hold(self, ids: set[DeliveryId]) -> dict[str, Any]:
        """Lock the rows, in one order for everybody."""
        return {row.id: row for row in self._connection.execute(_HELD, {"ids": sorted(ids)})}

    def _changes(self, writable: Sequence[tuple[Movement, Any]]) -> list[Update]:
        alike: defaultdict[tuple[str, ...], list[dict[str, Stored]]] = defaultdict(list)
        for one, row in writable:
            values = step_values(one.step) | _stamps(one, row) | self._new_place(one.step)
            alike[tuple(values)].append(values)
        return [Update(DELIVERY, rows) for rows in alike.values()]

    def _new_place(self, step: Step) -> dict[str, Stored]:
        return {"position": self._positions.take()} if step.event in _OFFERED_AGAIN else {}

    def _record(self, written: Sequence[Movement]) -> None:
        self._lines += [
            journal_row(
                JournalEvent(
                    at=one.at,
                    event=one.step.event.value,
                    actor=one.actor,
                    state=one.step.after.state,
                    reason=one.reason,
                    delivery_id=one.step.after.id,
                ),
                envelope_id=one.step.after.envelope_id,
            )
            for one in written
        ]

    def fetched(self, ids: Collection[DeliveryId], *, at: datetime) -> set[DeliveryId]:
        """Note that the octets leave the house for the first time; without those that did before or are recalled."""
        noted = self._connection.execute(_FETCHED, {"ids": list(ids), "at": at})
        return set(noted.scalars())

    def requeue_dispatched(self, *, at: datetime, actor: str) -> int:
        count = 0
        while dispatched := self._dispatched():
            steps = [step for d in dispatched if (step := advance(d, DeliveryEvent.BROKER_FORGOT)) is not None]
            count += sum(self.write([Movement(step=step, at=at, actor=actor) for step in steps]))
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


def _stands_as_it_did(row: Any, step: Step) -> bool:
    """Whether nobody was faster. Fetching raises no version, and must not be overlooked by who holds mail back."""
    fetched = step.event is DeliveryEvent.HELD_BACK and row.fetched_at is not None
    return bool(row.version == step.before.version) and not fetched


def _stamps(one: Movement, row: Any) -> dict[str, Stored]:
    """The times of what recipients and administrators did; the first time that a recipient took it stays."""
    event, at = one.step.event, time_text(one.at)
    if event is DeliveryEvent.REPLAY_ORDERED:
        return {"replayed_at": at}
    if event not in {DeliveryEvent.HANDED_OVER, DeliveryEvent.RECEIPTED, DeliveryEvent.RETURNED}:
        return {}
    taken: dict[str, Stored] = {"taken_at": at if row.taken_at is None else time_text(row.taken_at)}
    return taken if event is DeliveryEvent.HANDED_OVER else taken | {"settled_at": at}
