"""What a sender asks back or changes: by a status 13, by a revoking document, by an update.

Whoever has not fetched the document never will: it is held back at once, and that ends the delivery. Whoever has it,
or may have it since a backup was restored, is asked: the asking message goes to it as any mail does, and its 15 or 16
closes the request. An update asks likewise, and takes nothing back. A second recall of what is asked back already asks
nothing more: it is only passed on.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

from envelopes.model import BusinessKind
from trunk.application.acknowledge import NewId
from trunk.application.advancing import Cause, Move, Planner
from trunk.application.directory import Directories
from trunk.application.submission import PreparedDocument
from trunk.domain.agency import Caller, Directory, HubSide
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import UNFINISHED, WAITING, AgencyCode, DeliveryEvent, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import Carried, Entered, EntryResult
from trunk.domain.relation import RelationKind
from trunk.domain.tracking import JournalEvent, Noted
from trunk.errors import LedgerUnavailableError
from trunk.failpoints import reach
from trunk.storage.ledger import Book, Ledger, View
from trunk.storage.scribe import Scribe

HELD_BACK = "held_back"  #: reason in the acknowledgement of a recall that asked nobody
RACES = 8

_NOTED = {RequestKind.RECALL: Noted.RECALL_ASKED, RequestKind.UPDATE: Noted.UPDATE_ASKED}
_OVER = frozenset({DeliveryState.REFUSED, DeliveryState.RECALLED})


class OvertakenError(Exception):
    """Somebody moved a delivery between our look and our write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The message that asks."""

    envelope_id: EnvelopeId
    kind: RequestKind
    reason: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Basis:
    """What a plan rests on: looked at again before it is written."""

    deliveries: tuple[DeliveryId, ...]
    stand: frozenset[tuple[DeliveryId, DeliveryState, bool]]
    asked: frozenset[tuple[str, RequestState]]

    @classmethod
    def of(cls, view: View, deliveries: tuple[DeliveryId, ...]) -> Basis:
        known = view.requests(deliveries)
        asked = frozenset((one.id, one.state) for each in known.values() for one in each)
        return cls(deliveries, view.stand(deliveries), asked)


@dataclass(frozen=True, slots=True)
class Asked:
    """What it comes to, planned and not yet written: what is held back, and who is asked."""

    moves: Sequence[Move] = ()
    requests: Sequence[ChangeRequest] = ()
    journal: Sequence[tuple[EnvelopeId, JournalEvent]] = ()
    basis: Basis | None = None

    def write(self, book: Book) -> None:
        """Raises ``OvertakenError`` where anything is not as it was: somebody may have fetched or asked this moment.

        Whoever asks or answers has locked the order of inboxes before, so nobody asks between the look and the write.
        """
        if self.basis is not None and self.basis != Basis.of(book.view, self.basis.deliveries):
            raise OvertakenError
        if not all(book.move([move.movement for move in self.moves])):
            raise OvertakenError
        book.enter_requests(self.requests)
        for envelope_id, line in self.journal:
            book.note(line, envelope_id=envelope_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recaller:
    """Works out what a recall or an update comes to, delivery by delivery."""

    planner: Planner
    new_id: NewId

    def plan(self, view: View, targets: Sequence[Carried], asking: Asking) -> Asked:
        """What becomes of ``targets``. The revocation or update itself is never its own target."""
        ids = tuple(one.delivery.id for one in targets)
        known, basis = view.requests(ids), Basis.of(view, ids)
        moves: list[Move] = []
        requests: list[ChangeRequest] = []
        for one in targets:
            if one.envelope.id == asking.envelope_id or one.envelope.business == BusinessKind.REVOKE:
                continue
            if asking.kind is RequestKind.RECALL and _has_not_left(one):
                moves += self._hold_back(one, asking)
                requests.append(self._request(one, asking, RequestState.HELD_BACK))
            elif _may_be_asked(one, asking, known.get(one.delivery.id, ())):
                requests.append(self._request(one, asking, RequestState.OPEN))
        return Asked(moves, requests, [_noted(request, asking) for request in requests], basis)

    def _hold_back(self, one: Carried, asking: Asking) -> list[Move]:
        cause = Cause(actor=asking.actor, at=asking.at, reason=asking.reason, codes=(HELD_BACK,))
        move = self.planner.plan(one.delivery, one.envelope, DeliveryEvent.HELD_BACK, cause)
        return [move] if move else []

    def _request(self, one: Carried, asking: Asking, state: RequestState) -> ChangeRequest:
        return ChangeRequest(
            id=self.new_id(),
            kind=asking.kind,
            state=state,
            delivery_id=one.delivery.id,
            envelope_id=one.envelope.id,
            asked_by=asking.envelope_id,
            asked_at=asking.at,
            reason=asking.reason,
            answered_at=asking.at if state is RequestState.HELD_BACK else None,
        )


def _has_not_left(one: Carried) -> bool:
    return not one.delivery.may_have_left and one.delivery.state in WAITING | {DeliveryState.EXPIRED}


def _may_be_asked(one: Carried, asking: Asking, known: Sequence[ChangeRequest]) -> bool:
    """A recipient that may have it, has not turned it down and is not being asked the same already."""
    delivery = one.delivery
    has_it = delivery.state not in UNFINISHED | {DeliveryState.EXPIRED} or delivery.may_have_left
    if delivery.state in _OVER or not (has_it or delivery.state is DeliveryState.RELAYED):
        return False
    return asking.kind is RequestKind.UPDATE or not any(
        request.kind is RequestKind.RECALL and request.state is RequestState.OPEN for request in known
    )


def _noted(request: ChangeRequest, asking: Asking) -> tuple[EnvelopeId, JournalEvent]:
    line = JournalEvent(
        at=asking.at,
        event=_NOTED[request.kind],
        actor=asking.actor,
        reason=asking.reason,
        delivery_id=request.delivery_id,
    )
    return request.envelope_id, line


_ASKING_BUSINESS = {
    BusinessKind.REVOKE: (RelationKind.REVOKES, RequestKind.RECALL),
    BusinessKind.UPDATE: (RelationKind.UPDATES, RequestKind.UPDATE),
}


def asks(prepared: PreparedDocument) -> bool:
    """Whether a document asks somebody for something: the few that must look before they are written."""
    return prepared.acceptance.entry.envelope.business in _ASKING_BUSINESS


@dataclass(frozen=True, slots=True, kw_only=True)
class Revisions:
    """Enters revoking documents and updates: the acceptance, and what it comes to, in one transaction."""

    ledger: Ledger
    scribe: Scribe
    recaller: Recaller
    directories: Directories = field(repr=False)

    def enter(self, prepared: PreparedDocument) -> EntryResult:
        """Raises ``LedgerUnavailableError``."""
        for _ in range(RACES):
            asked = self._plan(prepared)
            try:
                entered = self._write(prepared, asked).result()
            except OvertakenError:
                continue
            reach("recalls.committed")
            return entered
        raise LedgerUnavailableError("the deliveries are moved by others all the time")

    def _plan(self, prepared: PreparedDocument) -> Asked:
        entry = prepared.acceptance.entry
        envelope, directory = entry.envelope, self.directories()
        relation_kind, kind = _ASKING_BUSINESS[BusinessKind(envelope.business)]
        recipients = {code for delivery in entry.deliveries for code in directory.family(delivery.addressee)}
        asking = Asking(
            envelope_id=envelope.id,
            kind=kind,
            reason=prepared.reason,
            actor=envelope.system or "",
            at=envelope.accepted_at,
        )
        with self.ledger.read() as view:
            targets = {
                one.delivery.id: one
                for relation in prepared.acceptance.relations
                if relation.kind is relation_kind
                for one in view.carried(
                    relation.spoken, senders=directory.family(envelope.sender), recipients=recipients
                )
                if is_theirs(prepared.caller, one)
            }
            meant = addressed(list(targets.values()), prepared.recipients, directory)
            return self.recaller.plan(view, meant, asking)

    def _write(self, prepared: PreparedDocument, asked: Asked) -> Future[EntryResult]:
        def write(book: Book) -> EntryResult:
            (result,) = book.accept([prepared.acceptance])
            if isinstance(result, Entered):
                asked.write(book)
                reach("recalls.before_commit")
            return result

        return self.scribe.perform(write)


def is_theirs(caller: Caller, one: Carried) -> bool:
    """Whether ``caller`` may ask for it back, or change it.

    The system that still sends under the code of a merged agency does so in its successor's name
    (``Directory.may_write_as``); it may not thereby take back what the successor, or others merged into it, have sent.
    """
    if caller.hub is HubSide.ABOVE or one.envelope.system == caller.system:
        return True
    return caller.speaks_for(one.envelope.sender)


def addressed(targets: Sequence[Carried], named: Collection[str], directory: Directory) -> list[Carried]:
    """Those whose recipient is ``named``: by its present code with all that became it, else by the code of before."""
    there = {one.delivery.addressee for one in targets}
    meant: set[AgencyCode] = set()
    for organ_id in named:
        found = directory.meaning(organ_id)
        if found is None:
            continue
        merged = found.written.code != found.agency.code
        meant |= {found.written.code} if merged and found.written.code in there else directory.family(found.agency.code)
    return [one for one in targets if one.delivery.addressee in meant]


def concerned(targets: Collection[Carried]) -> list[Carried]:
    """One delivery of each recipient: whom a recall of all is passed on to, in the order of the document."""
    return list({one.delivery.addressee: one for one in sorted(targets, key=lambda one: one.delivery.id)}.values())
