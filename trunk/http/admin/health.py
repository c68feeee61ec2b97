"""What is stuck and what mends it, as ``trunk doctor`` tells it; and the journal's newest lines."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from trunk.domain.ailment import ADVICE, Finding
from trunk.domain.control import Role
from trunk.http.admin.words import TAG, Instant
from trunk.http.description import AdminRoute, Operation, Reply
from trunk.http.doors import AdminCall
from trunk.http.parameters import Integer, Query, Reference, read_query
from trunk.http.problems import Bilingual
from trunk.http.wire import Moment, Shape, answer, shorten, spell_time
from trunk.storage.journal import Line


class StuckThing(Shape):
    """Something that is stuck, or will be."""

    code: str = Field(examples=["DOC-110"])
    warning: bool = Field(description="nothing is stuck yet")
    what: str
    count: int
    since: Moment | None
    why: str
    title: Bilingual
    remedy: Bilingual

    @classmethod
    def of(cls, finding: Finding) -> StuckThing:
        advice = ADVICE[finding.ailment]
        return cls(
            code=finding.ailment,
            warning=advice.warning,
            what=shorten(finding.what),
            count=finding.count,
            since=None if finding.since is None else spell_time(finding.since),
            why=shorten(finding.why),
            title=Bilingual.of(advice.title),
            remedy=Bilingual.of(advice.remedy),
        )


class Diagnosed(Shape):
    """All that was found; empty: all is well."""

    items: list[StuckThing]


class JournalLine(Shape):
    """A line of the journal, and its place in its chain."""

    at: Moment
    node: str | None
    sequence: int | None
    envelope_id: str
    delivery_id: str | None
    event: str
    state: str | None
    actor: str
    reason: str

    @classmethod
    def of(cls, line: Line) -> JournalLine:
        return cls(
            at=spell_time(line.at),
            node=line.node,
            sequence=line.sequence,
            envelope_id=line.envelope_id,
            delivery_id=line.delivery_id,
            event=line.event,
            state=line.state,
            actor=line.actor,
            reason=line.reason,
        )


class JournalLines(Shape):
    """The newest lines, the oldest of them first."""

    items: list[JournalLine]


class JournalQuery(Query):
    """Which lines."""

    since: Instant | None = Field(default=None, description="written then or later")
    actor: Reference | None = Field(default=None, description="of this actor alone, e.g. operator/binh")
    limit: Annotated[Integer, Field(ge=1, le=500)] = Field(default=100, description="lines at most")


async def diagnose(call: AdminCall) -> web.StreamResponse:
    """Look at everything; changes nothing."""
    found = await call.offload.run(call.control.diagnose)
    return answer(Diagnosed(items=[StuckThing.of(one) for one in found]))


async def journal(call: AdminCall) -> web.StreamResponse:
    """The newest lines."""
    query = read_query(call.request, JournalQuery)
    found = await call.offload.run(lambda: call.control.journal(query.since, query.actor or "", query.limit))
    return answer(JournalLines(items=[JournalLine.of(line) for line in found]))


ROUTES: Final = (
    AdminRoute(
        method="GET",
        path="/api/v1/admin/doctor",
        role=Role.MONITOR,
        handle=diagnose,
        operation=Operation(
            id="diagnose",
            tag=TAG,
            summary="Ask what is stuck, and what mends it",
            summary_vi="Những gì đang vướng, và cách xử lý",
            replies=(Reply(status=200, about="What was found", shape=Diagnosed),),
        ),
    ),
    AdminRoute(
        method="GET",
        path="/api/v1/admin/journal",
        role=Role.MONITOR,
        handle=journal,
        operation=Operation(
            id="readJournal",
            tag=TAG,
            summary="Read the journal's newest lines",
            summary_vi="Những dòng nhật ký mới nhất",
            about="Whether it is whole, `trunk admin journal verify` says: that takes longer than a request should.",
            query=JournalQuery,
            replies=(Reply(status=200, about="The lines", shape=JournalLines),),
        ),
    ),
)
