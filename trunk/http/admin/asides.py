"""What the reconciler set aside: looked at, and closed with a reason."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from trunk.domain.control import Role, fair_reason
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.admin.words import OF_BODIES, TAG, ReasonWord, read_order
from trunk.http.description import JSON, AdminRoute, Body, Operation, Reply
from trunk.http.doors import AdminCall
from trunk.http.parameters import reference
from trunk.http.problems import RefusedError, insist
from trunk.http.wire import Moment, Shape, answer, spell_time
from trunk.storage.mending import SetAside

PATH: Final = "/api/v1/admin/set-aside"
_MOST_DIGITS: Final = 9


class SetAsideLine(Shape):
    """Something that cannot be right."""

    number: int
    at: Moment
    code: str = Field(examples=["DOC-107"])
    reference: str
    detail: str

    @classmethod
    def of(cls, one: SetAside) -> SetAsideLine:
        return cls(number=one.id, at=spell_time(one.at), code=one.code, reference=one.reference, detail=one.detail)


class SetAsideList(Shape):
    """What nobody has closed, the newest first; a hundred at most."""

    items: list[SetAsideLine]


class ClosedAside(Shape):
    """It is closed."""

    number: int


async def list_(call: AdminCall) -> web.StreamResponse:
    """What is open."""
    found = await call.offload.run(call.control.administration.set_aside)
    return answer(SetAsideList(items=[SetAsideLine.of(one) for one in found]))


async def close(call: AdminCall) -> web.StreamResponse:
    """Somebody has looked at it."""
    text = reference(call.request, "number")
    order = await read_order(call)
    reason = insist(fair_reason(order.reason))
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else 0
    shut = call.control.administration.close_aside
    if not number or not await call.offload.run(lambda: shut(number, operator=order.operator, reason=reason)):
        raise RefusedError(refuse(Code.NOT_FOUND, path="number", got=text))
    return answer(ClosedAside(number=number))


ROUTES: Final = (
    AdminRoute(
        method="GET",
        path=PATH,
        role=Role.MONITOR,
        handle=list_,
        operation=Operation(
            id="listSetAside",
            tag=TAG,
            summary="List what was set aside",
            summary_vi="Những gì đã để riêng",
            replies=(Reply(status=200, about="What is open", shape=SetAsideList),),
        ),
    ),
    AdminRoute(
        method="POST",
        path=f"{PATH}/{{number}}/close",
        role=Role.ADMINISTRATOR,
        handle=close,
        operation=Operation(
            id="closeSetAside",
            tag=TAG,
            summary="Close what was set aside",
            summary_vi="Đóng mục đã để riêng",
            body=Body(media_types=(JSON,), shapes=(ReasonWord,), examples={"why": {"reason": "restored"}}),
            replies=(Reply(status=200, about="It is closed; it stays on record", shape=ClosedAside),),
            refusals=(*OF_BODIES, Code.NOT_FOUND),
        ),
    ),
)
