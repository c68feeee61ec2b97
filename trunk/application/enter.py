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
from trunk.domain.entry import Acceptance, AcceptedEnvelope, AlreadyThere, Entered, Entry, EntryResult, KeyTaken
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
            case PreparedRejection():
                return self.executor.submit(self._reject, prepared)

    def _reject(self, prepared: PreparedRejection) -> Outcome:
        """What was accepted once stays accepted: an addressee that has closed since, or a signing time that has grown
        old, does not change the answer to the same submission."""
        acknowledgement = None if prepared.seal is None else prepared.seal()
        first, sealed = self.scribe.perform(_recorder(prepared.identity, acknowledgement)).result()
        if first is not None:
            return Accepted(accepted=first, repeated=True)
        return Rejected(flaws=prepared.rejected.flaws, sealed=sealed)

    def _answer(self, result: EntryResult, acceptance: Acceptance, warnings: Sequence[Flaw]) -> Outcome:
        if isinstance(result, Entered):
            self.evidence.entered(acceptance.evidence)
        return _outcome(result, warnings)


def _done(outcome: Outcome) -> Future[Outcome]:
    future: Future[Outcome] = Future()
    future.set_result(outcome)
    return future


def _recorder(
    identity: str, acknowledgement: Entry | None
) -> Callable[[Book], tuple[AcceptedEnvelope | None, bytes | None]]:
    """Look for an acceptance of the same; where there is none, enter the sealed rejection, if there is one. The sender
    is told once, and gets the same octets each time."""

    def record(book: Book) -> tuple[AcceptedEnvelope | None, bytes | None]:
        first = book.view.accepted_as(identity)
        if first is not None or acknowledgement is None:
            return first, None
        if book.enter(acknowledgement, actor="trunk"):
            return None, acknowledgement.payload.octets
        told = book.view.by_identity(acknowledgement.envelope.identity)
        payload = book.view.payload(told.sha256) if told else None
        return None, payload.octets if payload else None

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
