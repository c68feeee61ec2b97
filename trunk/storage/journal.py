"""Reading the journal: whether every chain is whole, its heads, and lines by who, when and what."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from trunk.storage.chain import NAMED, NOTHING, OPENED, Head, link
from trunk.storage.columns import time_text
from trunk.storage.tables import COUNTER, JOURNAL, JOURNAL_HEAD

UNLINKED: Final = "journal_unlinked"
"""The counter that says which line was the last before lines were linked."""
_CHUNK: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is not as it was written."""

    what: str  #: edited, missing, inserted, reordered, truncated, unlinked, cut_off, rolled_back, rewritten
    node: str
    sequence: int
    id: int | None = None  #: of the line, where there is one


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the journal with its place."""

    id: int
    at: datetime
    node: str | None
    sequence: int | None
    envelope_id: str
    delivery_id: str | None
    event: str
    state: str | None
    actor: str
    reason: str


@dataclass(slots=True)
class Checked:
    """What a check has found."""

    lines: int = 0
    unlinked: int = 0  #: older than the chains
    chains: int = 0
    faults: list[Fault] = field(default_factory=list)


def heads(connection: Connection) -> list[Head]:
    rows = connection.execute(sa.select(JOURNAL_HEAD).order_by(JOURNAL_HEAD.c.node))
    return [Head(row.node, row.sequence, row.hash) for row in rows]


def count(connection: Connection) -> int:
    number: int = connection.execute(sa.select(sa.func.count()).select_from(JOURNAL)).scalar_one()
    return number


def lines(
    connection: Connection, *, since: datetime | None, actor: str, envelope_id: str, limit: int
) -> Sequence[Line]:
    """The newest lines that are asked for, the oldest of them first."""
    asked = sa.select(JOURNAL)
    if since is not None:
        asked = asked.where(JOURNAL.c.at >= since)
    if actor:
        asked = asked.where(JOURNAL.c.actor == actor)
    if envelope_id:
        asked = asked.where(JOURNAL.c.envelope_id == envelope_id)
    rows = connection.execute(asked.order_by(JOURNAL.c.id.desc()).limit(limit)).all()
    names = Line.__dataclass_fields__
    return [Line(**{name: getattr(row, name) for name in names}) for row in reversed(rows)]


def check(
    connection: Connection, *, against: Sequence[Head] = (), passed: Callable[[int], None] = lambda _: None
) -> Checked:
    """Follow every chain from its first line to its last. ``against``: heads that were kept elsewhere."""
    return _Checker(connection, against).run(passed)


@dataclass(slots=True)
class _Followed:
    """A chain as far as it has been read."""

    sequence: int = 0
    hash: str | None = None  #: None: not to be relied on
    gaps: set[int] = field(default_factory=set)


class _Checker:
    def __init__(self, connection: Connection, against: Sequence[Head]) -> None:
        self._connection = connection
        self._kept = {(head.node, head.sequence): head.hash for head in against}
        self._named = dict(self._openings())
        self._chains: dict[str, _Followed] = {}
        self._met: dict[tuple[str, int], str] = {}
        self._found = Checked()

    def run(self, passed: Callable[[int], None]) -> Checked:
        ended = self._connection.execute(sa.select(COUNTER.c.value).where(COUNTER.c.name == UNLINKED)).scalar()
        question = sa.select(JOURNAL).order_by(JOURNAL.c.id).execution_options(yield_per=_CHUNK)
        for part in self._connection.execute(question).partitions():
            for row in part:
                self._read(row, ended or 0)
            passed(len(part))
        self._compare_heads()
        self._compare_kept()
        self._found.chains = len(self._chains)
        return self._found

    def _openings(self) -> Iterator[tuple[tuple[str, int], str]]:
        naming = sa.select(JOURNAL.c.reason).where(JOURNAL.c.event.in_((OPENED, NAMED)))
        for reason in self._connection.execute(naming).scalars():
            node, sequence, digest = _spoken(reason)
            if node:
                yield (node, sequence), digest

    def _read(self, row: Any, ended: int) -> None:
        self._found.lines += 1
        if row.node is None:
            self._found.unlinked += 1
            if row.id > ended:
                self._tell("inserted", "", 0, row.id)
            return
        place = (row.node, row.sequence)
        if place in self._named or place in self._kept:
            self._met.setdefault(place, row.hash)
        chain = self._chains.setdefault(row.node, _Followed())
        if row.sequence <= chain.sequence:
            moved = row.sequence in chain.gaps
            chain.gaps.discard(row.sequence)
            self._tell("reordered" if moved else "inserted", row.node, row.sequence, row.id)
            return
        self._follow(chain, row)

    def _follow(self, chain: _Followed, row: Any) -> None:
        expected = chain.sequence + 1
        previous = chain.hash
        if row.sequence > expected:
            chain.gaps.update(range(expected, min(row.sequence, expected + _CHUNK)))
            self._tell("missing", row.node, expected, row.id)
            previous = None
        elif expected == 1:
            previous = self._before_first(row)
        if row.event == NAMED:
            self._require_named(row)
        if previous is not None and link(previous, row.node, row.sequence, _said(row)) != row.hash:
            self._tell("edited", row.node, row.sequence, row.id)
        chain.sequence, chain.hash = row.sequence, row.hash

    def _before_first(self, row: Any) -> str:
        """The hash that a chain's first line follows."""
        return self._require_named(row) if row.event == OPENED else NOTHING

    def _require_named(self, row: Any) -> str:
        """The hash of the line that this one names; it must be there, and be read before."""
        node, sequence, digest = _spoken(row.reason)
        if node and self._met.get((node, sequence)) != digest:
            self._tell("cut_off", node, sequence, row.id)
        return digest or NOTHING

    def _compare_heads(self) -> None:
        told = {head.node: head for head in heads(self._connection)}
        for node in sorted(told.keys() | self._chains.keys()):
            head, chain = told.get(node), self._chains.get(node, _Followed())
            if head is None:
                self._tell("inserted", node, 1)
            elif head.sequence > chain.sequence:
                self._tell("truncated", node, chain.sequence + 1)
            elif (head.sequence, head.hash) != (chain.sequence, chain.hash):
                self._tell("inserted", node, chain.sequence)

    def _compare_kept(self) -> None:
        for (node, sequence), digest in self._kept.items():
            met = self._met.get((node, sequence))
            if met != digest:
                self._tell("rolled_back" if met is None else "rewritten", node, sequence)

    def _tell(self, what: str, node: str, sequence: int, line: int | None = None) -> None:
        self._found.faults.append(Fault(what=what, node=node, sequence=sequence, id=line))


def _said(row: Any) -> dict[str, Any]:
    state = None if row.state is None else row.state.value
    return {**row._mapping, "at": time_text(row.at), "state": state}  # noqa: SLF001 - SQLAlchemy's public name


def _spoken(reason: str) -> tuple[str, int, str]:
    """The line that an opening line names."""
    parts = reason.split(" ")
    if len(parts) != 3 or not parts[1].isdecimal():
        return "", 0, ""
    return parts[0], int(parts[1]), parts[2]
