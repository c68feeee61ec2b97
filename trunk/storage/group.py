"""Items that are committed together, and what becomes of each of them when something goes wrong.

Every item is resolved exactly once, and only when the transaction that holds it has ended.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, Final, Generic, TypeVar, cast

from trunk import failpoints
from trunk.domain.delivery import Delivery, DeliveryId, EnvelopeId
from trunk.domain.entry import Acceptance, AlreadyThere, Entered, EntryResult, KeyTaken
from trunk.domain.tracking import JournalEvent
from trunk.errors import LedgerUnavailableError
from trunk.storage.faults import is_collision, told_as_ours
from trunk.storage.ledger import Book, Ledger, View
from trunk.storage.moving import Movement

T = TypeVar("T")

PLACES: Final = 2
"""Inbox places set aside for a piece of work: most of it owes somebody one notice."""
_TRIES: Final = 3
"""How often one item is tried again when another node's transaction stood in its way."""


class OutcomeUnknownError(LedgerUnavailableError):
    """The commit was sent and its answer lost: it may have been written. Repeating it is safe."""

    def __init__(self) -> None:
        super().__init__("the database was lost in the commit: the outcome is unknown; repeat to learn it")


class Item(ABC, Generic[T]):
    """Somebody's wish and the future that answers it."""

    octets = 0  #: how much it adds to the transaction, roughly
    places: int  #: how many inbox places it may need

    def __init__(self) -> None:
        self.future: Future[T] = Future()
        self._result: T | None = None
        self._error: Exception | None = None

    def keep(self, result: T) -> None:
        """Remember the answer until it may be given."""
        self._result, self._error = result, None

    def keep_error(self, error: Exception) -> None:
        self._error = error

    def resolve(self) -> None:
        """Give the answer that was kept."""
        if self._error is not None:
            self.future.set_exception(self._error)
        else:
            self.future.set_result(cast("T", self._result))

    def unavailable(self, error: LedgerUnavailableError) -> None:
        """Tell that the ledger could not; an exception of its own, for several will be raised at a time."""
        told = OutcomeUnknownError() if isinstance(error, OutcomeUnknownError) else LedgerUnavailableError(str(error))
        told.__cause__ = error
        self.future.set_exception(told)

    @abstractmethod
    def look_up(self, view: View) -> None:
        """After a commit without an answer: keep what the ledger shows to be true, or the fault."""


class Submission(Item[EntryResult]):
    """An acceptance to be entered."""

    def __init__(self, acceptance: Acceptance) -> None:
        super().__init__()
        self.acceptance = acceptance
        entries = (acceptance.entry, acceptance.acknowledgement)
        self.octets = sum(len(entry.payload.octets or b"") for entry in entries)
        self.octets += sum(len(item.octets or b"") for item in acceptance.evidence)
        self.places = sum(len(entry.deliveries) for entry in entries)

    def look_up(self, view: View) -> None:
        ours = self.acceptance.entry.envelope
        there = None if isinstance(self._result, KeyTaken) else view.accepted_as(ours.identity)
        if there is None:
            self.keep_error(OutcomeUnknownError())
        else:
            self.keep(Entered(there) if there.envelope.id == ours.id else AlreadyThere(there))


class Turn(Item[bool]):
    """A move; whether nobody was faster."""

    def __init__(self, movement: Movement) -> None:
        super().__init__()
        self.movement = movement
        owed = movement.acknowledgement
        self.places = len(owed.deliveries) if owed else 0
        self.octets = len(owed.payload.octets or b"") if owed else 0

    def look_up(self, view: View) -> None:  # noqa: ARG002 - nothing shows whose move it was
        self.keep_error(OutcomeUnknownError())


class Departure(Item[bool]):
    """A document's octets are about to leave the house; whether they may. ``line`` says so the first time."""

    places = 0

    def __init__(self, delivery_id: DeliveryId, line: JournalEvent, envelope_id: EnvelopeId) -> None:
        super().__init__()
        self.delivery_id, self.line, self.envelope_id = delivery_id, line, envelope_id

    def look_up(self, view: View) -> None:  # noqa: ARG002 - it asks again
        self.keep_error(OutcomeUnknownError())


