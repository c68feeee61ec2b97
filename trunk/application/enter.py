"""Stage 7: the ledger takes it, and only then the trunk says so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TypeVar

from trunk.application.evidence import EvidenceShelf
from trunk.application.recalls import Revisions, asks
from trunk.application.receipts import Receipts
from trunk.application.submission import (
    Prepared,
    PreparedDocument,
    PreparedRejection,
    PreparedRepetition,
    PreparedStatus,
)
from trunk.domain.entry import Acceptance, AlreadyThere, Entered, Entry, EntryResult, KeyTaken
from trunk.domain.outcome import Accepted, Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Book
from trunk.storage.scribe import Scribe

T = TypeVar("T")
U = TypeVar("U")
Outcome = Accepted | Rejected


@dataclass(frozen=True, slots=True, kw_only=True)
class Entrance:
    """Enters what was prepared. ``executor`` runs the few entries that must look before they write."""

    scribe: Scribe
    receipts: Receipts
    revisions: Revisions
    executor: Executor
    evidence: EvidenceShelf

    def enter(self, prepared: Prepared) -> Future[Outcome]:
        """Resolved after the commit. Raises ``OverloadedError`` when the line is full."""
        match prepared:
            case PreparedDocument(acceptance=acceptance, warnings=warnings) if asks(prepared):
                entering = self.executor.submit(self.revisions.enter, prepared)
                return _then(entering, lambda result: self._answer(result, acceptance, warnings))
            case PreparedDocument(acceptance=acceptance, warnings=warnings):
                return _then(self.scribe.accept(acceptance), lambda result: self._answer(result, acceptance, warnings))
            case PreparedStatus(acceptance=acceptance, warnings=warnings):
                entering = self.executor.submit(self.receipts.enter, prepared)
                return _then(entering, lambda result: self._answer(result, acceptance, warnings))
            case PreparedRepetition(accepted=accepted):
                return _done(Accepted(accepted=accepted, repeated=True))
            case PreparedRejection(rejected=rejected, acknowledgement=acknowledgement):
                recording = self.scribe.perform(_recorder(acknowledgement))
                return _then(recording, lambda sealed: Rejected(flaws=rejected.flaws, sealed=sealed))

    def _answer(self, result: EntryResult, acceptance: Acceptance, warnings: Sequence[Flaw]) -> Outcome:
        if isinstance(result, Entered):
            self.evidence.entered(acceptance.evidence)
        return _outcome(result, warnings)


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _recorder(acknowledgement: Entry) -> Callable[[Book], bytes | None]:
    """Enter a sealed rejection; the sender is told once, and gets the same octets each time."""

    def record(book: Book) -> bytes | None:
        if book.enter(acknowledgement, actor="trunk"):
            return acknowledgement.payload.octets
        first = book.view.by_identity(acknowledgement.envelope.identity)
        payload = book.view.payload(first.sha256) if first else None
        return payload.octets if payload else None

    return record


def _outcome(result: EntryResult, warnings: Sequence[Flaw]) -> Outcome:
    match result:
        case Entered(accepted):
            return Accepted(accepted=accepted, warnings=warnings)
        case AlreadyThere(accepted):
            return Accepted(accepted=accepted, repeated=True, warnings=warnings)
        case KeyTaken(envelope_id):
            return refuse(Code.IDEMPOTENCY_KEY_TAKEN, got=envelope_id)


def _then(first: Future[T], translate: Callable[[T], U]) -> Future[U]:
    """The future of ``translate(result)``; faults pass through."""
    second: Future[U] = Future()

    def settle(done: Future[T]) -> None:
        try:
            second.set_result(translate(done.result()))
        except BaseException as fault:  # noqa: BLE001  whatever it is, it belongs to whoever waits
            second.set_exception(fault)

    first.add_done_callback(settle)
    return second
