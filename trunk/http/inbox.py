"""The inbox: what waits for the caller's agencies, the most urgent first, then the oldest; with patience if asked.

It is read from the ledger, so it is complete while the broker is down; the broker only rings the bell.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from functools import partial
from itertools import accumulate
from typing import Annotated, Final

import pybase64
from aiohttp import web
from pydantic import Field

from trunk.domain.agency import Directory
from trunk.domain.delivery import AgencyCode
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxCursor, InboxItem, InboxPage
from trunk.http.cursor import MAX_LENGTH, parse_cursor, spell_cursor
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import OFFLOAD, Call
from trunk.http.parameters import Integer, Query, Reference, bad, read_query
from trunk.http.problems import insist
from trunk.http.shapes import Envelope
from trunk.http.waiting import Newest
from trunk.http.wire import Moment, Shape, answer, spell_time

MAX_WAIT_SECONDS: Final = 60
MAX_LIMIT: Final = 500
MAX_AGENCIES: Final = 100
MAX_OCTETS: Final = 256 << 10
_PAGE_OCTETS: Final = 4 << 20


class ReplayedEntry(Shape):
    """An administrator of the trunk has put the delivery back; a repetition without this is the road's."""

    at: Moment = Field(description="when it was last put back; the same until it is put back again")


class InboxEntry(Shape):
    """A delivery that waits for its agency."""

    delivery_id: str
    agency: str = Field(description="for whom it is")
    state: str = Field(examples=["dispatched"])
    attempts: int
    version: int = Field(description="raised by every step")
    replayed: ReplayedEntry | None = Field(
        description="null: never. Otherwise an administrator ordered it anew, so take it again even if the delivery_id "
        "is known; the trunk tells the sender nothing twice"
    )
    expires_at: Moment
    content: str = Field(description="where the octets are", examples=["/api/v1/deliveries/0192…/envelope"])
    octets: str | None = Field(
        description="the envelope itself in base64, where `octets` asked for it and it could leave; null: fetch it"
    )
    envelope: Envelope

    @classmethod
    def of(cls, item: InboxItem, octets: bytes | None = None) -> InboxEntry:
        delivery = item.delivery
        return cls(
            delivery_id=delivery.id,
            agency=delivery.addressee,
            state=delivery.state,
            attempts=delivery.attempts,
            version=delivery.version,
            replayed=None if delivery.replayed_at is None else ReplayedEntry(at=spell_time(delivery.replayed_at)),
            expires_at=spell_time(delivery.expires_at),
            content=f"/api/v1/deliveries/{delivery.id}/envelope",
            octets=None if octets is None else pybase64.b64encode(octets).decode(),
            envelope=Envelope.of(item.envelope),
        )


class Inbox(Shape):
    """A page of the inbox."""

    items: list[InboxEntry]
    cursor: str = Field(description="where the next page starts; keep it and ask again, also after an empty page")


class InboxQuery(Query):
    """Which part of the inbox, and how long to wait for it."""

    agency: Annotated[tuple[Reference, ...], Field(max_length=MAX_AGENCIES)] = Field(
        default=(),
        description="only for this agency, its units and its predecessors, by any of its codes; may be repeated. "
        "Default: all of the caller's",
    )
    cursor: Annotated[str, Field(pattern="^[A-Za-z0-9_-]+$", max_length=MAX_LENGTH)] | None = Field(
        default=None, description="from the page before; without it the whole backlog is shown from its start"
    )
    limit: Annotated[Integer, Field(ge=1, le=MAX_LIMIT)] = Field(default=100, description="items at most")
    wait: Annotated[Integer, Field(ge=0, le=MAX_WAIT_SECONDS)] = Field(
        default=0, description="seconds to wait for mail if there is none"
    )
    octets: Annotated[Integer, Field(ge=0, le=MAX_OCTETS)] = Field(
        default=0,
        description="envelopes of at most so many octets come with the answer (base64), the first 4 MiB of them: as "
        "good as fetched, and to be confirmed like those. 0: none",
    )


