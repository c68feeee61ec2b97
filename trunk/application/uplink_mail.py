"""What comes down from another hub: taken in like any submission, bound to that hub's id, and its fate told back.

A crash between intake and link takes it in again, which is the same submission; what was taken is never asked for
again, and what we refused neither.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trunk.domain.agency import Caller, Directory, HubSide, SystemId
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryState
from trunk.domain.entry import AcceptedEnvelope
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import CATALOGUE, Code
from trunk.storage.ledger import Book, Ledger
from trunk.storage.scribe import Scribe

_HAD: Final = frozenset({DeliveryState.DELIVERED, DeliveryState.RECEIVED, DeliveryState.REFUSED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """The hub is to be told how one of its messages ended."""

    link: HubLink
    done: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inward:
    """What of the other hub's mail is ours."""

    ledger: Ledger
    scribe: Scribe
    directory: Callable[[], Directory]
    hub: str
    now: Callable[[], datetime]
    new_id: Callable[[], str]

    @property
    def caller(self) -> Caller:
        """As whom its mail comes in."""
        return Caller(system=carrier(self.hub), agencies=frozenset(), hub=HubSide.ABOVE)

    def known(self, remote_ids: Collection[str]) -> Mapping[str, HubLink]:
        """Which of these we have met before."""
        with self.ledger.read() as view:
            return view.hub_links.known(self.hub, remote_ids)

    def is_ours(self, code: str) -> bool:
        """Whether we deliver to that agency ourselves."""
        agency = self.directory().find(code)
        return agency is not None and not agency.beyond

    def took(self, remote_id: str, to: str, outcome: Accepted) -> HubLink:
        """It is committed here: bind both ids together."""
        delivery = self._meant(outcome.accepted, to)
        link = self._link(remote_id, LinkState.OPEN, envelope=outcome.accepted, delivery=delivery)
        self.scribe.perform(lambda book: book.hub_links.put(link)).result()
        return link

    def refused(self, remote_id: str, reason: str) -> bool:
        """We will not have it; ``False`` if another process has met it meanwhile: what that one did with it holds."""
        link = self._link(remote_id, LinkState.REFUSED, reason=reason)

        def put(book: Book) -> bool:
            if book.hub_links.known(self.hub, [remote_id]):
                return False
            book.hub_links.put(link)
            return True

        return self.scribe.perform(put).result()

    def due(self, *, limit: int = 50) -> list[Due]:
        """What the hub is to be told now."""
        with self.ledger.read() as view:
            links = view.hub_links.to_tell(self.hub, limit=limit)
        return [_word(link, fate) for link, fate in links]

    def told(self, link: HubLink, *, reason: str = "") -> None:
        """The hub knows how it ended, or does not want to know."""
        self._write(lambda book, at: book.hub_links.settle(link.id, LinkState.CLOSED, at=at, reason=reason))

    def reminded(self, links: Sequence[HubLink]) -> None:
        """The hub was told once more what it had been told."""
        self._write(lambda book, at: book.hub_links.checked([link.id for link in links], at=at))

    def _write(self, write: Callable[[Book, datetime], None]) -> None:
        at = self.now()
        self.scribe.perform(lambda book: write(book, at)).result()

    def _meant(self, accepted: AcceptedEnvelope, to: str) -> Delivery | None:
        """The delivery to the agency that the hub names; the only one, if it names none."""
        directory = self.directory()
        found = directory.find(to)
        family = frozenset[AgencyCode]() if found is None else directory.family(found.code)
        named = [one for one in accepted.deliveries if one.addressee in family]
        if not named and len(accepted.deliveries) == 1:
            named = list(accepted.deliveries)
        return named[0] if named else None

    def _link(
        self,
        remote_id: str,
        state: LinkState,
        *,
        envelope: AcceptedEnvelope | None = None,
        delivery: Delivery | None = None,
        reason: str = "",
    ) -> HubLink:
        return HubLink(
            id=self.new_id(),
            hub=self.hub,
            direction=Direction.DOWN,
            remote_id=remote_id,
            state=state,
            at=self.now(),
            envelope_id=envelope.envelope.id if envelope else None,
            delivery_id=delivery.id if delivery else None,
            reason=reason,
            checked_at=self.now(),
        )


def carrier(hub: str) -> SystemId:
    """The system as which mail of that hub comes in; no agency's system has such an id."""
    return SystemId(f"uplink:{hub}")


def is_temporary(rejected: Rejected) -> bool:
    """Whether the same may be taken later."""
    return rejected.retry_after is not None or all(CATALOGUE[flaw.code].temporary for flaw in rejected.flaws)


def is_stranger(rejected: Rejected) -> bool:
    """Whether it is refused only because nobody knows its sender: the address book may be behind."""
    return {flaw.code for flaw in rejected.flaws} == {Code.SENDER_UNKNOWN}


def reason_of(rejected: Rejected) -> str:
    """The codes, in ASCII: other hubs read headers with them."""
    return " ".join(dict.fromkeys(flaw.code.value for flaw in rejected.flaws))


def _word(link: HubLink, fate: DeliveryState | None) -> Due:
    if fate is None or fate in _HAD:
        return Due(link=link, done=True)
    return Due(link=link, done=False, reason=fate.value)
