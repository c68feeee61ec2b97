"""Dead letters: looked at, replayed, or closed with a reason."""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from aiohttp import web
from pydantic import Field

from trunk.application.dead_letters import Laid
from trunk.application.replay import Replayed
from trunk.domain.control import Role
from trunk.domain.rejection import Code
from trunk.http.admin.words import OF_BODIES, TAG, ReasonWord, read_order
from trunk.http.description import JSON, AdminRoute, Body, Operation, Reply
from trunk.http.doors import AdminCall
from trunk.http.parameters import Integer, Query, read_query, reference
from trunk.http.problems import insist
from trunk.http.wire import Shape, answer, shorten

log = structlog.get_logger()

PATH: Final = "/api/v1/admin/dead-letters"
_SHOWN: Final = 4_096


class DeadLetterLine(Shape):
    """A notice that was set aside. Texts are what somebody wrote into it, shortened."""

    letter: str = Field(description="by which it is asked for; letters that are the same in all have the same")
    id: str
    queue: str
    reason: str = Field(description="why the broker set it aside", examples=["delivery_limit"])
    octets: int
    delivery_id: str | None = Field(description="of ours, that it speaks of; null: of none")
    state: str | None = Field(description="of that delivery")

    @classmethod
    def of(cls, laid: Laid) -> DeadLetterLine:
        letter, delivery = laid.letter, laid.delivery
        return cls(
            letter=laid.name,
            id=shorten(letter.id),
            queue=shorten(letter.queue),
            reason=shorten(letter.reason),
            octets=len(letter.body),
            delivery_id=None if delivery is None else delivery.id,
            state=None if delivery is None else delivery.state,
        )


class DeadLetterList(Shape):
    """The oldest."""

    items: list[DeadLetterLine]


class ShownDeadLetter(Shape):
    """A dead letter and the beginning of what is in it."""

    line: DeadLetterLine
    body: str = Field(description="up to 4096 octets, as text")


class PutBack(Shape):
    """A delivery that was replayed."""

    delivery_id: str
    state: str
    outcome: str = Field(examples=["queued"], description="queued, or already_queued")

    @classmethod
    def of(cls, done: Replayed) -> PutBack:
        return cls(delivery_id=done.delivery.id, state=done.delivery.state, outcome=done.outcome)


class DeadLettersQuery(Query):
    """How many."""

    limit: Annotated[Integer, Field(ge=1, le=1000)] = Field(default=100, description="items at most")


async def list_(call: AdminCall) -> web.StreamResponse:
    """The oldest."""
    query = read_query(call.request, DeadLettersQuery)
    found = await call.offload.run(lambda: call.control.dead_letters.every(query.limit))
    return answer(DeadLetterList(items=[DeadLetterLine.of(one) for one in found]))


async def show(call: AdminCall) -> web.StreamResponse:
    """One, with what is in it."""
    name = reference(call.request, "letter")
    laid = insist(await call.offload.run(lambda: call.control.dead_letters.show(name)))
    text = laid.letter.body[:_SHOWN].decode(errors="backslashreplace")
    return answer(ShownDeadLetter(line=DeadLetterLine.of(laid), body=text))


async def replay(call: AdminCall) -> web.StreamResponse:
    """Put its delivery back, and remove it."""
    name, order = reference(call.request, "letter"), await read_order(call)
    done = insist(await call.offload.run(lambda: call.control.dead_letters.put_back(name, order)))
    call.doors.wake_relay()
    log.info("dead_letter_replayed", letter=name, delivery=done.delivery.id, outcome=done.outcome)
    return answer(PutBack.of(done))


async def close(call: AdminCall) -> web.StreamResponse:
    """Remove it."""
    name, order = reference(call.request, "letter"), await read_order(call)
    laid = insist(await call.offload.run(lambda: call.control.dead_letters.close(name, order)))
    log.info("dead_letter_closed", letter=name)
    return answer(DeadLetterLine.of(laid))


_REASON: Final = Body(media_types=(JSON,), shapes=(ReasonWord,), examples={"why": {"reason": "sent by hand since"}})
ROUTES: Final = (
    AdminRoute(
        method="GET",
        path=PATH,
        role=Role.MONITOR,
        handle=list_,
        operation=Operation(
            id="listDeadLetters",
            tag=TAG,
            summary="List dead letters",
            summary_vi="Các tin hỏng",
            query=DeadLettersQuery,
            replies=(Reply(status=200, about="The oldest first", shape=DeadLetterList),),
        ),
    ),
    AdminRoute(
        method="GET",
        path=f"{PATH}/{{letter}}",
        role=Role.MONITOR,
        handle=show,
        operation=Operation(
            id="showDeadLetter",
            tag=TAG,
            summary="Look at a dead letter",
            summary_vi="Xem một tin hỏng",
            replies=(Reply(status=200, about="The letter", shape=ShownDeadLetter),),
            refusals=(Code.NO_DEAD_LETTER,),
        ),
    ),
    AdminRoute(
        method="POST",
        path=f"{PATH}/{{letter}}/replay",
        role=Role.ADMINISTRATOR,
        handle=replay,
        operation=Operation(
            id="replayDeadLetter",
            tag=TAG,
            summary="Replay the delivery of a dead letter",
            summary_vi="Giao lại lượt giao của một tin hỏng",
            body=_REASON,
            replies=(Reply(status=200, about="The delivery; the letter is gone", shape=PutBack),),
            refusals=(
                *OF_BODIES,
                Code.NO_DEAD_LETTER,
                Code.LETTER_OF_NOTHING,
                Code.ALREADY_SETTLED,
                Code.PURGED,
            ),
        ),
    ),
    AdminRoute(
        method="POST",
        path=f"{PATH}/{{letter}}/close",
        role=Role.ADMINISTRATOR,
        handle=close,
        operation=Operation(
            id="closeDeadLetter",
            tag=TAG,
            summary="Close a dead letter",
            summary_vi="Đóng một tin hỏng",
            body=_REASON,
            replies=(Reply(status=200, about="What was closed", shape=DeadLetterLine),),
            refusals=(*OF_BODIES, Code.NO_DEAD_LETTER),
        ),
    ),
)
