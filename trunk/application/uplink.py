"""What goes up to another hub: mail for agencies that are beyond it, and what becomes of it there.

Law: nothing is sent up that came from there, and nothing that a recall held back. That the hub has it is written down
with the hub's id in one transaction; a crash before it sends again, and the hub answers as it did the first time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from trunk.application.advancing import Cause, Move, Planner
from trunk.domain.agency import Directory
from trunk.domain.delivery import WAITING, AgencyCode, Delivery, DeliveryEvent, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import ASKED_ABOUT, Direction, HubLink, LinkState
from trunk.domain.rejection import Code
from trunk.errors import CorruptPayloadError, LedgerUnavailableError
from trunk.failpoints import reach
from trunk.storage.hub_links import Tier
from trunk.storage.ledger import Book, Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe

_RACES: Final = 8
_ANY: Final = frozenset(DeliveryState)
_ENDS: Final[Mapping[str, DeliveryEvent]] = MappingProxyType(
    {
        DeliveryState.DELIVERED: DeliveryEvent.HANDED_OVER,
        DeliveryState.RECEIVED: DeliveryEvent.HANDED_OVER,
        DeliveryState.REFUSED: DeliveryEvent.HANDED_OVER,  # with what words, its status says
        DeliveryState.RECALLED: DeliveryEvent.GIVEN_BACK,
        DeliveryState.EXPIRED: DeliveryEvent.GIVEN_UP,
    }
)
FAIL: Final = "fail"
"""Somebody failed to take it: for good, or until the hub offers it again. Nobody knows, so it counts after a while."""

_FAIL_COUNTS_AFTER: Final = timedelta(hours=1)
_MOST_REASON: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """An envelope with all its deliveries that go up together."""

    envelope: EnvelopeRecord
    deliveries: Sequence[Delivery]
    octets: bytes | Path

    def without(self, codes: Collection[str]) -> Parcel:
        kept = [one for one in self.deliveries if one.addressee not in codes]
        return Parcel(envelope=self.envelope, deliveries=kept, octets=self.octets)


class _OvertakenError(Exception):
    """Somebody moved a delivery between our look and our write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outward:
    """What of our mail another hub has."""

    ledger: Ledger
    scribe: Scribe
    payloads: PayloadStore
    planner: Planner
    directory: Callable[[], Directory]
    hub: str  #: its name
    carriers: frozenset[str]  #: systems as which its mail comes in
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    tiers: Sequence[Tier]  #: how often the hub is asked about what it has

    def waiting(self, *, without: Collection[EnvelopeId], limit: int = 20, oldest: int = 4) -> list[EnvelopeId]:
        """What to send next: the most urgent, and always some of the oldest. Raises ``LedgerUnavailableError``."""
        with self.ledger.read() as view:
            return view.hub_links.waiting(limit=limit, oldest=oldest, without=without)

    def take(self, envelope_id: EnvelopeId) -> Parcel | None:
        """The envelope for sending; it counts as fetched from now on. ``None``: nothing of it is to be sent any more.

        Raises ``CorruptPayloadError``, ``LedgerUnavailableError``.
        """
        now = self.now()

        def note(book: Book) -> list[Delivery]:
            book.fetched([one.id for one in book.view.hub_links.waiting_of(envelope_id)], at=now)
            return book.view.hub_links.waiting_of(envelope_id)  # without what a recall held back meanwhile

        deliveries = self.scribe.perform(note).result()
        with self.ledger.read() as view:
            envelope = view.envelope(envelope_id)
            payload = view.payload(envelope.sha256) if envelope else None
        if envelope is None or payload is None:
            raise CorruptPayloadError(f"the ledger holds no octets for envelope {envelope_id}")
        if not deliveries:
            return None
        octets = payload.octets if payload.octets is not None else self.payloads.open(payload.sha256)
        if octets is None:
            raise CorruptPayloadError(f"payload {payload.sha256} is not in the store")
        parcel = Parcel(envelope=envelope, deliveries=deliveries, octets=octets)
        if envelope.system in self.carriers:
            self.given_up(parcel, reason=f"{Code.LOOP.value}: it came from there")
            return None
        reach("uplink.taken")
        return parcel

    def relayed(self, parcel: Parcel, remote_id: str) -> None:
        """The hub has it, under that id. A notice is thereby delivered: nobody is told more of it."""
        events = [DeliveryEvent.RELAYED]
        if parcel.envelope.kind is EnvelopeKind.STATUS:
            events.append(DeliveryEvent.HANDED_OVER)
        cause = Cause(actor=self.hub, at=self.now())
        links = [self._link(parcel, one, remote_id, LinkState.OPEN) for one in parcel.deliveries]
        if parcel.envelope.kind is EnvelopeKind.STATUS:
            links = [self._link(parcel, one, remote_id, LinkState.CLOSED) for one in parcel.deliveries]

        def note(book: Book) -> None:
            for link in links:
                book.hub_links.put(link)

        self._perform([one.id for one in parcel.deliveries], events, cause, note)
        reach("uplink.settled")

    def given_up(self, parcel: Parcel, *, reason: str) -> None:
        """The hub will not have it; the sender is told. What another process has brought there meanwhile, it has."""
        cause = Cause(actor=self.hub, at=self.now(), reason=reason[:_MOST_REASON])
        ids = [one.id for one in parcel.deliveries]
        self._perform(ids, [DeliveryEvent.GIVEN_UP], cause, lambda _: None, among=WAITING)

    def to_ask(self, *, limit: int = 5) -> list[str]:
        """Ids of the hub's whose fate is to be asked for now."""
        with self.ledger.read() as view:
            links = view.hub_links.to_ask(self.hub, tiers=self.tiers, now=self.now(), limit=limit * 10)
        return list(dict.fromkeys(link.remote_id for link in links))[:limit]

    def answered(self, remote_id: str, fates: Mapping[str, tuple[str, str]]) -> None:
        """What the hub says of its id: for each receiver's code a state of ``DeliveryState`` (or nothing), and why."""
        directory, now = self.directory(), self.now()
        told = {self._family(code, directory): fate for code, fate in fates.items()}
        with self.ledger.read() as view:
            links = view.hub_links.sent_under(self.hub, remote_id)
            deliveries = {link.id: view.delivery(link.delivery_id) for link, _ in links if link.delivery_id is not None}
        for link, _ in links:
            delivery = deliveries.get(link.id)
            if delivery is None or _is_known(delivery, link, now):
                self._settle(link, LinkState.CLOSED, now)
                continue
            state, words = told.get(self._family(delivery.addressee, directory), ("", ""))
            self._learn(link, delivery.id, state, words)

    def asked(self, remote_id: str) -> None:
        """It was asked about, in vain: others come first the next time."""
        now = self.now()
        with self.ledger.read() as view:
            ids = [link.id for link, _ in view.hub_links.sent_under(self.hub, remote_id)]
        self.scribe.perform(lambda book: book.hub_links.checked(ids, at=now)).result()

    def _learn(self, link: HubLink, delivery_id: DeliveryId, state: str, words: str) -> None:
        now = self.now()
        if state == FAIL and now - link.at >= _FAIL_COUNTS_AFTER:
            state = DeliveryState.EXPIRED
        event = _ENDS.get(state)
        if state == DeliveryState.RECALLED and link.reason != state:
            event = None  # if its people agreed (status 15), that word comes first: see whether it is still said
        if event is None:
            heard = state if state == DeliveryState.RECALLED else ""
            self.scribe.perform(lambda book: book.hub_links.settle(link.id, link.state, at=now, reason=heard)).result()
            return

        def note(book: Book) -> None:
            book.hub_links.settle(link.id, LinkState.CLOSED, at=now, reason=words[:_MOST_REASON])
            if event is DeliveryEvent.GIVEN_BACK:
                book.hold_back_requests(delivery_id, at=now)

        cause = Cause(actor=self.hub, at=now, reason=words[:_MOST_REASON])
        self._perform([delivery_id], [event], cause, note)

    def _settle(self, link: HubLink, state: LinkState, at: datetime) -> None:
        self.scribe.perform(lambda book: book.hub_links.settle(link.id, state, at=at)).result()

    @staticmethod
    def _family(code: str, directory: Directory) -> frozenset[AgencyCode]:
        agency = directory.find(code)
        return frozenset({AgencyCode(code)}) if agency is None else directory.family(agency.code)

    def _link(self, parcel: Parcel, delivery: Delivery, remote_id: str, state: LinkState) -> HubLink:
        return HubLink(
            id=self.new_id(),
            hub=self.hub,
            direction=Direction.UP,
            remote_id=remote_id,
            state=state,
            at=self.now(),
            envelope_id=parcel.envelope.id,
            delivery_id=delivery.id,
        )

    def _perform(
        self,
        ids: Sequence[DeliveryId],
        events: Sequence[DeliveryEvent],
        cause: Cause,
        note: Callable[[Book], None],
        *,
        among: frozenset[DeliveryState] = _ANY,
    ) -> None:
        """Move those ``among`` these states and ``note`` it, in one transaction; what is past an event stays."""
        for _ in range(_RACES):
            moves = [move for one in ids for move in self._plan(one, events, cause, among)]

            def write(book: Book, moves: Sequence[Move] = moves) -> None:
                book.reserve(len(moves))
                if not all(move.apply(book) for move in moves):  # what was applied is undone
                    raise _OvertakenError
                note(book)

            try:
                self.scribe.perform(write).result()
            except _OvertakenError:
                continue
            return
        raise LedgerUnavailableError("the delivery is moved by others all the time")

    def _plan(
        self, delivery_id: DeliveryId, events: Sequence[DeliveryEvent], cause: Cause, among: frozenset[DeliveryState]
    ) -> list[Move]:
        with self.ledger.read() as view:
            delivery = view.delivery(delivery_id)
            envelope = view.envelope(delivery.envelope_id) if delivery else None
        moves: list[Move] = []
        if delivery is not None and delivery.state not in among:
            return moves
        for event in events:
            if delivery is None or envelope is None:
                break
            move = self.planner.plan(delivery, envelope, event, cause)
            if move is not None:
                moves.append(move)
                delivery = move.step.after
        return moves


def tiers(poll_seconds: float) -> tuple[Tier, ...]:
    """The fate of what was sent is asked for often while it is news, and ever more seldom afterwards."""
    return (
        Tier(younger_than=timedelta(hours=1), every=timedelta(seconds=2 * poll_seconds)),
        Tier(younger_than=timedelta(days=1), every=timedelta(minutes=10)),
        Tier(younger_than=timedelta(days=3650), every=timedelta(hours=1)),
    )


def _is_known(delivery: Delivery, link: HubLink, now: datetime) -> bool:
    """Whether nothing is left to learn: its own people's words were faster.

    What only our own lifetime ended may have arrived all the same: the hub is asked for some time yet.
    """
    if delivery.state is DeliveryState.EXPIRED:
        return now - link.at > ASKED_ABOUT
    return delivery.state in _ENDS
