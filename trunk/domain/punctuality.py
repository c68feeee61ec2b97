"""Who is late with what, and how quick each agency is. Worked out from times that the ledger keeps, never stored.

An agency owes three things: its system fetches what waits, its people take it in (or turn it down), and they answer
where the document says by when. Only documents can be late: nobody owes an answer to a status or an acknowledgement.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from trunk.domain.deadlines import URGENT, Rules, reply_due
from trunk.domain.delivery import UNFINISHED, WAITING, AgencyCode, Delivery, DeliveryId, DeliveryState
from trunk.domain.entry import EnvelopeRecord


class LateKind(StrEnum):
    """What somebody is late with."""

    NOT_FETCHED = "not_fetched"  #: it waits here, and the recipient's system has not fetched it
    NOT_RECEIVED = "not_received"  #: nobody there has taken it in (03 to 06) or turned it down (02)
    NOT_ANSWERED = "not_answered"  #: its DueDate is over without an answer or status 06


UNSETTLED = UNFINISHED | {DeliveryState.DELIVERED}
"""States in which a receipt is owed."""
UNANSWERED = UNSETTLED | {DeliveryState.RECEIVED}
"""States in which an answer may be owed. What was refused, recalled or given up is nobody's duty any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """One thing that somebody is late with."""

    kind: LateKind
    due_at: datetime

    def by(self, now: datetime) -> timedelta:
        """How long."""
        return now - self.due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One document's way to one agency, by its times."""

    delivery_id: DeliveryId
    addressee: AgencyCode
    urgency: int
    state: DeliveryState
    accepted_at: datetime
    fetched_at: datetime | None  #: octets first left the house, else when the system had it whole
    settled_at: datetime | None
    due_date: str = ""
    answered_at: datetime | None = None

    @property
    def urgent(self) -> bool:
        return self.urgency >= URGENT

    def late_now(self, rules: Rules, now: datetime) -> tuple[Late, ...]:
        """What its recipient is late with at this moment; the longest first."""
        if self.accepted_at < now - rules.remembered:
            return ()
        found = (late for late in self._owed(rules) if late.due_at < now)
        return tuple(sorted(found, key=lambda late: late.due_at))

    def were_late(self, rules: Rules, now: datetime) -> Iterator[LateKind]:
        """What came late or is late; an expired document was never fetched, a recalled one is nobody's fault."""
        if self.state is DeliveryState.RECALLED:
            return
        urgent = self.urgent
        fetched = self.fetched_at or now
        quick = fetched - self.accepted_at <= (rules.urgent_fetch if urgent else rules.fetch)  # also by the wall clock
        if not quick and fetched > rules.fetch_due(self.accepted_at, urgent=urgent):
            yield LateKind.NOT_FETCHED
        if (self.settled_at or now) > rules.receipt_due(self.accepted_at, urgent=urgent):
            yield LateKind.NOT_RECEIVED
        due = reply_due(self.due_date, self.accepted_at) if self.state in UNANSWERED else None
        if due is not None and (self.answered_at or now) > due:
            yield LateKind.NOT_ANSWERED

    def _owed(self, rules: Rules) -> Iterator[Late]:
        if self.state in WAITING and self.fetched_at is None:
            due = rules.fetch_due(self.accepted_at, urgent=self.urgent)
            yield Late(kind=LateKind.NOT_FETCHED, due_at=due)
        if self.state in UNSETTLED and self.settled_at is None:
            due = rules.receipt_due(self.accepted_at, urgent=self.urgent)
            yield Late(kind=LateKind.NOT_RECEIVED, due_at=due)
        answer = reply_due(self.due_date, self.accepted_at) if self.state in UNANSWERED else None
        if answer is not None and self.answered_at is None:
            yield Late(kind=LateKind.NOT_ANSWERED, due_at=answer)


def lateness(delivery: Delivery, envelope: EnvelopeRecord, rules: Rules, now: datetime) -> tuple[Late, ...]:
    """Of one delivery, by what its own row says: whether it was answered takes a look at other documents."""
    passage = Passage(
        delivery_id=delivery.id,
        addressee=delivery.addressee,
        urgency=delivery.urgency,
        state=delivery.state,
        accepted_at=envelope.accepted_at,
        fetched_at=delivery.fetched_at,
        settled_at=None,
    )
    return passage.late_now(rules, now)


@dataclass(frozen=True, slots=True, kw_only=True)
class LateDelivery:
    """A line of ``trunk overdue``."""

    delivery: Delivery
    envelope: EnvelopeRecord
    recipient_name: str
    lates: tuple[Late, ...]  #: the longest first; never empty

    @property
    def since(self) -> datetime:
        return self.lates[0].due_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose mail a report is about, and who reads it; ``None``: anybody's."""

    recipients: frozenset[AgencyCode] | None = None
    reader: frozenset[AgencyCode] | None = None  #: what these sent or receive


@dataclass(frozen=True, slots=True, kw_only=True)
class Quickness:
    """How long something took, of those documents with which it happened, in seconds by the wall clock."""

    count: int
    median: float
    p90: float  #: nine of ten were at least as quick

    @classmethod
    def of(cls, durations: Iterable[timedelta]) -> Quickness | None:
        """``None``: it never happened."""
        seconds = sorted(duration.total_seconds() for duration in durations)
        if not seconds:
            return None
        nearest = math.ceil(0.9 * len(seconds)) - 1
        return cls(count=len(seconds), median=median(seconds), p90=seconds[nearest])


@dataclass(frozen=True, slots=True, kw_only=True)
class AgencyPunctuality:
    """One recipient's part of a report."""

    agency: AgencyCode
    name: str
    documents: int  #: that were accepted for it in the period
    fetched: Quickness | None  #: from accepted to fetched
    received: Quickness | None  #: from accepted to taken in or turned down
    late_in_period: Mapping[LateKind, int]  #: of these documents: came late, or are late
    late_now: Mapping[LateKind, int]  #: of all documents that are remembered


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueReport:
    """Who is late with what."""

    at: datetime
    deliveries: Sequence[LateDelivery]  #: the longest first, as many as were asked for
    by_agency: Mapping[AgencyCode, Mapping[LateKind, int]]  #: all of them
    names: Mapping[AgencyCode, str]


def measure(
    passages: Sequence[Passage], rules: Rules, now: datetime
) -> tuple[Quickness | None, Quickness | None, Mapping[LateKind, int]]:
    """Of the documents of one recipient: how quickly fetched, how quickly received, how many late."""
    fetched = Quickness.of(p.fetched_at - p.accepted_at for p in passages if p.fetched_at is not None)
    received = Quickness.of(p.settled_at - p.accepted_at for p in passages if p.settled_at is not None)
    return fetched, received, Counter(kind for p in passages for kind in p.were_late(rules, now))
