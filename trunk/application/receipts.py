"""Stage 7 of a status message: what an agency's people say of a document moves its delivery, and reaches its sender.

Every status is kept and passed on, also one that moves nothing (a repetition, a late one, one that matches no
delivery here): it is the agency's word. Only the table decides what it does to the delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from envelopes.model import StatusCode
from trunk.application.advancing import Cause, Move, Planner
from trunk.application.submission import PreparedStatus
from trunk.domain.delivery import WAITING, Delivery, DeliveryEvent, IllegalTransitionError
from trunk.domain.entry import Acceptance, Entered, EntryResult, EnvelopeRecord
from trunk.domain.tracking import JournalEvent, StatusReport
from trunk.errors import LedgerUnavailableError
from trunk.failpoints import reach
from trunk.storage.ledger import Book, Ledger
from trunk.storage.scribe import Scribe

# QĐ 28/2018: 01 says that the document is in the agency's system; 03 to 06 that its people took it in.
MOVES: Final[Mapping[str, DeliveryEvent]] = MappingProxyType(
    {
        StatusCode.ARRIVED: DeliveryEvent.HANDED_OVER,
        StatusCode.REFUSED: DeliveryEvent.RETURNED,
        StatusCode.ACCEPTED: DeliveryEvent.RECEIPTED,
        StatusCode.ASSIGNED: DeliveryEvent.RECEIPTED,
        StatusCode.IN_PROGRESS: DeliveryEvent.RECEIPTED,
        StatusCode.FINISHED: DeliveryEvent.RECEIPTED,
    }
)

_RACES: Final = 8


class _OvertakenError(Exception):
    """Somebody moved the delivery between our look and our write."""


@dataclass(frozen=True, slots=True)
class _Match:
    """The delivery that a status speaks of. Not ``clear``: several wait under that id; none of them is moved."""

    delivery: Delivery
    envelope: EnvelopeRecord
    clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Enters status messages: T5."""

    ledger: Ledger
    scribe: Scribe
    planner: Planner

    def enter(self, prepared: PreparedStatus) -> EntryResult:
        """Enter the status, move the delivery it speaks of, tell the addressee: one transaction."""
        for _ in range(_RACES):
            matched = self._match(prepared)
            move = self._plan(prepared, matched)
            try:
                entered = self._write(prepared, matched, move).result()
            except _OvertakenError:
                continue
            reach("receipts.committed")
            return entered
        raise LedgerUnavailableError("the delivery is moved by others all the time")

    def _match(self, prepared: PreparedStatus) -> _Match | None:
        """The delivery that is spoken of: from the addressee to the reporter; a recall (13) looks the other way."""
        spoken_of = prepared.message.response_for
        ends = (prepared.addressee.code, prepared.reporter.code)
        sender, recipient = ends if prepared.message.code != StatusCode.RECALL_REQUESTED else ends[::-1]
        with self.ledger.read() as view:
            found = view.match(document_id=spoken_of.document_id, sender=sender, recipient=recipient)
            envelope = view.envelope(found[0].envelope_id) if found else None
        if envelope is None:
            return None
        return _Match(found[0], envelope, clear=len(found) == 1 or found[0].state not in WAITING)

    def _plan(self, prepared: PreparedStatus, matched: _Match | None) -> Move | None:
        event = MOVES.get(prepared.message.code)
        if matched is None or event is None or not matched.clear:
            return None
        record = prepared.acceptance.entry.envelope
        cause = Cause(actor=record.system or "", at=record.accepted_at, codes=(prepared.message.code,))
        try:
            return self.planner.plan(matched.delivery, matched.envelope, event, cause)
        except IllegalTransitionError:
            return None  # a contradiction of its own earlier word: kept and passed on, moves nothing

    def _write(self, prepared: PreparedStatus, matched: _Match | None, move: Move | None) -> Future[EntryResult]:
        acceptance = _about(prepared.acceptance, matched)

        def write(book: Book) -> EntryResult:
            reach("receipts.before_commit")
            (result,) = book.accept([acceptance])
            if not isinstance(result, Entered):
                return result
            if move is not None and not move.apply(book):
                raise _OvertakenError
            self._record(book, prepared, matched)
            return result

        return self.scribe.perform(write)

    def _record(self, book: Book, prepared: PreparedStatus, matched: _Match | None) -> None:
        record = prepared.acceptance.entry.envelope
        delivery, about = (matched.delivery, matched.envelope) if matched else (None, None)
        book.record_status(
            StatusReport(
                envelope_id=record.id,
                code=prepared.message.code,
                description=prepared.message.description,
                reporter=prepared.reporter.code,
                at=record.accepted_at,
                delivery_id=delivery.id if delivery else None,
            ),
            about=about.id if about else None,
        )
        if delivery is not None and about is not None:
            noted = JournalEvent(
                at=record.accepted_at,
                event="status_reported",
                actor=record.system or "",
                reason=prepared.message.code,
                delivery_id=delivery.id,
            )
            book.note(noted, envelope_id=about.id)


def _about(acceptance: Acceptance, matched: _Match | None) -> Acceptance:
    """The same with what it speaks of, so that readers see which document is meant, or that none is known here."""
    if matched is None:
        return acceptance
    envelope = replace(acceptance.entry.envelope, about=matched.envelope.id, about_delivery=matched.delivery.id)
    return replace(acceptance, entry=replace(acceptance.entry, envelope=envelope))
