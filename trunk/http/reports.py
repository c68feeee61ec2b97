"""Reports: how quick each agency is, and who is late with what. A system sees what its agencies sent or receive.

All of the house is seen at the trunk (``trunk overdue``, ``trunk punctuality``): over HTTP there is no role yet that
may see mail of agencies it does not speak for.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from trunk.domain.delivery import AgencyCode
from trunk.domain.outcome import refuse
from trunk.domain.punctuality import AgencyPunctuality, Late, LateDelivery, LateKind, Quickness
from trunk.domain.rejection import Code
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import Integer, Query, Reference, bad, read_query
from trunk.http.problems import RefusedError
from trunk.http.shapes import Envelope
from trunk.http.wire import HANOI, Moment, Shape, answer, shorten, spell_time

MAX_DAYS: Final = 92
DEFAULT_DAYS: Final = 30
MAX_LIMIT: Final = 500

_Day = Annotated[str, Field(pattern="^20[0-9]{2}-[0-9]{2}-[0-9]{2}$")]
_AGENCY: Final = "only this recipient, by any of its codes"


class LateCounts(Shape):
    """How many documents, by what their recipient is late with; one may be late with several things."""

    not_fetched: int = Field(description="no system of the recipient has fetched it in time")
    not_received: int = Field(description="nobody there has received it in time (statuses 02 to 06)")
    not_answered: int = Field(description="the day of DueDate is over without an answer or status 06")

    @classmethod
    def of(cls, counts: Mapping[LateKind, int]) -> LateCounts:
        return cls(**{kind.value: counts.get(kind, 0) for kind in LateKind})


class Quick(Shape):
    """How long something took, of those documents with which it happened; by the wall clock."""

    count: int = Field(description="of how many documents")
    median_seconds: float
    p90_seconds: float = Field(description="nine of ten were at least as quick")

    @classmethod
    def of(cls, found: Quickness | None) -> Quick | None:
        if found is None:
            return None
        return cls(count=found.count, median_seconds=round(found.median, 3), p90_seconds=round(found.p90, 3))


class AgencyReport(Shape):
    """One recipient's part of the report."""

    agency: str = Field(examples=["H41.01"])
    name: str
    documents: int = Field(description="accepted for it in the period")
    fetched: Quick | None = Field(description="from accepted to fetched by its system; null: none was")
    received: Quick | None = Field(description="from accepted to received by its people (02 to 06); null: none was")
    late_in_period: LateCounts = Field(description="documents of the period that came late or are late")
    late_now: LateCounts = Field(description="documents of any time that are late at this moment")

    @classmethod
    def of(cls, one: AgencyPunctuality) -> AgencyReport:
        return cls(
            agency=one.agency,
            name=one.name,
            documents=one.documents,
            fetched=Quick.of(one.fetched),
            received=Quick.of(one.received),
            late_in_period=LateCounts.of(one.late_in_period),
            late_now=LateCounts.of(one.late_now),
        )


class PunctualityReport(Shape):
    """How quick each recipient is."""

    start: Moment = Field(description="the first moment of the period")
    end: Moment = Field(description="the first moment after it")
    agencies: list[AgencyReport] = Field(description="by code; recipients without documents are left out")


class LateWith(Shape):
    """One thing that a recipient is late with."""

    kind: str = Field(examples=["not_received"], description="not_fetched, not_received or not_answered")
    due_at: Moment
    late_seconds: int = Field(description="how long ago that was, by the wall clock")

    @classmethod
    def of(cls, late: Late, now: datetime) -> LateWith:
        return cls(kind=late.kind, due_at=spell_time(late.due_at), late_seconds=int(late.by(now).total_seconds()))


class OverdueDocument(Shape):
    """A document with which its recipient is late."""

    delivery_id: str
    agency: str = Field(description="the recipient")
    state: str
    late: list[LateWith] = Field(description="the longest first")
    envelope: Envelope

    @classmethod
    def of(cls, one: LateDelivery, now: datetime) -> OverdueDocument:
        return cls(
            delivery_id=one.delivery.id,
            agency=one.delivery.addressee,
            state=one.delivery.state,
            late=[LateWith.of(late, now) for late in one.lates],
            envelope=Envelope.of(one.envelope),
        )


class OverdueAgency(Shape):
    """How much one recipient is late with."""

    agency: str
    name: str
    late: LateCounts


class Overdue(Shape):
    """Who is late with what, at this moment."""

    at: Moment
    agencies: list[OverdueAgency] = Field(description="all that is late, also what `items` leaves out")
    items: list[OverdueDocument] = Field(description="the longest first")


