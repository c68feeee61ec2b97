"""Hand-over: an agency's system lists its inbox, fetches an envelope octet for octet, and confirms it with the digest.

An envelope stays in the inbox until it is confirmed whole or its lifetime ends; fetching alone proves nothing.
Somebody else's delivery does not exist for a caller.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from trunk.application.advancing import Cause, Move, Planner
from trunk.domain.agency import Caller
from trunk.domain.change_request import RequestKind
from trunk.domain.delivery import WAITING, AgencyCode, Delivery, DeliveryEvent, DeliveryId, DeliveryState
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.retry import RetrySchedule
from trunk.domain.tracking import WHOLE_INBOX, InboxCursor, InboxItem, InboxPage, InboxSelection, JournalEvent, Noted
from trunk.errors import CorruptPayloadError, LedgerUnavailableError
from trunk.storage.ledger import Book, Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe

_IN_HAND = frozenset({DeliveryState.DELIVERED, DeliveryState.RECEIVED, DeliveryState.REFUSED})
_RACES = 8  # somebody else may move the delivery between our look and our write; then we look again


@dataclass(frozen=True, slots=True)
class Taken:
    """The agency's system has the envelope whole: SHA-256 over the octets it received, lower-case hex."""

    sha256: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The agency's system could not take it; it is offered again later, unless another hub says that it is final."""

    reason: str
    final: bool = False  #: heeded from hubs only: coming again would not mend it
    again_after: timedelta = timedelta()  #: not before


@dataclass(frozen=True, slots=True)
class Relayed:
    """Another hub has it and is responsible; what becomes of it, it says later. Of agencies' systems: no news."""


@dataclass(frozen=True, slots=True)
class GivenBack:
    """Another hub could still keep it from its agency when it was recalled. Heeded from hubs only."""


