"""Replays: counted first, ordered with a reason, worked off by the service, asked for their progress, stopped.

An order is answered as soon as it is entered: no request waits for thousands of deliveries.
"""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from aiohttp import web
from pydantic import Field, TypeAdapter

from trunk.application.replay_jobs import ReplayWish
from trunk.domain.control import Role
from trunk.domain.delivery import DeliveryId
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.replaying import Counted, JobProgress, NotPutBack
from trunk.http.admin.words import (
    MAX_JSON_OCTETS,
    OF_BODIES,
    TAG,
    Filter,
    ReasonWord,
    Word,
    read_body,
    read_order,
    search,
)
from trunk.http.description import JSON, AdminRoute, Body, Header, Operation, Reply
from trunk.http.doors import AdminCall
from trunk.http.parameters import Integer, Query, Reference, bad, read_json, read_query, reference
from trunk.http.problems import insist
from trunk.http.wire import Moment, Shape, answer, spell_time

log = structlog.get_logger()

MAX_NAMED: Final = 1000
MAX_PER_SECOND: Final = 1000
PATH: Final = "/api/v1/admin/replays"


class ReplayOrder(Word):
    """Deliveries by id or by a filter, the pace, and why."""

    deliveries: Annotated[tuple[Reference, ...], Field(max_length=MAX_NAMED)] = Field(
        default=(), description="ids; or give a filter"
    )
    filter: Filter | None = Field(default=None, description="which deliveries; at least one of its fields")
    reason: str = Field(
        default="", description="why; goes into the journal. 1 to 1000 characters; a dry run needs none"
    )
    per_second: float = Field(default=50.0, gt=0, le=MAX_PER_SECOND, description="pace")
    dry_run: bool = Field(default=False, description="only count what would be replayed")


class CountedDeliveries(Shape):
    """How many of one agency are in one state."""

    agency: str
    state: str = Field(examples=["expired"])
    count: int

    @classmethod
    def of(cls, one: Counted) -> CountedDeliveries:
        return cls(agency=one.agency, state=one.state, count=one.count)


class CountedReplay(Shape):
    """What an order would replay."""

    total: int
    counts: list[CountedDeliveries]


class LeftAlone(Shape):
    """A delivery that was not put back."""

    delivery_id: str
    code: str = Field(examples=["TRK-115"], description="why")

    @classmethod
    def of(cls, one: NotPutBack) -> LeftAlone:
        return cls(delivery_id=one.delivery_id, code=one.code)


class ReplayProgress(Shape):
    """An order, and how far it is."""

    replay_id: str
    state: str = Field(examples=["running"], description="running, finished or stopped")
    ordered_by: str
    ordered_at: Moment
    reason: str
    per_second: float
    total: int
    done: int
    outcomes: dict[str, int] = Field(
        description="deliveries by outcome: queued, already_queued, or the code of a refusal",
        examples=[{"queued": 120, "TRK-115": 2}],
    )
    ended_at: Moment | None
    ended_because: str = Field(description="of a stopped one: the reason, or the code (TRK-151: the key was revoked)")

    @classmethod
    def of(cls, progress: JobProgress) -> ReplayProgress:
        job = progress.job
        return cls(
            replay_id=job.id,
            state=job.state,
            ordered_by=job.actor,
            ordered_at=spell_time(job.ordered_at),
            reason=job.reason,
            per_second=job.per_second,
            total=job.total,
            done=progress.done,
            outcomes=dict(progress.outcomes),
            ended_at=None if job.ended_at is None else spell_time(job.ended_at),
            ended_because=job.ended_because,
        )


class ShownReplay(Shape):
    """An order, how far it is, and the first hundred that it left alone."""

    replay: ReplayProgress
    left_alone: list[LeftAlone]


class ListedReplays(Shape):
    """Orders, the newest first."""

    items: list[ReplayProgress]


class ReplaysQuery(Query):
    """How many."""

    limit: Annotated[Integer, Field(ge=1, le=100)] = Field(default=20, description="items at most")


_ORDER: Final = TypeAdapter(ReplayOrder)


async def order(call: AdminCall) -> web.StreamResponse:
    """Count, or enter the order."""
    said = read_json(await read_body(call), _ORDER)
    wish = await _wish(call, said)
    jobs = call.control.jobs
    if said.dry_run:
        counts = insist(await call.offload.run(lambda: jobs.rehearse(wish)))
        return answer(
            CountedReplay(total=sum(one.count for one in counts), counts=[CountedDeliveries.of(one) for one in counts])
        )
    entered = insist(await call.offload.run(lambda: jobs.order(call.operator, wish)))
    call.control.wake()
    log.info("replay_ordered", replay=entered.job.id, deliveries=entered.job.total)
    return answer(ReplayProgress.of(entered), status=202, headers={"Location": f"{PATH}/{entered.job.id}"})


