"""Deliveries of everybody: searched, and one with its whole story, names of who did what in it."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import Field

from trunk.application.tracking import Tracking
from trunk.domain.control import Role
from trunk.domain.delivery import DeliveryId, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.replaying import REPLAYABLE
from trunk.domain.tracking import DeliveryTrack, EnvelopeTrack, JournalEvent, Listed
from trunk.http.admin.words import FIELDS, TAG, Filter, Instant, Kind, ReasonCode, State, search
from trunk.http.description import AdminRoute, Operation, Reply
from trunk.http.doors import AdminCall
from trunk.http.parameters import Integer, Query, Reference, delivery_id, read_query
from trunk.http.problems import insist
from trunk.http.wire import Moment, Shape, answer, spell_time

MAX_LIMIT: Final = 500


class AdminDelivery(Shape):
    """A delivery and what it carries."""

    delivery_id: str
    envelope_id: str
    kind: str = Field(examples=["document"])
    sender: str
    agency: str = Field(description="for whom it is")
    agency_name: str
    document_id: str
    document_code: str
    state: str = Field(examples=["expired"])
    replayable: bool = Field(description="whether a replay can put it back; what is queued stands there already")
    attempts: int
    version: int
    accepted_at: Moment
    due_at: Moment
    expires_at: Moment
    replayed_at: Moment | None = Field(description="when an operator last put it back")

    @classmethod
    def of(cls, line: Listed) -> AdminDelivery:
        delivery, envelope = line.delivery, line.envelope
        return cls(
            delivery_id=delivery.id,
            envelope_id=envelope.id,
            kind=envelope.kind,
            sender=envelope.sender,
            agency=delivery.addressee,
            agency_name=line.recipient_name,
            document_id=envelope.document_id,
            document_code=envelope.document_code,
            state=delivery.state,
            replayable=delivery.state in REPLAYABLE,
            attempts=delivery.attempts,
            version=delivery.version,
            accepted_at=spell_time(envelope.accepted_at),
            due_at=spell_time(delivery.due_at),
            expires_at=spell_time(delivery.expires_at),
            replayed_at=None if delivery.replayed_at is None else spell_time(delivery.replayed_at),
        )


class AdminDeliveries(Shape):
    """The newest of what was asked for."""

    items: list[AdminDelivery]
    more: bool = Field(description="there are older ones: ask again with an earlier until")


class AdminEvent(Shape):
    """A line of the journal."""

    at: Moment
    event: str
    state: str | None
    actor: str = Field(description="a system, a loop of the trunk, or operator/NAME")
    reason: str

    @classmethod
    def of(cls, event: JournalEvent) -> AdminEvent:
        return cls(
            at=spell_time(event.at), event=event.event, state=event.state, actor=event.actor, reason=event.reason
        )


class Told(Shape):
    """A fact that the trunk has told the sender about this delivery, under its seal."""

    kind: str = Field(examples=["undeliverable"])
    envelope_id: str
    at: Moment


class AdminStory(Shape):
    """A delivery and everything that happened to it."""

    delivery: AdminDelivery
    timeline: list[AdminEvent]
    acknowledgements: list[Told]


class AdminDeliveriesQuery(Query):
    """Which deliveries."""

    agency: Reference | None = Field(default=None, description=FIELDS["agency"])
    state: Annotated[tuple[State, ...], Field(max_length=len(DeliveryState))] = Field(
        default=(), description="may be repeated; default: any"
    )
    kind: Annotated[tuple[Kind, ...], Field(max_length=len(EnvelopeKind))] = Field(
        default=(), description="may be repeated; default: document"
    )
    since: Instant | None = Field(default=None, description=FIELDS["since"])
    until: Instant | None = Field(default=None, description=FIELDS["until"])
    reason_code: ReasonCode | None = Field(default=None, description=FIELDS["reason_code"])
    text: Reference | None = Field(default=None, description=FIELDS["text"])
    limit: Annotated[Integer, Field(ge=1, le=MAX_LIMIT)] = Field(default=100, description="items at most")


async def find(call: AdminCall) -> web.StreamResponse:
    """A list, the newest first."""
    query = read_query(call.request, AdminDeliveriesQuery)
    asked = Filter(**query.model_dump(exclude={"limit"}))
    tracking = call.control.tracking
    wanted = insist(await call.offload.run(lambda: search(asked, tracking, limit=query.limit + 1)))
    found = await call.offload.run(lambda: tracking.search(wanted))
    items = [AdminDelivery.of(line) for line in found[: query.limit]]
    return answer(AdminDeliveries(items=items, more=len(found) > query.limit))


async def show(call: AdminCall) -> web.StreamResponse:
    """One, with its story."""
    sought = delivery_id(call.request)
    found, track = insist(await call.offload.run(lambda: _find(call.control.tracking, sought)))
    line = Listed(delivery=found.delivery, envelope=track.envelope, recipient_name=found.name)
    told = [one.envelope for one in track.acknowledgements if one.envelope.about_delivery == sought]
    return answer(
        AdminStory(
            delivery=AdminDelivery.of(line),
            timeline=[AdminEvent.of(event) for event in found.timeline],
            acknowledgements=[
                Told(kind=one.acknowledges or "", envelope_id=one.id, at=spell_time(one.accepted_at)) for one in told
            ],
        )
    )


def _find(tracking: Tracking, sought: DeliveryId) -> tuple[DeliveryTrack, EnvelopeTrack] | Rejected:
    delivery = tracking.delivery(sought)
    track = tracking.track(delivery.envelope_id) if delivery is not None else None
    if track is None:
        return refuse(Code.NOT_FOUND, path="delivery_id", got=sought)
    return next(one for one in track.deliveries if one.delivery.id == sought), track


ROUTES: Final = (
    AdminRoute(
        method="GET",
        path="/api/v1/admin/deliveries",
        role=Role.MONITOR,
        handle=find,
        operation=Operation(
            id="findDeliveries",
            tag=TAG,
            summary="Search deliveries of all agencies",
            summary_vi="Tìm lượt giao của mọi cơ quan",
            query=AdminDeliveriesQuery,
            replies=(Reply(status=200, about="The newest first", shape=AdminDeliveries),),
            refusals=(Code.ADDRESSEE_UNKNOWN,),
        ),
    ),
    AdminRoute(
        method="GET",
        path="/api/v1/admin/deliveries/{delivery_id}",
        role=Role.MONITOR,
        handle=show,
        operation=Operation(
            id="showDeliveryStory",
            tag=TAG,
            summary="Look at a delivery and its journal",
            summary_vi="Xem một lượt giao và nhật ký của nó",
            about="With who did what, and why: operators' reasons are shown to operators only.",
            replies=(Reply(status=200, about="The delivery", shape=AdminStory),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
)