Word = Taken | Failed | Relayed | GivenBack


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A delivery and what it carries, without the octets."""

    envelope: EnvelopeRecord
    delivery: Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """An envelope's octets: in memory, or a file of the payload store."""

    envelope: EnvelopeRecord
    delivery: Delivery
    octets: bytes | Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """Where the delivery stands after a confirmation; ``repeated`` if it stood there before."""

    delivery: Delivery
    repeated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Handover:
    """What an agency's system does with its mail."""

    ledger: Ledger
    scribe: Scribe
    payloads: PayloadStore
    planner: Planner
    schedule: RetrySchedule
    now: Callable[[], datetime]
    chance: Callable[[], float]

    def inbox(
        self,
        caller: Caller,
        *,
        agencies: Collection[AgencyCode] = (),
        after: InboxCursor | None = None,
        limit: int = 100,
        only: InboxSelection = WHOLE_INBOX,
    ) -> InboxPage | Rejected:
        """What waits for the caller's agencies (or some of them), the most urgent first, then the oldest."""
        wanted = frozenset(agencies) or caller.agencies
        if not wanted <= caller.agencies:
            return refuse(Code.NOT_FOUND, path="agency", got=", ".join(sorted(wanted - caller.agencies)))
        with self.ledger.read() as view:
            return view.inbox(wanted, after=after, limit=limit, only=only)

    def count(self, caller: Caller, only: InboxSelection) -> int:
        """How many deliveries wait for the caller's agencies."""
        with self.ledger.read() as view:
            return view.waiting(caller.agencies, only)

    def look(self, caller: Caller, delivery_id: DeliveryId) -> Offered | Rejected:
        """A delivery to one of the caller's agencies, without its octets."""
        with self.ledger.glance() as view:
            found = view.with_envelope(delivery_id)
        if found is None or not caller.speaks_for(found[0].addressee):
            return refuse(Code.NOT_FOUND, got=delivery_id)
        delivery, envelope = found
        return Offered(envelope=envelope, delivery=delivery)

    def newest(self, agencies: Collection[AgencyCode]) -> Mapping[AgencyCode, int]:
        """The newest position in each of these inboxes, for waking those who wait: numbers, no mail."""
        with self.ledger.glance() as view:
            return view.newest_position(agencies)

    def fetch(self, caller: Caller, delivery_id: DeliveryId) -> Content | Rejected:
        """The octets as submitted. Repeatable, also after the confirmation. Raises ``CorruptPayloadError``.

        Before the first octet of a document leaves, that is on record: a recall can then tell who may have it.
        """
        with self.ledger.glance() as view:
            found = view.with_octets(delivery_id)
            if found is None or not caller.speaks_for(found[0].addressee):
                return refuse(Code.NOT_FOUND, got=delivery_id)
            delivery, envelope, payload = found
            if payload is None and view.is_purged(envelope.id):
                return refuse(Code.PURGED, got=delivery_id)
        if payload is None:
            raise CorruptPayloadError(f"the ledger holds no octets for delivery {delivery_id}")
        octets = payload.octets if payload.octets is not None else self.payloads.open(payload.sha256)
        if octets is None:
            raise CorruptPayloadError(f"payload {payload.sha256} is not in the store")
        if envelope.kind is EnvelopeKind.DOCUMENT and not self._may_leave(caller, delivery):
            return refuse(Code.RECALLED, got=delivery_id)
        return Content(envelope=envelope, delivery=delivery, octets=octets)

    def fetch_small(self, caller: Caller, items: Sequence[InboxItem]) -> dict[DeliveryId, bytes]:
        """The octets of these items of the caller's inbox, as far as the ledger itself holds them (small ones). The
        same law as for ``fetch``; what is left out (large, recalled, purged, damaged), ``fetch`` says why.
        """
        with self.ledger.glance() as view:
            octets = view.octets({item.envelope.sha256 for item in items})
        held = {digest: found for digest, found in octets.items() if sha256(found).hexdigest() == digest}
        ready = [item for item in items if item.envelope.sha256 in held]
        leaving = {
            item.delivery.id: self._departure(caller, item.delivery)
            for item in ready
            if item.envelope.kind is EnvelopeKind.DOCUMENT
        }
        may = {delivery_id: future.result() for delivery_id, future in leaving.items()}
        return {item.delivery.id: held[item.envelope.sha256] for item in ready if may.get(item.delivery.id, True)}

    def _may_leave(self, caller: Caller, delivery: Delivery) -> bool:
        return self._departure(caller, delivery).result()

    def _departure(self, caller: Caller, delivery: Delivery) -> Future[bool]:
        """Whether a document's octets may leave; noted the first time, in the moment when no recall can hold it."""
        if delivery.fetched_at is not None:
            known: Future[bool] = Future()
            known.set_result(True)
            return known
        line = JournalEvent(at=self.now(), event=Noted.FETCHED, actor=caller.system, delivery_id=delivery.id)
        return self.scribe.depart(delivery.id, line, envelope_id=delivery.envelope_id)

    def confirm(self, caller: Caller, delivery_id: DeliveryId, word: Word) -> Confirmed | Rejected:
        """What the agency's system says of a delivery: T4. The same word again is a quiet success."""
        (answer,) = self.confirm_all(caller, [(delivery_id, word)])
        return answer

    def confirm_seen(self, caller: Caller, seen: Offered, word: Word) -> Confirmed | Rejected:
        """The same by who saw the delivery a moment ago: looked at again only if somebody moved it since."""
        (answer,) = self.confirm_all(caller, [(seen.delivery.id, word)], seen=(seen,))
        return answer

    def confirm_all(
        self, caller: Caller, said: Sequence[tuple[DeliveryId, Word]], *, seen: Sequence[Offered] = ()
    ) -> list[Confirmed | Rejected]:
        """The same for many, in their order: each stands for itself, those that move are committed together.

        ``seen``: what ``said`` is about as it was a moment ago (all of it, or nothing). Raises
        ``LedgerUnavailableError``; then some may have been written, and repeating all of it is safe.
        """
        answers: dict[int, Confirmed | Rejected] = {}
        left = list(range(len(said)))
        known = {one.delivery.id: (one.delivery, one.envelope) for one in seen}
        for _ in range(_RACES):
            found = known or self._find({said[place][0] for place in left})
            known = {}
            planned = self._plan_all(caller, {place: said[place] for place in left}, found)
            writing = {place: self._write(plan) for place, plan in planned.items() if isinstance(plan, Move)}
            for place, plan in planned.items():
                if not isinstance(plan, Move):
                    answers[place] = plan
                elif writing[place].result():
                    answers[place] = Confirmed(delivery=plan.step.after, repeated=False)
            left = [place for place in left if place not in answers]
            if not left:
                return [answers[place] for place in range(len(said))]
        raise LedgerUnavailableError(f"delivery {said[left[0]][0]} is moved by others all the time")

    def _write(self, move: Move) -> Future[bool]:
        if move.step.event is not DeliveryEvent.GIVEN_BACK:
            return self.scribe.move(move.movement)

        def write(book: Book) -> bool:
            if not move.apply(book):
                return False
            book.hold_back_requests(move.step.after.id, at=move.cause.at)
            return True

        return self.scribe.perform(write)

    def _find(self, ids: Collection[DeliveryId]) -> dict[DeliveryId, tuple[Delivery, EnvelopeRecord]]:
        with self.ledger.glance() as view:
            if len(ids) != 1:
                return view.with_envelopes(ids)
            (sought,) = ids
            one = view.with_envelope(sought)
        return {} if one is None else {sought: one}

    def _plan_all(
        self,
        caller: Caller,
        said: Mapping[int, tuple[DeliveryId, Word]],
        found: Mapping[DeliveryId, tuple[Delivery, EnvelopeRecord]],
    ) -> dict[int, Move | Confirmed | Rejected]:
        planned: dict[int, Move | Confirmed | Rejected] = {}
        for place, (sought, word) in said.items():
            offered = found.get(sought)
            if offered is None or not caller.speaks_for(offered[0].addressee):
                planned[place] = refuse(Code.NOT_FOUND, got=sought)
            else:
                planned[place] = self._plan(caller, *offered, word)
        return planned

    def _plan(
        self, caller: Caller, delivery: Delivery, envelope: EnvelopeRecord, word: Word
    ) -> Move | Confirmed | Rejected:
        match word:
            case Taken(digest):
                return self._plan_taken(caller, delivery, envelope, digest)
            case Failed() if _ends(caller, delivery, word):
                cause = Cause(actor=caller.system, at=self.now(), reason=word.reason)
                return self._plan_event(delivery, envelope, DeliveryEvent.GIVEN_UP, cause)
            case Failed():
                return self._plan_failed(caller, delivery, envelope, word)
            case Relayed() | GivenBack():
                return self._plan_hubs_word(caller, delivery, envelope, word)

    def _plan_taken(
        self, caller: Caller, delivery: Delivery, envelope: EnvelopeRecord, digest: str
    ) -> Move | Confirmed | Rejected:
        if delivery.held_back:
            return refuse(Code.RECALLED, got=delivery.id)
        if digest != envelope.sha256:
            return refuse(Code.WRONG_DIGEST, path="sha256", expected=envelope.sha256, got=digest)
        cause = Cause(actor=caller.system, at=self.now())
        return self._plan_event(delivery, envelope, DeliveryEvent.HANDED_OVER, cause)

    def _plan_hubs_word(
        self, caller: Caller, delivery: Delivery, envelope: EnvelopeRecord, word: Relayed | GivenBack
    ) -> Move | Confirmed | Rejected:
        if caller.hub is None:
            return Confirmed(delivery=delivery, repeated=True)
        if delivery.held_back:
            return refuse(Code.RECALLED, got=delivery.id)
        cause = Cause(actor=caller.system, at=self.now())
        if isinstance(word, Relayed):
            return self._plan_event(delivery, envelope, DeliveryEvent.RELAYED, cause)
        if delivery.state in _IN_HAND:
            return refuse(Code.ALREADY_CONFIRMED, got=delivery.state)
        if not self._asked_back(delivery.id):  # then its sender must not be told that it was recalled
            return self._plan_event(delivery, envelope, DeliveryEvent.GIVEN_UP, replace(cause, reason="recalled"))
        return self._plan_event(delivery, envelope, DeliveryEvent.GIVEN_BACK, cause)

    def _asked_back(self, delivery_id: DeliveryId) -> bool:
        with self.ledger.read() as view:
            requests = view.requests([delivery_id]).get(delivery_id, ())
        return any(request.kind is RequestKind.RECALL for request in requests)

    def _plan_event(
        self, delivery: Delivery, envelope: EnvelopeRecord, event: DeliveryEvent, cause: Cause
    ) -> Move | Confirmed:
        move = self.planner.plan(delivery, envelope, event, cause)
        return move or Confirmed(delivery=delivery, repeated=True)

    def _plan_failed(
        self, caller: Caller, delivery: Delivery, envelope: EnvelopeRecord, word: Failed
    ) -> Move | Confirmed | Rejected:
        if delivery.held_back:
            return refuse(Code.RECALLED, got=delivery.id)
        if delivery.state not in WAITING:
            return refuse(Code.ALREADY_CONFIRMED, got=delivery.state)
        now = self.now()
        due_at = self.schedule.next_attempt(delivery.attempts + 1, now=now, chance=self.chance)
        cause = Cause(actor=caller.system, at=now, reason=word.reason)
        due_at = max(due_at, now + word.again_after)
        move = self.planner.plan(delivery, envelope, DeliveryEvent.ATTEMPT_FAILED, cause, due_at=due_at)
        return move or Confirmed(delivery=delivery, repeated=True)


def _ends(caller: Caller, delivery: Delivery, word: Failed) -> bool:
    """Whether another hub gives it up: what it had taken, or what it will never take."""
    if caller.hub is None:
        return False
    given_up = (DeliveryState.RELAYED, DeliveryState.EXPIRED)
    return delivery.state in given_up or (word.final and delivery.state in WAITING)