async def _wish(call: AdminCall, said: ReplayOrder) -> ReplayWish:
    if bool(said.deliveries) == (said.filter is not None):
        raise bad("deliveries", expected="deliveries or a filter, and not both")
    if said.filter is None:
        ids = [DeliveryId(one) for one in said.deliveries]
        return ReplayWish(deliveries=ids, reason=said.reason, per_second=said.per_second)
    if said.filter.empty:
        raise bad("filter", expected="at least one of agency, state, since, until, reason_code, text")
    asked = said.filter
    wanted = insist(await call.offload.run(lambda: search(asked, call.control.tracking)))
    return ReplayWish(search=wanted, reason=said.reason, per_second=said.per_second)


async def show(call: AdminCall) -> web.StreamResponse:
    """How far one is."""
    sought = reference(call.request, "replay_id")

    def look() -> tuple[JobProgress | Rejected, list[NotPutBack]]:
        return call.control.jobs.progress(sought), list(call.control.jobs.not_put_back(sought))

    found, left = await call.offload.run(look)
    replay = ReplayProgress.of(insist(found))
    return answer(ShownReplay(replay=replay, left_alone=[LeftAlone.of(one) for one in left]))


async def list_(call: AdminCall) -> web.StreamResponse:
    """The newest."""
    query = read_query(call.request, ReplaysQuery)
    found = await call.offload.run(lambda: call.control.jobs.recent(query.limit))
    return answer(ListedReplays(items=[ReplayProgress.of(one) for one in found]))


async def stop(call: AdminCall) -> web.StreamResponse:
    """Put nothing more back."""
    sought = reference(call.request, "replay_id")
    said = await read_order(call)
    stopped = insist(await call.offload.run(lambda: call.control.jobs.stop(call.operator, sought, said.reason)))
    log.info("replay_stopped", replay=sought)
    return answer(ReplayProgress.of(stopped))


_EXAMPLES: Final = {
    "count": {"filter": {"agency": "H41.01", "state": ["expired"]}, "dry_run": True},
    "replay": {"filter": {"agency": "H41.01"}, "reason": "H41.01 was down", "per_second": 20},
    "some": {"deliveries": ["0199a3c4-7d0e-7c11-a3b5-5d0c8f6a2b11"], "reason": "their disk was full"},
}
ROUTES: Final = (
    AdminRoute(
        method="POST",
        path=PATH,
        role=Role.ADMINISTRATOR,
        handle=order,
        operation=Operation(
            id="orderReplay",
            tag=TAG,
            summary="Replay deliveries, or count what would be replayed",
            summary_vi="Giao lại các lượt giao, hoặc đếm trước",
            about="Deliveries are put back into their agencies' inboxes, one by one at the pace asked for, under the "
            "same ids. No sender is told anything twice. What was received, refused, recalled or purged is left alone. "
            f"A body has at most {MAX_JSON_OCTETS >> 10} KiB.",
            body=Body(media_types=(JSON,), shapes=(ReplayOrder,), examples=_EXAMPLES),
            replies=(
                Reply(status=200, about="Of a dry run: the numbers by agency and state", shape=CountedReplay),
                Reply(
                    status=202,
                    about="Entered; ask for its progress",
                    shape=ReplayProgress,
                    headers=(Header(name="Location", about="Where its progress is told"),),
                ),
            ),
            refusals=(
                *OF_BODIES,
                Code.NOT_FOUND,
                Code.ADDRESSEE_UNKNOWN,
                Code.ALREADY_SETTLED,
                Code.PURGED,
                Code.NOTHING_MATCHES,
                Code.TOO_MANY_MATCH,
            ),
        ),
    ),
    AdminRoute(
        method="GET",
        path=PATH,
        role=Role.MONITOR,
        handle=list_,
        operation=Operation(
            id="listReplays",
            tag=TAG,
            summary="List replays",
            summary_vi="Các đợt giao lại",
            query=ReplaysQuery,
            replies=(Reply(status=200, about="The newest first", shape=ListedReplays),),
        ),
    ),
    AdminRoute(
        method="GET",
        path=f"{PATH}/{{replay_id}}",
        role=Role.MONITOR,
        handle=show,
        operation=Operation(
            id="showReplay",
            tag=TAG,
            summary="Ask how far a replay is",
            summary_vi="Tiến độ một đợt giao lại",
            replies=(Reply(status=200, about="Its progress", shape=ShownReplay),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
    AdminRoute(
        method="POST",
        path=f"{PATH}/{{replay_id}}/stop",
        role=Role.ADMINISTRATOR,
        handle=stop,
        operation=Operation(
            id="stopReplay",
            tag=TAG,
            summary="Stop a replay",
            summary_vi="Dừng một đợt giao lại",
            about="What was put back stays so.",
            body=Body(media_types=(JSON,), shapes=(ReasonWord,), examples={"stop": {"reason": "wrong agency"}}),
            replies=(Reply(status=200, about="As it ended", shape=ReplayProgress),),
            refusals=(*OF_BODIES, Code.NOT_FOUND, Code.REPLAY_ENDED),
        ),
    ),
)
