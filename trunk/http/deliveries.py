"""A delivery, from the recipient's side: look at it, fetch it octet for octet, say if it arrived whole."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from trunk.application.handover import Confirmed, Failed, Taken
from trunk.application.tracking import Tracking
from trunk.domain.agency import Caller
from trunk.domain.delivery import DeliveryId
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import DeliveryTrack, EnvelopeTrack
from trunk.http.content import Octets, send
from trunk.http.description import JSON, XML, Body, Header, Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.envelopes import REPLAYED
from trunk.http.parameters import delivery_id, read_json
from trunk.http.problems import insist
from trunk.http.shapes import Delivery, Envelope, Related, verdict
from trunk.http.spool import JSON_TYPES
from trunk.http.submitting import spool
from trunk.http.wire import Shape, answer, spell_time

log = structlog.get_logger()

MAX_JSON_OCTETS: Final = 64 << 10


class ShownDelivery(Shape):
    """A delivery and the envelope that it carries."""

    delivery: Delivery
    envelope: Envelope
    related: list[Related] = Field(
        description="what the document answers, revokes, updates or replaces, and what does so to it"
    )
    signature: dict[str, Any] = Field(description="the trunk's verdict over the signature, as it was at acceptance")


class _Word(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TakenWord(_Word):
    """The agency's system has the envelope whole."""

    outcome: Literal["taken"]
    sha256: Annotated[str, StringConstraints(pattern="^[0-9A-Fa-f]{64}$")] = Field(
        description="SHA-256 over the octets received, hex"
    )

    def meant(self) -> Taken:
        return Taken(self.sha256.lower())


class FailedWord(_Word):
    """The agency's system could not take it; it is offered again later."""

    outcome: Literal["failed"]
    reason: Annotated[str, StringConstraints(min_length=1, max_length=1000, pattern=r"^[^\x00]+$")] = Field(
        description="for the sender and the clerks to read"
    )

    def meant(self) -> Failed:
        return Failed(self.reason)


_WORD: Final[TypeAdapter[TakenWord | FailedWord]] = TypeAdapter(
    Annotated[TakenWord | FailedWord, Field(discriminator="outcome")]
)


class Confirmation(Shape):
    """Where the delivery stands after the word."""

    delivery_id: str
    envelope_id: str
    agency: str
    state: str = Field(examples=["delivered"])
    version: int

    @classmethod
    def of(cls, confirmed: Confirmed) -> Confirmation:
        delivery = confirmed.delivery
        return cls(
            delivery_id=delivery.id,
            envelope_id=delivery.envelope_id,
            agency=delivery.addressee,
            state=delivery.state,
            version=delivery.version,
        )


async def show(call: Call) -> web.StreamResponse:
    """One delivery with its envelope."""
    sought = delivery_id(call.request)
    found, track = insist(await call.offload.run(lambda: _find(call.doors.tracking, call.caller, sought)))
    return answer(
        ShownDelivery(
            delivery=Delivery.of(found),
            envelope=Envelope.of(track.envelope),
            related=[Related.of(one) for one in track.related],
            signature=verdict(track.envelope),
        )
    )


async def fetch(call: Call) -> web.StreamResponse:
    """The envelope's octets."""
    sought = delivery_id(call.request)
    content = insist(await call.offload.run(lambda: call.doors.handover.fetch(call.caller, sought)))
    envelope = content.envelope
    octets = Octets(source=content.octets, size=envelope.size, sha256=envelope.sha256)
    headers = {
        "Content-Type": XML,
        "Content-Disposition": f'attachment; filename="{envelope.id}.edxml"',
        "Trunk-Envelope-Id": envelope.id,
        "Trunk-Delivery-Version": str(content.delivery.version),
    }
    if content.delivery.replayed_at is not None:
        headers["Trunk-Replayed-At"] = spell_time(content.delivery.replayed_at)
    return await send(call.request, octets, headers=headers, timeout_seconds=call.doors.settings.body_timeout_seconds)


