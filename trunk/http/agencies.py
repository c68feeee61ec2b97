"""The address book: who can be written to, under which codes."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from trunk.domain.agency import Agency
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.wire import Shape, answer


class ListedAgency(Shape):
    """An agency."""

    code: str = Field(examples=["H41.01"], description="of QĐ 20/2020; the one that answers use")
    old_code: str = Field(examples=["000.00.01.H41"], description="of QCVN 102:2016, or empty")
    aliases: list[str]
    name: str
    active: bool = Field(description="an inactive agency neither sends nor receives")

    @classmethod
    def of(cls, agency: Agency) -> ListedAgency:
        return cls(
            code=agency.code,
            old_code=agency.old_code,
            aliases=list(agency.aliases),
            name=agency.name,
            active=agency.active,
        )


class AddressBook(Shape):
    """All agencies, by code."""

    items: list[ListedAgency]


async def show(call: Call) -> web.StreamResponse:
    """The agencies."""
    agencies = await call.offload.run(call.doors.tracking.agencies)
    listed = sorted(agencies, key=lambda agency: agency.code)
    return answer(AddressBook(items=[ListedAgency.of(agency) for agency in listed]))


ROUTES: Final = (
    Route(
        method="GET",
        path="/api/v1/agencies",
        handle=show,
        operation=Operation(
            id="listAgencies",
            tag="Sending",
            summary="List the agencies",
            summary_vi="Danh bạ cơ quan",
            replies=(Reply(status=200, about="The address book", shape=AddressBook),),
        ),
    ),
)
