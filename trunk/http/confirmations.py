"""Many deliveries confirmed in one request: each word stands for itself, those that hold are committed together."""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from trunk.application.handover import Confirmed
from trunk.domain.delivery import DeliveryId
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.http.deliveries import Confirmation, FailedWord, TakenWord
from trunk.http.description import JSON, Body, Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import read_json
from trunk.http.problems import Fault, codes
from trunk.http.spool import JSON_TYPES
from trunk.http.submitting import spool
from trunk.http.wire import Shape, answer

log = structlog.get_logger()

MOST: Final = 500  #: words in one request
MAX_JSON_OCTETS: Final = 1 << 20

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern="^[A-Za-z0-9_.:-]+$")]


class TakenOne(TakenWord):
    """The agency's system has this delivery whole."""

    delivery_id: _Id


class FailedOne(FailedWord):
    """The agency's system could not take this delivery; it is offered again later."""

    delivery_id: _Id


class Words(BaseModel):
    """What the agency's system says of several deliveries."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    words: Annotated[
        list[Annotated[TakenOne | FailedOne, Field(discriminator="outcome")]],
        Field(min_length=1, max_length=MOST),
    ]


_WORDS: Final[TypeAdapter[Words]] = TypeAdapter(Words)


class Heard(Shape):
    """What became of one word."""

    delivery_id: str
    confirmation: Confirmation | None = Field(description="where the delivery stands; null: the word was refused")
    repeated: bool = Field(description="true: it stood there before")
    faults: list[Fault] = Field(description="why the word was refused; else empty")

    @classmethod
    def of(cls, delivery_id: str, outcome: Confirmed | Rejected) -> Heard:
        if isinstance(outcome, Rejected):
            faults = [Fault.of(flaw) for flaw in outcome.flaws]
            return cls(delivery_id=delivery_id, confirmation=None, repeated=False, faults=faults)
        told = Confirmation.of(outcome)
        return cls(delivery_id=delivery_id, confirmation=told, repeated=outcome.repeated, faults=[])


class AllHeard(Shape):
    """The answers, in the order of the words."""

    items: list[Heard]


async def confirm_all(call: Call) -> web.StreamResponse:
    """The agency's words on many deliveries."""
    async with spool(call, max_octets=MAX_JSON_OCTETS).admit(call.request, types=JSON_TYPES) as body:
        said = read_json(body.read(), _WORDS).words
    words = [(DeliveryId(one.delivery_id), one.meant()) for one in said]
    heard = await call.offload.run(lambda: call.doors.handover.confirm_all(call.caller, words))
    call.doors.wake_relay()
    refused: list[str] = []
    for one, outcome in zip(said, heard, strict=True):
        if isinstance(outcome, Rejected):
            refused += codes(outcome.flaws)
        else:
            call.meters.confirmed(outcome=one.outcome)
    log.info("deliveries_confirmed", words=len(said), refused=refused[:MOST])
    return answer(AllHeard(items=[Heard.of(one.delivery_id, out) for one, out in zip(said, heard, strict=True)]))


ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/confirmations",
        handle=confirm_all,
        operation=Operation(
            id="confirmDeliveries",
            tag="Receiving",
            summary="Confirm many deliveries",
            summary_vi="Xác nhận nhiều lần giao",
            about=f"Up to {MOST} words in one request, each as in confirmDelivery. Each stands for itself: a refused "
            "one leaves the others as they are. The same words again are a quiet success.",
            body=Body(
                media_types=(JSON,),
                shapes=(Words,),
                examples={
                    "two": {
                        "words": [
                            {
                                "delivery_id": "0192a",
                                "outcome": "taken",
                                "sha256": "9f86d081884c7d659a2feaa0c55ad015" * 2,
                            },
                            {
                                "delivery_id": "0192b",
                                "outcome": "failed",
                                "reason": "Hết dung lượng / the disk is full",
                            },
                        ]
                    }
                },
            ),
            replies=(Reply(status=200, about="What became of each word", shape=AllHeard),),
            refusals=(Code.BODY_CUT_OFF, Code.TOO_LARGE, Code.MEDIA_TYPE),
        ),
    ),
)
