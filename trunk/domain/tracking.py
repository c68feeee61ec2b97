"""Where an envelope is: what clerks and senders see. Worked out from deliveries and journal, never stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trunk.domain.business_status import Standing
from trunk.domain.change_request import ChangeRequest
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import HubLink
from trunk.domain.relation import RelatedDocument
from trunk.domain.unmatched import WhyUnmatched


class Noted(StrEnum):
    """What the journal notes beside the events of deliveries."""

    ACCEPTED = "accepted"
    ACKNOWLEDGED = "acknowledged"
    FETCHED = "fetched"  #: the octets left the house for the first time
    STATUS_REPORTED = "status_reported"
    RECALL_ASKED = "recall_asked"
    UPDATE_ASKED = "update_asked"
    OCTETS_PURGED = "octets_purged"  #: their retention had ended; the digest stays


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEvent:
    """One line of the journal: what happened, by whom, and (for people's acts) why."""

    at: datetime
    event: str  #: of ``Noted`` or ``DeliveryEvent``
    actor: str  #: a system id, ``relay``, ``sweep``, or the operator's name
    state: DeliveryState | None = None  #: the delivery's state after it
    reason: str = ""
    delivery_id: DeliveryId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """A business status that an agency reported on a delivery."""

    envelope_id: EnvelopeId  #: of the status message
    code: str
    description: str
    reporter: AgencyCode
    at: datetime  #: when the trunk accepted it
    delivery_id: DeliveryId | None  #: None: it matches no delivery here
    addressee: AgencyCode | None = None  #: who is told
    standing: Standing = Standing.ADVANCES  #: how it stands to those before it
    said_at: datetime | None = None  #: edXML ``Timestamp``: by the agency's own clock


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgementRecord:
    """An acknowledgement the trunk gave, with its sealed octets."""

    envelope: EnvelopeRecord
    sealed: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryTrack:
    """One recipient's part of the story."""

    delivery: Delivery
    name: str  #: of the agency, from the directory
    position: int  #: place in the order of acceptance
    timeline: Sequence[JournalEvent]
    statuses: Sequence[StatusReport]
    fetched_at: datetime | None = None
    taken_at: datetime | None = None  #: the agency's system had it whole
    settled_at: datetime | None = None  #: its people took it in or turned it down
    requests: Sequence[ChangeRequest] = ()  #: recalls and updates that were asked of it, oldest first
    links: Sequence[HubLink] = ()  #: its ids with other hubs


class Progress(StrEnum):
    """An envelope's summary: the least advanced of its deliveries decides; recalled ones count only if all are."""

    WAITING = "waiting"  #: somebody has not taken it yet
    RELAYED = "relayed"  #: somebody's is with another hub, which has not said yet what became of it
    UNDELIVERED = "undelivered"  #: somebody never took it in its lifetime
    REFUSED = "refused"  #: everybody has it; somebody refused it
    DELIVERED = "delivered"  #: everybody's system has it
    RECEIVED = "received"  #: everybody's people took it in
    RECALLED = "recalled"  #: everybody's was held back or given back
    KEPT = "kept"  #: it has no deliveries


_BY_STATE = {
    DeliveryState.QUEUED: Progress.WAITING,
    DeliveryState.DISPATCHED: Progress.WAITING,
    DeliveryState.DEFERRED: Progress.WAITING,
    DeliveryState.RELAYED: Progress.RELAYED,
    DeliveryState.EXPIRED: Progress.UNDELIVERED,
    DeliveryState.RECALLED: Progress.RECALLED,
    DeliveryState.REFUSED: Progress.REFUSED,
    DeliveryState.DELIVERED: Progress.DELIVERED,
    DeliveryState.RECEIVED: Progress.RECEIVED,
}


def progress(states: Sequence[DeliveryState]) -> Progress:
    """Summarise deliveries: the first of ``Progress``'s members that any of them is in.

    Beside others, recalled deliveries say nothing of how far the rest have come: a reader is told their number.
    """
    found = {_BY_STATE[state] for state in states}
    return next((p for p in Progress if p in found), Progress.KEPT)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvelopeTrack:
    """One envelope with everything that happened to it."""

    envelope: EnvelopeRecord
    deliveries: Sequence[DeliveryTrack]
    acknowledgements: Sequence[AcknowledgementRecord]
    timeline: Sequence[JournalEvent]  #: what happened to the envelope as a whole
    statuses: Sequence[StatusReport] = ()  #: of the sender (13); whom each concerns, ``DeliveryTrack.requests`` say
    unmatched: Sequence[StatusReport] = ()  #: they name the document, and nobody can tell which delivery
    related: Sequence[RelatedDocument] = ()  #: what it says of others, and what others say of it, oldest first
    links: Sequence[HubLink] = ()  #: ids with other hubs that belong to no delivery

    @property
    def progress(self) -> Progress:
        return progress([d.delivery.state for d in self.deliveries])


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxItem:
    """A delivery that waits for its agency."""

    delivery: Delivery
    envelope: EnvelopeRecord
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A line of a list: one delivery and the envelope it carries."""

    delivery: Delivery
    envelope: EnvelopeRecord
    recipient_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a clerk asks a list for; ``None`` or empty means any."""

    agency: AgencyCode | None = None  #: as sender or recipient
    states: frozenset[DeliveryState] = frozenset()
    kinds: frozenset[EnvelopeKind] = frozenset({EnvelopeKind.DOCUMENT})
    accepted_before: datetime | None = None
    accepted_after: datetime | None = None
    urgency_at_least: int = 0
    sent_only: bool = False  #: of ``agency`` as sender alone
    text: str = ""  #: in subject, DocumentId or document code; case does not matter
    reason_code: str = ""  #: why the last attempt failed, or another hub gave it up: the reason's first word
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSearch:
    """Which business statuses are asked for; the newest come first."""

    agencies: frozenset[AgencyCode] | None = None  #: as reporter or addressee; None: anybody's (clerks at the trunk)
    unmatched: bool = False  #: only those that match no document here
    before: StatusReport | None = None  #: only older ones: the last one of the page before
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedStatus:
    """A line of a list of statuses: what was said, and the message that says it."""

    report: StatusReport
    envelope: EnvelopeRecord  #: the status message; its ``document_id`` and ``document_code`` are what it speaks of
    about: EnvelopeId | None  #: the document; None: it matches none here
    why: WhyUnmatched | None = None  #: it matches none


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxCursor:
    """A place in an inbox that is read in windows: inside one, the most urgent first, then the oldest.

    ``floor`` < position <= ``window`` bounds the window; ``urgency`` and ``position`` are those of the last item
    seen in it (``None``: nothing seen yet). Positions grow in the order of commits, so nothing is skipped.
    """

    floor: int
    window: int
    urgency: int | None = None
    position: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxSelection:
    """Which part of an inbox a reader wants; empty or ``None`` means any."""

    kinds: frozenset[EnvelopeKind] = frozenset()
    states: frozenset[DeliveryState] = frozenset()
    accepted_after: datetime | None = None
    accepted_before: datetime | None = None


WHOLE_INBOX = InboxSelection()


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxPage:
    """A page of an inbox and where the next one starts (it may be empty yet)."""

    items: Sequence[InboxItem]
    next: InboxCursor