class Work(Item[T]):
    """Anything else that is to be written."""

    def __init__(self, work: Callable[[Book], T], *, places: int = PLACES) -> None:
        super().__init__()
        self._work = work
        self.places = places

    def run_alone(self, book: Book) -> None:
        """Do the work as all that the transaction does: what it raises undoes the whole."""
        with told_as_ours():
            self.keep(self._work(book))

    def run(self, book: Book) -> None:
        """Do the work in a part of its own: what it raises is its caller's alone."""
        try:
            with told_as_ours(), book.part():
                self.keep(self._work(book))
        except LedgerUnavailableError:
            raise  # that is everybody's
        except Exception as error:  # noqa: BLE001 - handed to the one who asked for the work
            self.keep_error(error)

    def look_up(self, view: View) -> None:  # noqa: ARG002 - nothing shows whether it was done
        self.keep_error(OutcomeUnknownError())


def write(ledger: Ledger, items: Sequence[Item[object]]) -> None:
    """Commit ``items`` together and resolve every one of them; alone, where together does not work."""
    wanted = [item for item in items if item.future.set_running_or_notify_cancel()]
    if wanted:
        _write(ledger, wanted, _TRIES)


def _write(ledger: Ledger, items: Sequence[Item[object]], tries: int) -> None:
    try:
        _commit(ledger, items)
    except OutcomeUnknownError as error:
        _look_up(ledger, items, error)
    except LedgerUnavailableError as error:
        if is_collision(error) and tries:
            _one_by_one(ledger, items, tries - 1)
        else:
            for item in items:
                item.unavailable(error)
    except Exception as error:  # noqa: BLE001 - somebody's mistake: whose it is shows when each stands alone
        if len(items) > 1:
            _one_by_one(ledger, items, tries)
        else:
            items[0].keep_error(error)
            items[0].resolve()
    else:
        for item in items:
            item.resolve()


def _one_by_one(ledger: Ledger, items: Sequence[Item[object]], tries: int) -> None:
    for item in items:
        _write(ledger, [item], tries)


def _commit(ledger: Ledger, items: Sequence[Item[object]]) -> None:
    group = _Group(items)
    committing = False
    try:
        with ledger.begin() as book:
            group.write(book)
            _reach("intake.before_commit", group.submissions)
            _reach("handover.before_commit", group.turns)
            committing = True
    except LedgerUnavailableError as error:
        if committing and not is_collision(error):
            raise OutcomeUnknownError from error
        raise
    _reach("intake.committed", group.submissions)
    _reach("handover.committed", group.turns)


class _Group:
    """What is written together, kind by kind: a few statements for all of a kind."""

    def __init__(self, items: Sequence[Item[object]]) -> None:
        self._items = items
        self.submissions = [item for item in items if isinstance(item, Submission)]
        self.turns = [item for item in items if isinstance(item, Turn)]
        self._departures = [item for item in items if isinstance(item, Departure)]

    def write(self, book: Book) -> None:
        if places := sum(item.places for item in self._items):
            book.reserve(places)
        match self._items:
            case [Work() as only]:
                only.run_alone(book)
                return
        results = book.accept([submission.acceptance for submission in self.submissions])
        for submission, result in zip(self.submissions, results, strict=True):
            submission.keep(result)
        for turn, written in zip(self.turns, book.move([turn.movement for turn in self.turns]), strict=True):
            turn.keep(written)
        self._let_leave(book)
        for item in self._items:
            if isinstance(item, Work):
                item.run(book)

    def _let_leave(self, book: Book) -> None:
        asked = {one.delivery_id: one for one in reversed(self._departures)}
        if not asked:
            return
        first = book.fetched(list(asked), at=min(one.line.at for one in asked.values()))
        for delivery_id in first:
            book.note(asked[delivery_id].line, envelope_id=asked[delivery_id].envelope_id)
        for one in self._departures:
            one.keep(one.delivery_id in first or _may_still_leave(book.delivery(one.delivery_id)))


def _may_still_leave(delivery: Delivery | None) -> bool:
    return delivery is not None and not delivery.held_back


def _look_up(ledger: Ledger, items: Sequence[Item[object]], error: OutcomeUnknownError) -> None:
    """The database may have committed before it was lost; what can be seen in it is durable."""
    try:
        with ledger.read() as view:
            for item in items:
                item.look_up(view)
    except LedgerUnavailableError:
        for item in items:
            item.unavailable(error)
    else:
        for item in items:
            item.resolve()


def _reach(failpoint: str, of: Sequence[Item[Any]]) -> None:
    """If there is any ``of`` its kind in the group."""
    if of:
        failpoints.reach(failpoint)
