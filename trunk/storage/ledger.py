"""The ledger: what the trunk has promised, and to whom. The only truth; brokers are roads in front of it.

``begin`` is one transaction for writing, ``read`` one for reading. What the database cannot do at the moment leaves
both as ``LedgerUnavailableError``; inside them there is no network, no cryptography and no parsing.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Engine

from trunk.domain.operator import Operator
from trunk.storage import snapshot
from trunk.storage.book import Book
from trunk.storage.chain import Chain
from trunk.storage.engine import for_glances, for_reading, require_transaction, writers_turn
from trunk.storage.faults import told_as_ours
from trunk.storage.outbox import OutboxEntry
from trunk.storage.snapshot import Snapshot
from trunk.storage.tables import COUNTER
from trunk.storage.views import View

__all__ = ["Book", "Ledger", "OutboxEntry", "View"]


class Ledger:
    """One ledger, SQLite or PostgreSQL; the engine knows which."""

    def __init__(self, engine: Engine, *, chain: Chain | None = None, operator: Operator | None = None) -> None:
        self._engine = engine
        self._reads, self._glances = for_reading(engine), for_glances(engine)
        self._turn = writers_turn(engine)
        self._chain = chain or Chain()
        self._operator = operator

    def acting(self, operator: Operator) -> Ledger:
        """The same ledger, changed by ``operator``."""
        same = copy.copy(self)
        same._operator = operator  # noqa: SLF001 - one of us
        return same

    @contextmanager
    def begin(self) -> Iterator[Book]:
        """One write transaction, committed on leaving; any exception undoes it whole."""
        with told_as_ours(), self._turn, ExitStack() as committed, self._engine.begin() as connection:
            book = Book(connection, self._operator)
            yield book
            committed.enter_context(self._chain.written(connection, book.lines))
            require_transaction(connection)

    def name_chains(self, *, at: datetime) -> int:
        """Name the heads of other processes' chains in our own, so that none can vanish unnoticed; how many."""
        with self.begin() as book:
            return book.name_chains(self._chain, at=at)

    @contextmanager
    def read(self) -> Iterator[View]:
        """One read transaction. It is ended by COMMIT: at a ROLLBACK psycopg forgets whatever it has prepared."""
        with told_as_ours(), self._reads.connect() as connection:
            yield View(connection)
            connection.commit()

    @contextmanager
    def glance(self) -> Iterator[View]:
        """For questions that need not agree with each other: no transaction around them."""
        with told_as_ours(), self._glances.connect() as connection:
            yield View(connection)

    def snapshot(self, file: Path, passed: Callable[[int, int], None]) -> Snapshot:
        """A copy of everything as it is at one moment. Raises ``ConfigurationError`` without PostgreSQL's tools."""
        with told_as_ours():
            return snapshot.take(self._engine, file, passed)

    def check(self) -> None:
        """Ask the database a small question; ``LedgerUnavailableError`` if it does not answer."""
        with told_as_ours(), self._glances.connect() as connection:
            connection.execute(sa.select(sa.func.count()).select_from(COUNTER)).scalar_one()

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()