class PunctualityQuery(Query):
    """Which period, and whose."""

    start: _Day | None = Field(
        default=None,
        alias="from",
        description=f"first day, yyyy-mm-dd by Vietnam's calendar. Default: {DEFAULT_DAYS} days before `to`",
    )
    end: _Day | None = Field(
        default=None, alias="to", description=f"last day, included. Default: today. {MAX_DAYS} days at most"
    )
    agency: Reference | None = Field(default=None, description=_AGENCY)


class OverdueQuery(Query):
    """What is late, and whose."""

    agency: Reference | None = Field(default=None, description=_AGENCY)
    kind: Literal["not_fetched", "not_received", "not_answered"] | None = Field(
        default=None, description="only what is late with this. Default: with anything"
    )
    limit: Annotated[Integer, Field(ge=1, le=MAX_LIMIT)] = Field(default=100, description="items at most")


async def punctuality(call: Call) -> web.StreamResponse:
    """How quick each recipient is."""
    query = read_query(call.request, PunctualityQuery)
    start, end = _period(query, call.doors.now())
    recipient = await _recipient(call, query.agency)
    found = await call.offload.run(
        lambda: call.doors.punctuality.report(start=start, end=end, recipient=recipient, caller=call.caller)
    )
    agencies = [AgencyReport.of(one) for one in found]
    return answer(PunctualityReport(start=spell_time(start), end=spell_time(end), agencies=agencies))


async def overdue(call: Call) -> web.StreamResponse:
    """Who is late with what."""
    query = read_query(call.request, OverdueQuery)
    recipient = await _recipient(call, query.agency)
    kinds = frozenset(LateKind) if query.kind is None else frozenset({LateKind(query.kind)})
    found = await call.offload.run(
        lambda: call.doors.punctuality.overdue(recipient=recipient, caller=call.caller, kinds=kinds, limit=query.limit)
    )
    agencies = [
        OverdueAgency(agency=code, name=found.names.get(code, ""), late=LateCounts.of(counts))
        for code, counts in sorted(found.by_agency.items())
    ]
    items = [OverdueDocument.of(one, found.at) for one in found.deliveries]
    return answer(Overdue(at=spell_time(found.at), agencies=agencies, items=items))


async def _recipient(call: Call, named: str | None) -> AgencyCode | None:
    if named is None:
        return None
    directory = await call.offload.run(call.doors.registry.directory)
    agency = directory.find(named)
    if agency is None:
        raise RefusedError(refuse(Code.NOT_FOUND, path="agency", got=shorten(named)))
    return agency.code


def _period(query: PunctualityQuery, now: datetime) -> tuple[datetime, datetime]:
    last = _day("to", query.end) or now.astimezone(HANOI).date()
    first = _day("from", query.start) or last - timedelta(days=DEFAULT_DAYS)
    if not 0 <= (last - first).days < MAX_DAYS:
        raise bad("from", expected=f"a day up to {MAX_DAYS - 1} days before `to`", got=first.isoformat())
    return _midnight(first), _midnight(last + timedelta(days=1))


def _day(name: str, written: str | None) -> date | None:
    try:
        return None if written is None else date.fromisoformat(written)
    except ValueError as error:
        raise bad(name, expected="a day, yyyy-mm-dd", got=written or "") from error


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), HANOI)


_WHO: Final = "A system sees what its agencies receive and what they sent; the whole house is seen at the trunk only."

ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/reports/punctuality",
        handle=punctuality,
        operation=Operation(
            id="reportPunctuality",
            tag="Reports",
            summary="How quick is each agency?",
            summary_vi="Mức độ đúng hạn của từng cơ quan",
            about="For each recipient: how long it took until its system fetched its documents and until its people "
            f"received them, and how many came late by the trunk's deadlines. {_WHO}",
            query=PunctualityQuery,
            replies=(Reply(status=200, about="The report", shape=PunctualityReport),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/reports/overdue",
        handle=overdue,
        operation=Operation(
            id="reportOverdue",
            tag="Reports",
            summary="Which agency is late with what?",
            summary_vi="Cơ quan nào quá hạn",
            about="Documents that were not fetched, not received or not answered in time, at this moment. Statuses, "
            f"acknowledgements and what was recalled, refused or has expired are never late. {_WHO}",
            query=OverdueQuery,
            replies=(Reply(status=200, about="What is late; maybe nothing", shape=Overdue),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
)
