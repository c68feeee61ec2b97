"""Who is late with what, and how quick everybody is: for clerks (all of it) and agencies' systems (their own part).

Reading only. Nothing here is stored: rules that change hold for yesterday's mail too.
"""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from trunk.domain.agency import Caller, Directory
from trunk.domain.dates import spell_date
from trunk.domain.deadlines import HANOI, Rules, reply_due
from trunk.domain.delivery import AgencyCode, DeliveryId
from trunk.domain.punctuality import (
    AgencyPunctuality,
    LateDelivery,
    LateKind,
    OverdueReport,
    Passage,
    Scope,
    measure,
)
from trunk.storage.ledger import Ledger, View
from trunk.storage.punctuality import Accepted, Owing

LONGEST: Final = 10_000
"""No list is longer, whatever is asked for."""
EVERY_KIND: Final = frozenset(LateKind)

_Counts = Mapping[AgencyCode, Counter[LateKind]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """Reports on who keeps the deadlines."""

    ledger: Ledger
    now: Callable[[], datetime]
    rules: Rules

    def overdue(
        self,
        *,
        recipient: AgencyCode | None = None,
        caller: Caller | None = None,
        kinds: Collection[LateKind] = EVERY_KIND,
        limit: int = LONGEST,
    ) -> OverdueReport:
        """What is late at this moment, the longest first, and how much by agency.

        ``caller``: only what its agencies sent or receive; without one, everything (clerks at the trunk).
        """
        now = self.now()
        with self.ledger.read() as view:
            look = _Look(view=view, rules=self.rules, scope=_scope(view, recipient, caller), now=now)
            unanswered = look.unanswered() if LateKind.NOT_ANSWERED in kinds else ()
            ids = {one.delivery_id for one in unanswered[:limit]}
            ids.update(found for kind in kinds for found in look.late(kind, limit))
            deliveries = [line for line in look.lines(ids) if any(late.kind in kinds for late in line.lates)]
            counts = look.counts(kinds, unanswered)
            names = _names(look.directory)
        wanted = [
            dataclasses.replace(line, lates=tuple(late for late in line.lates if late.kind in kinds))
            for line in deliveries
        ]
        wanted.sort(key=lambda line: (line.since, line.delivery.id))
        return OverdueReport(at=now, deliveries=wanted[:limit], by_agency=counts, names=names)

    def report(
        self,
        *,
        start: datetime,
        end: datetime,
        recipient: AgencyCode | None = None,
        caller: Caller | None = None,
    ) -> Sequence[AgencyPunctuality]:
        """By recipient: documents accepted from ``start`` to ``end``, how quickly they were handled, what is late."""
        now = self.now()
        with self.ledger.read() as view:
            look = _Look(view=view, rules=self.rules, scope=_scope(view, recipient, caller), now=now)
            passages = look.passages(start, end)
            late_now = look.counts(EVERY_KIND, look.unanswered())
            names = _names(look.directory)
        return [
            self._agency(code, names.get(code, ""), passages.get(code, ()), late_now.get(code, Counter()), now)
            for code in sorted(passages.keys() | late_now.keys())
        ]

    def _agency(
        self,
        code: AgencyCode,
        name: str,
        passages: Sequence[Passage],
        late_now: Mapping[LateKind, int],
        now: datetime,
    ) -> AgencyPunctuality:
        fetched, received, late = measure(passages, self.rules, now)
        return AgencyPunctuality(
            agency=code,
            name=name,
            documents=len(passages),
            fetched=fetched,
            received=received,
            late_in_period=late,
            late_now=late_now,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """One look into the ledger."""

    view: View
    rules: Rules
    scope: Scope
    now: datetime

    @property
    def directory(self) -> Directory:
        return self.view.directory()

    def late(self, kind: LateKind, limit: int) -> Iterator[DeliveryId]:
        for accepted in self._accepted(kind):
            yield from self.view.times().late(kind, accepted, self.scope, limit)

    def counts(self, kinds: Collection[LateKind], unanswered: Sequence[Owing]) -> _Counts:
        counted: defaultdict[AgencyCode, Counter[LateKind]] = defaultdict(Counter)
        for kind in kinds:
            for accepted in self._accepted(kind):
                for code, number in self.view.times().count_late(kind, accepted, self.scope).items():
                    counted[code][kind] += number
        for one in unanswered:
            counted[one.addressee][LateKind.NOT_ANSWERED] += 1
        return counted

    def unanswered(self) -> Sequence[Owing]:
        """Documents whose answer is late; the longest first."""
        today = spell_date(self.now.astimezone(HANOI).date())
        owing = self.view.times().owing(self.scope, since=self.now - self.rules.remembered, before_day=today)
        owing = [one for one in owing if reply_due(one.due_date, one.accepted_at)]
        answered = self._answered(owing)
        return sorted((one for one in owing if one.delivery_id not in answered), key=lambda one: one.due_date)

    def lines(self, ids: Collection[DeliveryId]) -> Iterator[LateDelivery]:
        found = self.view.times().lines(ids)
        answered = self._answered([owing for _, _, owing in found if owing.due_date])
        for listed, passage, _ in found:
            whole = dataclasses.replace(passage, answered_at=answered.get(listed.delivery.id))
            if lates := whole.late_now(self.rules, self.now):
                yield LateDelivery(
                    delivery=listed.delivery,
                    envelope=listed.envelope,
                    recipient_name=listed.recipient_name,
                    lates=lates,
                )

    def passages(self, start: datetime, end: datetime) -> Mapping[AgencyCode, Sequence[Passage]]:
        found = list(self.view.times().passages(self.scope, start=start, end=end))
        answered = self._answered([owing for _, owing in found if owing is not None])
        gathered: defaultdict[AgencyCode, list[Passage]] = defaultdict(list)
        for passage, _ in found:
            at = answered.get(passage.delivery_id)
            gathered[passage.addressee].append(dataclasses.replace(passage, answered_at=at) if at else passage)
        return gathered

    def _answered(self, owing: Sequence[Owing]) -> Mapping[DeliveryId, datetime]:
        """An agency answers also through its units, and under the codes of those that were merged into it."""
        if not owing:
            return {}
        directory = self.directory
        return self.view.times().answered(owing, lambda code: directory.spoken_for([code]) | directory.family(code))

    def _accepted(self, kind: LateKind) -> Iterator[Accepted]:
        """When a document must have been accepted to be late by now: urgent ones, and the others."""
        if kind is LateKind.NOT_ANSWERED:
            return  # its day is in the document, not in the time of acceptance
        due = self.rules.fetch_due if kind is LateKind.NOT_FETCHED else self.rules.receipt_due
        for urgent in (True, False):
            until = self.rules.accepted_by(partial(due, urgent=urgent), self.now)
            if until is not None:
                yield Accepted(urgent=urgent, start=self.now - self.rules.remembered, until=until)


def _scope(view: View, recipient: AgencyCode | None, caller: Caller | None) -> Scope:
    """Mail of before a merger has the codes of then."""
    family = view.directory().family(recipient) if recipient else None
    return Scope(recipients=family, reader=caller.agencies if caller else None)


def _names(directory: Directory) -> Mapping[AgencyCode, str]:
    return {agency.code: agency.name for agency in directory.agencies}
