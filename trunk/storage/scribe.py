"""Group commit: one writer thread, one transaction and one wait for the disk for everybody who came meanwhile.

Nobody is answered before the commit has returned. One bad entry does not spoil the others: work runs in a part of
its own, and a group that fails for another reason than the database's absence is done again one by one, so a piece
of work may run twice (only one of them is committed). Who had company waits longer for the next: a transaction costs
as much as ten entries, and many small ones would take the processor that everybody waits for. A writer that dies
takes the process down, and is not missed in silence.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeVar

from trunk.domain.delivery import DeliveryId, EnvelopeId
from trunk.domain.entry import Acceptance, EntryResult
from trunk.domain.tracking import JournalEvent
from trunk.errors import LedgerUnavailableError, OverloadedError
from trunk.storage import group as groups
from trunk.storage.ledger import Book, Ledger
from trunk.storage.moving import Movement

T = TypeVar("T")

GROUP_OCTETS: Final = 16 * 1024 * 1024
"""A group is closed when it holds this much, so that one transaction stays a moment."""
_SOFTWARE_ERROR: Final = 70  # EX_SOFTWARE of sysexits.h


class Scribe:
    """Writes for everybody. ``group``: how many at most in one transaction; ``waiting``: how many may stand in line.

    ``linger_seconds``: how long the first waits for company; ``busy_linger_seconds``: after a group of several.
    """

    def __init__(
        self,
        ledger: Ledger,
        *,
        linger_seconds: float = 0.002,
        busy_linger_seconds: float = 0.002,
        group: int = 200,
        waiting: int = 2_000,
    ) -> None:
        self._ledger = ledger
        self._linger_seconds = linger_seconds
        self._busy_linger_seconds = busy_linger_seconds
        self._busy = False  #: whether the last group was more than one
        self._group = group
        self._waiting = waiting
        self._line: deque[groups.Item[Any]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._writer = threading.Thread(target=self._run, name="scribe", daemon=True)
        self._writer.start()

    def accept(self, acceptance: Acceptance) -> Future[EntryResult]:
        """The answer, once it is committed."""
        item = groups.Submission(acceptance)
        self._stand_in_line(item)
        return item.future

    def move(self, movement: Movement) -> Future[bool]:
        """Whether it was written, once it is committed: ``False`` if somebody moved the delivery first."""
        item = groups.Turn(movement)
        self._stand_in_line(item)
        return item.future

    def depart(self, delivery_id: DeliveryId, line: JournalEvent, *, envelope_id: EnvelopeId) -> Future[bool]:
        """Whether a document's octets may leave the house, which is on record (by ``line``) when this is answered."""
        item = groups.Departure(delivery_id, line, envelope_id)
        self._stand_in_line(item)
        return item.future

    def perform(self, work: Callable[[Book], T], *, places: int = groups.PLACES) -> Future[T]:
        """What ``work`` returns, once it is committed. It may be called again if a group had to be repeated.

        ``places``: in inboxes, for what it enters. Who enters nothing says 0, and waits for nobody else's.
        """
        item = groups.Work(work, places=places)
        self._stand_in_line(item)
        return item.future

    def close(self) -> None:
        """Commit what waits, then stop. Whoever comes later is refused."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._writer.join()

    def _stand_in_line(self, item: groups.Item[Any]) -> None:
        with self._changed:
            if self._closing:
                raise LedgerUnavailableError("the ledger is being closed")
            if len(self._line) >= self._waiting:
                raise OverloadedError
            self._line.append(item)
            if len(self._line) in (1, self._group):
                self._changed.notify_all()

    def _run(self) -> None:
        try:
            while items := self._next_group():
                groups.write(self._ledger, items)
        except BaseException as error:  # noqa: BLE001 - whatever it was, nobody would be answered any more
            print(f"trunk: the ledger's writer died of {type(error).__name__}: {error}", file=sys.stderr, flush=True)  # noqa: T201 - the log may be what died
            os._exit(_SOFTWARE_ERROR)

    def _next_group(self) -> list[groups.Item[Any]]:
        """Whoever stands in line, after a little wait for company; nobody when the scribe is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._line or self._closing)
            linger = self._busy_linger_seconds if self._busy else self._linger_seconds
            self._changed.wait_for(lambda: len(self._line) >= self._group or self._closing, linger)
            items = self._take()
            self._busy = len(items) > 1
            return items

    def _take(self) -> list[groups.Item[Any]]:
        items: list[groups.Item[Any]] = []
        octets = 0
        while self._line and len(items) < self._group and octets < GROUP_OCTETS:
            items.append(self._line.popleft())
            octets += items[-1].octets
        return items
