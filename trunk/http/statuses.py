"""Business statuses as a list: what the caller's agencies reported and were told, and what matched no document."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from aiohttp import web
from pydantic import Field

from trunk.application.tracking import Tracking
from trunk.domain.agency import Caller
from trunk.domain.delivery import EnvelopeId
from trunk.domain.outcome import Rejected
from trunk.domain.tracking import ListedStatus, StatusSearch
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import Integer, Query, read_query
from trunk.http.problems import insist
from trunk.http.shapes import Status, said
from trunk.http.wire import Shape, answer

MAX_LIMIT: Final = 500


class ToldStatus(Status):
    """A business status and what it speaks of."""

    document_id: str = Field(description="edXML DocumentId of the document that it speaks of, as it says it")
    document_code: str
    promulgation_date: str = Field(description="yyyy/MM/dd")
    about: str | None = Field(description="envelope_id of that document; null: it matches none here")
    why: str | None = Field(
        examples=["unknown"],
        description="it matches none: nameless (it names no document), unknown (none of that name came this way), "
        "others (not between these two agencies), later (the document came after it), unclear (one like it is here)",
    )

    @classmethod
    def told(cls, line: ListedStatus) -> ToldStatus:
        envelope = line.envelope
        return cls(
            **said(line.report),
            document_id=envelope.document_id,
            document_code=envelope.document_code,
            promulgation_date=envelope.promulgation_date,
            about=line.about,
            why=line.why,
        )


class Statuses(Shape):
    """A page of statuses, newest first."""

    items: list[ToldStatus]
    next: str | None = Field(description="`before` of the next page; null: there is none")


class StatusesQuery(Query):
    """Which statuses, and how many."""

    unmatched: Literal["true", "false"] = Field(default="false", description="true: only those that match no document")
    before: Annotated[str, Field(pattern="^[A-Za-z0-9_.:-]+$", max_length=64)] | None = Field(
        default=None, description="`next` of the page before"
    )
    limit: Annotated[Integer, Field(ge=1, le=MAX_LIMIT)] = Field(default=100, description="items at most")


async def show(call: Call) -> web.StreamResponse:
    """A page of statuses."""
    query = read_query(call.request, StatusesQuery)
    found = insist(await call.offload.run(lambda: _look(call.doors.tracking, call.caller, query)))
    items = [ToldStatus.told(line) for line in found[: query.limit]]
    more = len(found) > query.limit
    return answer(Statuses(items=items, next=items[-1].envelope_id if more else None))


def _look(tracking: Tracking, caller: Caller, query: StatusesQuery) -> list[ListedStatus] | Rejected:
    search = StatusSearch(unmatched=query.unmatched == "true", limit=query.limit + 1)
    if query.before is None:
        return list(tracking.statuses(search, caller=caller))
    found = tracking.statuses_before(caller, EnvelopeId(query.before), search)
    return found if isinstance(found, Rejected) else list(found)


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/statuses",
        handle=show,
        operation=Operation(
            id="listStatuses",
            tag="Following",
            summary="List business statuses",
            summary_vi="Danh sách trạng thái xử lý",
            about="What the caller's agencies reported and what they were told, newest first. With `unmatched=true` "
            "only what matches no document here: both sides see it, and need not ask again and again.",
            query=StatusesQuery,
            replies=(Reply(status=200, about="A page; maybe nothing", shape=Statuses),),
        ),
    ),
)
