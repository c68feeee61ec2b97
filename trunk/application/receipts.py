"""Stage 7 of a status message: what an agency's people say of a document moves its delivery, and reaches its sender.

Every status is kept and passed on, also one that moves nothing (a repetition, a late one, one that matches no
delivery here): it is the agency's word. Only the table decides what it does to the delivery, and
``trunk.domain.business_status`` how a reader should take it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from envelopes.model import BusinessKind, StatusCode
from trunk.application.advancing import Cause, Move, Planner
from trunk.application.directory import Directories
from trunk.application.prepare import Preparer
from trunk.application.recalls import (
    RACES,
    Asked,
    Asking,
    OvertakenError,
    Recaller,
    addressed,
    concerned,
    is_theirs,
)
from trunk.application.submission import PreparedStatus
from trunk.domain.agency import Agency, Directory, HubSide
from trunk.domain.business_status import Standing, standing
from trunk.domain.change_request import ANSWERS, ChangeRequest, RequestKind, to_close
from trunk.domain.delivery import WAITING, AgencyCode, DeliveryEvent, IllegalTransitionError
from trunk.domain.entry import Acceptance, Carried, Entered, EntryResult
from trunk.domain.relation import spoken_of
from trunk.domain.tracking import JournalEvent, Noted, StatusReport
from trunk.errors import LedgerUnavailableError
from trunk.failpoints import reach
from trunk.storage.ledger import Book, Ledger, View
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a status comes to. Not ``clear``: several documents wait under that name; none of them is moved."""

    acceptance: Acceptance
    about: Carried | None = None
    standing: Standing = Standing.UNMATCHED
    move: Move | None = None
    closes: ChangeRequest | None = None
    said: frozenset[str] | None = None  #: what the recipient had said before, where that was looked at
    asked: Asked = field(default_factory=Asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipts:
    """Enters status messages: T5."""

    ledger: Ledger
    scribe: Scribe
    planner: Planner
    recaller: Recaller
    preparer: Preparer
    directories: Directories = field(repr=False)

    def enter(self, prepared: PreparedStatus) -> EntryResult:
        """Enter the status, do what it says, tell those whom it concerns: one transaction."""
        for _ in range(RACES):
            plan = self._plan(prepared)
            try:
                entered = self._write(prepared, plan).result()
            except OvertakenError:
                continue
            reach("receipts.committed")
            return entered
        raise LedgerUnavailableError("the delivery is moved by others all the time")

    def _plan(self, prepared: PreparedStatus) -> _Plan:
        directory = self.directories()  # asked first: it may need a connection of its own
        with self.ledger.read() as view:
            if prepared.message.code == StatusCode.RECALL_REQUESTED:
                return self._recall(view, directory, prepared)
            sender, recipient = prepared.addressee.code, prepared.reporter.code
            found = _carried(view, directory, prepared, sender=sender, recipient=recipient)
            found = _received(directory, prepared, found)
            if not found:
                return _Plan(acceptance=prepared.acceptance)
            return self._report(view, prepared, found)

    def _recall(self, view: View, directory: Directory, prepared: PreparedStatus) -> _Plan:
        """13 by the sender: of all recipients where ``ResponseFor`` names itself, else of the one that it names."""
        record = prepared.acceptance.entry.envelope
        named = prepared.message.response_for.organ_id
        own = directory.family(prepared.reporter.code)
        recipient = None if prepared.addressee.code in own else prepared.addressee.code
        targets = _carried(view, directory, prepared, sender=prepared.reporter.code, recipient=recipient)
        targets = [one for one in targets if one.envelope.business != BusinessKind.REVOKE]
        targets = [one for one in targets if is_theirs(prepared.caller, one)]
        everybody = recipient is None and not _went_to(targets, directory.registered(named), prepared.reporter)
        if not everybody:
            targets = addressed(targets, [named], directory)
        asking = Asking(
            envelope_id=record.id,
            kind=RequestKind.RECALL,
            reason=prepared.message.description,
            actor=record.system or "",
            at=record.accepted_at,
        )
        acceptance = prepared.acceptance
        if everybody:
            told = [one.delivery.addressee for one in concerned(targets) if one.delivery.addressee not in own]
            acceptance = self.preparer.addressed_to(acceptance, told)
        if not targets:
            return _Plan(acceptance=acceptance)
        return _Plan(
            acceptance=acceptance,
            about=targets[0],
            standing=Standing.REQUESTS,
            asked=self.recaller.plan(view, targets, asking),
        )

    def _report(self, view: View, prepared: PreparedStatus, found: Sequence[Carried]) -> _Plan:
        """01 to 06, 15, 16 by a recipient: of what it has in hand, or was asked about."""
        code = prepared.message.code
        requests = view.requests([one.delivery.id for one in found]) if code in ANSWERS else {}
        closes = to_close([request for each in requests.values() for request in each])
        by_request = [one for one in found if closes is not None and one.delivery.id == closes.delivery_id]
        about = (by_request or list(found))[0]
        clear = bool(by_request) or len(found) == 1 or _in_hand(about)
        said = view.said_of(about.delivery.id)
        return _Plan(
            acceptance=prepared.acceptance,
            about=about,
            standing=standing(code, said, open_request=closes is not None),
            move=self._move(prepared, about, closes) if clear else None,
            closes=closes,
            said=said,
        )

    def _move(self, prepared: PreparedStatus, about: Carried, closes: ChangeRequest | None) -> Move | None:
        code = prepared.message.code
        event = MOVES.get(code)
        if code == StatusCode.RECALL_AGREED and closes is not None and closes.kind is RequestKind.RECALL:
            event = DeliveryEvent.GIVEN_BACK
        if event is None:
            return None
        record = prepared.acceptance.entry.envelope
        cause = Cause(actor=record.system or "", at=record.accepted_at, codes=(code,))
        try:
            return self.planner.plan(about.delivery, about.envelope, event, cause)
        except IllegalTransitionError:
            return None  # a contradiction of its own earlier word: kept and passed on, moves nothing

    def _write(self, prepared: PreparedStatus, plan: _Plan) -> Future[EntryResult]:
        acceptance = _about(plan)

        def write(book: Book) -> EntryResult:
            reach("receipts.before_commit")
            (result,) = book.accept([acceptance])
            if not isinstance(result, Entered):
                return result
            if plan.move is not None and not plan.move.apply(book):
                raise OvertakenError
            self._record(book, prepared, plan)
            return result

        return self.scribe.perform(write)

    def _record(self, book: Book, prepared: PreparedStatus, plan: _Plan) -> None:
        record = prepared.acceptance.entry.envelope
        if plan.about is not None and plan.said not in (None, book.view.said_of(plan.about.delivery.id)):
            raise OvertakenError  # two words of one recipient at once: the second is judged by the first
        plan.asked.write(book)
        if plan.closes is not None:
            answer = ANSWERS[prepared.message.code]
            if not book.answer_request(plan.closes.id, answer, by=record.id, at=record.accepted_at):
                raise OvertakenError
        delivery = plan.about.delivery if plan.about and plan.standing is not Standing.REQUESTS else None
        report = StatusReport(
            envelope_id=record.id,
            code=prepared.message.code,
            description=prepared.message.description,
            reporter=prepared.reporter.code,
            at=record.accepted_at,
            delivery_id=delivery.id if delivery else None,
            addressee=prepared.addressee.code,
            standing=plan.standing,
            said_at=prepared.message.timestamp,
        )
        book.record_status(report, about=plan.about.envelope.id if plan.about else None)
        if plan.about is not None:
            noted = JournalEvent(
                at=record.accepted_at,
                event=Noted.STATUS_REPORTED,
                actor=record.system or "",
                reason=prepared.message.code,
                delivery_id=delivery.id if delivery else None,
            )
            book.note(noted, envelope_id=plan.about.envelope.id)


def _carried(
    view: View, directory: Directory, prepared: PreparedStatus, *, sender: str, recipient: str | None
) -> Sequence[Carried]:
    """The deliveries that are spoken of, under any code of their two ends."""
    senders = directory.family(AgencyCode(sender))
    recipients = None if recipient is None else directory.family(AgencyCode(recipient))
    issuers = (sender, prepared.message.response_for.organ_id, *sorted(senders))
    spoken = spoken_of(prepared.message.response_for, directory, issuers=issuers)
    return view.carried(spoken, senders=senders, recipients=recipients)


def _received(directory: Directory, prepared: PreparedStatus, found: Sequence[Carried]) -> Sequence[Carried]:
    """Those that the caller may speak of: a merged agency's old system has nothing to say of its successor's."""
    caller = prepared.caller
    if caller.hub is not HubSide.ABOVE:
        found = [one for one in found if caller.speaks_for(one.delivery.addressee)]
    return addressed(found, [prepared.message.sender.organ_id], directory)


def _went_to(targets: Sequence[Carried], named: Agency | None, sender: Agency) -> bool:
    """Whether ``named`` got it before it was merged into its sender: that one is meant then, and not everybody."""
    if named is None or named.code == sender.code:
        return False
    return any(one.delivery.addressee == named.code for one in targets)


def _in_hand(one: Carried) -> bool:
    """Whether its recipient has it, as far as anybody knows."""
    return one.delivery.state not in WAITING or one.delivery.fetched_at is not None


def _about(plan: _Plan) -> Acceptance:
    """The message with what it speaks of, so that readers see which document is meant, or that none is known here."""
    if plan.about is None:
        return plan.acceptance
    delivery_id = None if plan.standing is Standing.REQUESTS else plan.about.delivery.id
    entry = plan.acceptance.entry
    envelope = replace(entry.envelope, about=plan.about.envelope.id, about_delivery=delivery_id)
    return replace(plan.acceptance, entry=replace(entry, envelope=envelope))