async def confirm(call: Call) -> web.StreamResponse:
    """The agency's word on a delivery."""
    sought = delivery_id(call.request)
    async with spool(call, max_octets=MAX_JSON_OCTETS).admit(call.request, types=JSON_TYPES) as body:
        said = read_json(body.read(), _WORD)
    word = said.meant()
    confirmed = insist(await call.offload.run(lambda: call.doors.handover.confirm(call.caller, sought, word)))
    call.doors.wake_relay()
    call.meters.confirmed(outcome=said.outcome)
    log.info(
        "delivery_confirmed",
        delivery=sought,
        outcome=said.outcome,
        state=confirmed.delivery.state,
        repeated=confirmed.repeated,
    )
    return answer(Confirmation.of(confirmed), headers={REPLAYED: "true"} if confirmed.repeated else None)


def _find(tracking: Tracking, caller: Caller, sought: DeliveryId) -> tuple[DeliveryTrack, EnvelopeTrack] | Rejected:
    """Visible for the sender and for the recipient that it goes to."""
    for record in tracking.find(sought):
        track = tracking.track_for(caller, record.id)
        if isinstance(track, Rejected):
            continue
        for delivery in track.deliveries:
            if delivery.delivery.id == sought:
                return delivery, track
    return refuse(Code.NOT_FOUND, path="delivery_id", got=sought)


_CONTENT_HEADERS: Final = (
    Header(name="ETag", about="The digest, in quotes"),
    Header(name="Repr-Digest", about="RFC 9530: sha-256 of the whole"),
    Header(name="Accept-Ranges", about="bytes"),
    Header(name="Trunk-Envelope-Id", about="The envelope's id"),
    Header(name="Trunk-Delivery-Version", about="Raised by every step"),
    Header(name="Trunk-Replayed-At", about="When an administrator last put it back; absent: never"),
)

ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/deliveries/{delivery_id}",
        handle=show,
        operation=Operation(
            id="showDelivery",
            tag="Receiving",
            summary="Look at a delivery",
            summary_vi="Xem một lần giao",
            about="For the sender and the recipient.",
            replies=(Reply(status=200, about="The delivery and its envelope", shape=ShownDelivery),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/deliveries/{delivery_id}/envelope",
        handle=fetch,
        operation=Operation(
            id="fetchEnvelope",
            tag="Receiving",
            summary="Fetch the envelope",
            summary_vi="Tải gói tin",
            about="Octet for octet what was submitted; repeatable, also after the confirmation. One range at a time.",
            headers=(
                Header(name="Range", about="One range of octets: bytes=0-1023"),
                Header(name="If-None-Match", about="The ETag of what the caller has already"),
                Header(name="If-Range", about="The ETag that the range belongs to"),
            ),
            replies=(
                Reply(status=200, about="The whole", media_type=XML, headers=_CONTENT_HEADERS),
                Reply(
                    status=206,
                    about="The range",
                    media_type=XML,
                    headers=(*_CONTENT_HEADERS, Header(name="Content-Range", about="Which octets of how many")),
                ),
                Reply(status=304, about="The caller has it already"),
            ),
            refusals=(Code.NOT_FOUND, Code.RANGE_NOT_SATISFIABLE, Code.CORRUPT_PAYLOAD),
        ),
    ),
    Route(
        method="POST",
        path="/api/v1/deliveries/{delivery_id}/confirmation",
        handle=confirm,
        operation=Operation(
            id="confirmDelivery",
            tag="Receiving",
            summary="Confirm a delivery",
            summary_vi="Xác nhận đã nhận",
            about="`taken` with the digest of the octets received ends the trunk's care and tells the sender; `failed` "
            "puts it off. The same word again is a quiet success.",
            body=Body(
                media_types=(JSON,),
                shapes=(TakenWord, FailedWord),
                discriminator="outcome",
                examples={
                    "taken": {"outcome": "taken", "sha256": "9f86d081884c7d659a2feaa0c55ad015" * 2},
                    "failed": {"outcome": "failed", "reason": "Hết dung lượng / the disk is full"},
                },
            ),
            replies=(
                Reply(
                    status=200,
                    about="Where the delivery stands",
                    shape=Confirmation,
                    headers=(Header(name=REPLAYED, about="true: it stood there before"),),
                ),
            ),
            refusals=(
                Code.NOT_FOUND,
                Code.WRONG_DIGEST,
                Code.ALREADY_CONFIRMED,
                Code.BODY_CUT_OFF,
                Code.TOO_LARGE,
                Code.MEDIA_TYPE,
            ),
        ),
    ),
)
