"""The journal's chains: each line bound to the one before it by SHA-256, a chain for each running process.

A transaction collects its lines and writes them last, under the process's own lock: whoever holds it waits for no
row any more, so processes never wait for each other, and nobody can deadlock. The lock is held until the commit has
returned. Where that failed, nobody knows what the ledger shows: the chain ends there and a new one begins, whose first
line names the newest line that can be seen.

A chain that vanishes whole, head and all, is missed only where another one names it: so a running trunk names the heads
of the others in its own chain now and then (``beside``).
"""

from __future__ import annotations

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.errors import LedgerUnavailableError
from trunk.storage.bulk import Insert, Stored, Update, insert_new, write_rows
from trunk.storage.columns import time_text
from trunk.storage.tables import JOURNAL, JOURNAL_HEAD, JOURNAL_NAMED

OPENED: Final = "chain_opened"
NAMED: Final = "chain_named"
NOTHING: Final = "0" * 64
"""What the very first line of a ledger follows."""
_LINE: Final = ("at", "envelope_id", "delivery_id", "event", "state", "actor", "reason")
_WAIT_SECONDS: Final = 10
_NAMED_AGAIN: Final = timedelta(minutes=10)
"""A chain that goes on is named so often; one that nobody has named yet, at once."""
_MOST_NAMED: Final = 500
_NEWEST: Final = (
    sa.select(JOURNAL.c.node, JOURNAL.c.sequence, JOURNAL.c.hash)
    .where(JOURNAL.c.node.is_not(None))
    .order_by(JOURNAL.c.id.desc())
    .limit(1)
)


def link(previous: str, node: str, sequence: int, line: Mapping[str, Stored]) -> str:
    """The hash of a line: over the hash before it and everything it says."""
    said = [previous, node, sequence, *(line[name] for name in _LINE)]
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """The last line of a chain."""

    node: str
    sequence: int
    hash: str


class Chain:
    """One process's chain. ``name`` is the node's in the settings; what follows it tells one start from another."""

    def __init__(self, name: str = "trunk", *, chance: Callable[[int], str] = secrets.token_hex) -> None:
        self._name = name
        self._chance = chance
        self._lock = threading.Lock()
        self._head: Head | None = None

    @contextmanager
    def written(self, connection: Connection, lines: Sequence[Mapping[str, Stored]]) -> Iterator[None]:
        """``lines`` at the end of the chain; to be left only when the transaction has ended."""
        if not lines:
            yield
            return
        if not self._lock.acquire(timeout=_WAIT_SECONDS):
            raise LedgerUnavailableError("another writer of this process holds the journal")
        before, self._head = self._head, None  # unknown until the commit has returned
        try:
            after = self._append(connection, before, lines)
            yield
            self._head = after
        finally:
            self._lock.release()

    def beside(self, connection: Connection, *, at: datetime) -> list[dict[str, Stored]]:
        """Lines that name the heads of other chains; to be written in this transaction."""
        head = self._head
        known = sa.or_(
            JOURNAL_NAMED.c.node.is_(None),
            sa.and_(
                JOURNAL_NAMED.c.sequence < JOURNAL_HEAD.c.sequence,
                sa.or_(JOURNAL_NAMED.c.at <= at - _NAMED_AGAIN, JOURNAL_NAMED.c.at > at),
            ),
        )
        found = connection.execute(
            sa.select(JOURNAL_HEAD)
            .outerjoin(JOURNAL_NAMED, JOURNAL_NAMED.c.node == JOURNAL_HEAD.c.node)
            .where(known, JOURNAL_HEAD.c.node != ("" if head is None else head.node))
            .order_by(JOURNAL_HEAD.c.node)
            .limit(_MOST_NAMED)
        ).all()
        named = [row.node for row in found]
        connection.execute(sa.delete(JOURNAL_NAMED).where(JOURNAL_NAMED.c.node.in_(named)))
        marks: list[dict[str, Stored]] = [{"node": r.node, "sequence": r.sequence, "at": time_text(at)} for r in found]
        insert_new(connection, JOURNAL_NAMED, marks)
        return [self._naming(NAMED, row, time_text(at)) for row in found]

    def _naming(self, event: str, head: Any, at: Stored) -> dict[str, Stored]:
        """A line about another chain's line, or about none."""
        return {
            "at": at,
            "envelope_id": "",
            "delivery_id": None,
            "event": event,
            "state": None,
            "actor": self._name,
            "reason": "" if head is None else f"{head.node} {head.sequence} {head.hash}",
        }

    def _append(self, connection: Connection, before: Head | None, lines: Sequence[Mapping[str, Stored]]) -> Head:
        rows: list[dict[str, Stored]] = []
        head = before or self._open(connection, lines[0], rows)
        for line in lines:
            head = Head(head.node, head.sequence + 1, link(head.hash, head.node, head.sequence + 1, line))
            rows.append({**line, "node": head.node, "sequence": head.sequence, "hash": head.hash})
        last: list[dict[str, Stored]] = [{"node": head.node, "sequence": head.sequence, "hash": head.hash}]
        at_head = Insert(JOURNAL_HEAD, last) if before is None else Update(JOURNAL_HEAD, last, key="node")
        write_rows(connection, Insert(JOURNAL, rows), at_head)
        return head

    def _open(self, connection: Connection, first: Mapping[str, Stored], rows: list[dict[str, Stored]]) -> Head:
        newest = connection.execute(_NEWEST).one_or_none()
        node = f"{self._name}.{self._chance(5)}"
        line = self._naming(OPENED, newest, first["at"])
        head = Head(node, 1, link(NOTHING if newest is None else newest.hash, node, 1, line))
        rows.append({**line, "node": node, "sequence": 1, "hash": head.hash})
        return head