async def read(call: Call) -> web.StreamResponse:
    """A page of the inbox, at once or as soon as something is in it."""
    query = read_query(call.request, InboxQuery)
    after = _cursor(query)
    agencies = call.caller.agencies
    if query.agency:
        agencies = _canonical(query.agency, await call.offload.run(call.doors.registry.directory))
    if query.wait:
        page = await _wait(call, query, agencies, after)
    else:
        page = await _look(call, query, agencies, after)
    if query.octets and page.items:
        items = await call.offload.run(lambda: _with_octets(call, page, at_most=query.octets))
    else:
        items = [InboxEntry.of(item) for item in page.items]
    return answer(Inbox(items=items, cursor=spell_cursor(page.next)))


def _with_octets(call: Call, page: InboxPage, *, at_most: int) -> list[InboxEntry]:
    """With those of the small ones, from the first on, as long as the answer is not too large."""
    small = [item for item in page.items if item.envelope.size <= at_most]
    sizes = accumulate(item.envelope.size for item in small)
    first = [item for item, size in zip(small, sizes, strict=True) if size <= _PAGE_OCTETS]
    found = call.doors.handover.fetch_small(call.caller, first)
    return [InboxEntry.of(item, found.get(item.delivery.id)) for item in page.items]


async def _wait(
    call: Call, query: InboxQuery, agencies: Collection[AgencyCode], after: InboxCursor | None
) -> InboxPage:
    """Listen first and look then: what comes in between is heard."""
    room, seconds = call.doors.waiting_room, asyncio.get_running_loop().time
    deadline = seconds() + query.wait
    with room.listening(agencies, newest=_newest(call)) as ear:
        page = await _look(call, query, agencies, after)
        while not page.items and not room.closed and (left := deadline - seconds()) > 0:
            if await ear.hear(left, seen=page.next.window):
                page = await _look(call, query, agencies, page.next)
    return page


async def _look(
    call: Call, query: InboxQuery, agencies: Collection[AgencyCode], after: InboxCursor | None
) -> InboxPage:
    look = partial(call.doors.handover.inbox, call.caller, agencies=agencies, after=after, limit=query.limit)
    return insist(await call.offload.run(look))


def _newest(call: Call) -> Newest:
    offload = call.request.app[OFFLOAD]  # for all who wait, so it is nobody's share

    async def newest(agencies: Collection[AgencyCode]) -> Mapping[AgencyCode, int]:
        return await offload.run(lambda: call.doors.handover.newest(agencies))

    return newest


def _cursor(query: InboxQuery) -> InboxCursor | None:
    if query.cursor is None:
        return None
    cursor = parse_cursor(query.cursor)
    if cursor is None:
        raise bad("cursor", expected="a cursor of ours", got=query.cursor)
    return cursor


def _canonical(named: tuple[str, ...], directory: Directory) -> frozenset[AgencyCode]:
    """The agencies meant; a code that nobody has stays as it is, and is refused like somebody else's.

    With their units and what was merged into them. The code of a merged agency means its own inbox: what waits there
    came before the merger.
    """
    found = ((name, directory.registered(name)) for name in named)
    return directory.spoken_for(agency.code if agency else AgencyCode(name) for name, agency in found)


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/inbox",
        handle=read,
        operation=Operation(
            id="readInbox",
            tag="Receiving",
            summary="Read the inbox",
            summary_vi="Đọc hộp thư đến",
            about="Documents, statuses and the trunk's acknowledgements that wait for the caller's agencies: the most "
            "urgent first, then the oldest. An item stays until it is confirmed. With `wait`, an empty inbox is "
            "answered as soon as something comes.",
            query=InboxQuery,
            replies=(Reply(status=200, about="A page; empty if nothing waits", shape=Inbox),),
            refusals=(Code.NOT_FOUND,),
        ),
    ),
)
