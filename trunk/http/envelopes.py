"""Envelopes: submitted once, answered the same each time, and followed until every recipient has said its word."""

from __future__ import annotations

from itertools import islice
from typing import Final

from aiohttp import web
from pydantic import Field

from trunk.application.tracking import Tracking
from trunk.domain.agency import Caller
from trunk.domain.entry import AcceptedEnvelope
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import EnvelopeTrack
from trunk.http.description import Header, Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import Query, Reference, envelope_id, read_query
from trunk.http.problems import insist
from trunk.http.shapes import Acknowledgement, Delivery, Envelope, Event, LinkedId, Related, Status, events
from trunk.http.submitting import ADMISSION_REFUSALS, ENVELOPE_BODY, KEY_DECLARED, submission, take_in
from trunk.http.wire import Digest, Moment, Shape, answer, spell_time

REPLAYED: Final = "Idempotent-Replayed"
FOUND: Final = 50  #: envelopes in one answer to a question by document_id


class AcceptedDelivery(Shape):
    """A delivery that the acceptance made."""

    delivery_id: str
    agency: str


class Acceptance(Shape):
    """The trunk is responsible now. Made of what the ledger holds alone, so that it is the same at every repetition."""

    envelope_id: str
    kind: str = Field(examples=["document"])
    document_id: str
    sha256: Digest
    size: int
    accepted_at: Moment
    marked: bool = Field(description="true: travels for reference only, without a valid personal signature")
    deliveries: list[AcceptedDelivery] = Field(description="one for each recipient, in the order of the message")
    acknowledgement: Acknowledgement

    @classmethod
    def of(cls, accepted: AcceptedEnvelope) -> Acceptance:
        envelope, told = accepted.envelope, accepted.acknowledgement
        return cls(
            envelope_id=envelope.id,
            kind=envelope.kind,
            document_id=envelope.document_id,
            sha256=envelope.sha256,
            size=envelope.size,
            accepted_at=spell_time(envelope.accepted_at),
            marked=envelope.marked,
            deliveries=[AcceptedDelivery(delivery_id=d.id, agency=d.addressee) for d in accepted.deliveries],
            acknowledgement=Acknowledgement(
                kind=told.acknowledges or "",
                envelope_id=told.id,
                delivery_id=told.about_delivery,
                at=spell_time(told.accepted_at),
                xml=accepted.sealed.decode(),
            ),
        )


class Track(Shape):
    """An envelope with everything that happened to it, as far as the caller may see it."""

    envelope: Envelope
    progress: str = Field(
        examples=["delivered"],
        description="the least advanced delivery decides: waiting, relayed, undelivered, refused, delivered, received, "
        "recalled or kept",
    )
    deliveries: list[Delivery] = Field(description="a recipient sees its own only")
    acknowledgements: list[Acknowledgement] = Field(description="for the sender only")
    timeline: list[Event]
    statuses: list[Status] = Field(description="of the sender (13); `requests` of the deliveries say whom they concern")
    unmatched: list[Status] = Field(description="statuses that name the document and match no delivery here")
    related: list[Related] = Field(
        description="what it answers, revokes, updates or replaces, and what does so to it; of others' documents only "
        "what the caller's agencies sent or receive"
    )
    links: list[LinkedId] = Field(description="its ids with other hubs that belong to no single delivery")

    @classmethod
    def of(cls, track: EnvelopeTrack) -> Track:
        return cls(
            envelope=Envelope.of(track.envelope),
            progress=track.progress,
            deliveries=[Delivery.of(delivery) for delivery in track.deliveries],
            acknowledgements=[Acknowledgement.of(record) for record in track.acknowledgements],
            timeline=events(track.timeline),
            statuses=[Status.of(report) for report in track.statuses],
            unmatched=[Status.of(report) for report in track.unmatched],
            related=[Related.of(one) for one in track.related],
            links=[LinkedId.of(link) for link in track.links],
        )


class FoundEnvelopes(Shape):
    """Envelopes that the caller sent or receives."""

    items: list[Track]


class FindQuery(Query):
    """Which envelopes are looked for."""

    document_id: Reference = Field(description="edXML DocumentId, as the document says it")


async def submit(call: Call) -> web.StreamResponse:
    """Take an envelope in; answer after the commit."""
    async with submission(call) as submitted:
        outcome = await take_in(call, submitted)
    return _accepted(insist(outcome))


def _accepted(outcome: Accepted) -> web.Response:
    accepted = outcome.accepted
    headers = {"Location": f"/api/v1/envelopes/{accepted.envelope.id}"}
    if outcome.repeated:
        headers[REPLAYED] = "true"
    return answer(Acceptance.of(accepted), status=201, headers=headers)


async def show(call: Call) -> web.StreamResponse:
    """One envelope's track."""
    sought = envelope_id(call.request)
    track = await call.offload.run(lambda: call.doors.tracking.track_for(call.caller, sought))
    return answer(Track.of(insist(track)))


async def find(call: Call) -> web.StreamResponse:
    """Tracks by DocumentId."""
    query = read_query(call.request, FindQuery)
    tracks = await call.offload.run(lambda: _find(call.doors.tracking, call.caller, query.document_id))
    return answer(FoundEnvelopes(items=[Track.of(track) for track in tracks]))


def _find(tracking: Tracking, caller: Caller, document_id: str) -> list[EnvelopeTrack]:
    """What others exchange under the same id does not exist for the caller."""
    named = [record for record in tracking.find(document_id, caller=caller) if record.document_id == document_id]
    tracks = (tracking.track_for(caller, record.id) for record in named)
    return list(islice((track for track in tracks if not isinstance(track, Rejected)), FOUND))


ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/envelopes",
        handle=submit,
        operation=Operation(
            id="submitEnvelope",
            tag="Sending",
            summary="Submit an envelope",
            summary_vi="Gửi gói tin edXML",
            about="The body is the edXML message, octet for octet what the recipients will get. The answer comes after "
            "the commit: from then on the trunk is responsible. The same submission again gets the same answer.",
            headers=(KEY_DECLARED,),
            body=ENVELOPE_BODY,
            replies=(
                Reply(
                    status=201,
                    about="Accepted, now or before",
                    shape=Acceptance,
                    headers=(
                        Header(name="Location", about="Where the envelope can be followed"),
                        Header(name=REPLAYED, about="true: the same submission had been accepted before"),
                    ),
                ),
            ),
            refusals=(
                *ADMISSION_REFUSALS,
                Code.NOT_XML,
                Code.MISSING,
                Code.FORGED,
                Code.SENDER_NOT_CALLER,
                Code.ADDRESSEE_UNKNOWN,
                Code.IDEMPOTENCY_KEY_TAKEN,
            ),
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/envelopes",
        handle=find,
        operation=Operation(
            id="findEnvelopes",
            tag="Following",
            summary="Find envelopes by DocumentId",
            summary_vi="Tìm gói tin theo DocumentId",
            about=f"Newest first, at most {FOUND}; only what the caller's agencies sent or receive.",
            query=FindQuery,
            replies=(Reply(status=200, about="What was found; maybe nothing", shape=FoundEnvelopes),),
        ),
    ),
    Route(
        method="GET",
        path="/api/v1/envelopes/{envelope_id}",
        handle=show,
        operation=Operation(
            id="showEnvelope",
            tag="Following",
            summary="Follow an envelope",
            summary_vi="Theo dõi gói tin",
            about="The timeline per recipient, the statuses they reported, and the trunk's sealed acknowledgements. "
            "The sender sees all of it, a recipient its own part.",
            replies=(Reply(status=200, about="Where the envelope is", shape=Track),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
)
