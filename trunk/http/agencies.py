"""The address book: who can be written to, under which codes."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from pydantic import Field

from trunk.domain.agency import Agency
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.parameters import Integer, Query, read_query
from trunk.http.wire import Shape, answer


class ListedAgency(Shape):
    """An agency."""

    code: str = Field(examples=["H41.01"], description="of QĐ 20/2020; the one that answers use")
    old_code: str = Field(examples=["000.00.01.H41"], description="of QCVN 102:2016, or empty")
    aliases: list[str]
    name: str
    active: bool = Field(description="an inactive agency neither sends nor receives")
    parent: str = Field(examples=["H41"], description="the agency above it, or empty")
    unit: bool = Field(description="a sub-unit: whoever speaks for its parent speaks for it")
    successor: str = Field(
        examples=["H41.20"], description="what it was merged into or renamed to: mail for it goes there; or empty"
    )
    address: str
    email: str
    telephone: str

    @classmethod
    def of(cls, agency: Agency) -> ListedAgency:
        return cls(
            code=agency.code,
            old_code=agency.old_code,
            aliases=list(agency.aliases),
            name=agency.name,
            active=agency.active,
            parent=agency.parent,
            unit=agency.unit,
            successor=agency.successor,
            address=agency.contact.address,
            email=agency.contact.email,
            telephone=agency.contact.telephone,
        )


class AddressBook(Shape):
    """The agencies, by code."""

    edition: int = Field(description="a number that every change raises: ask with it as since, and get what is new")
    items: list[ListedAgency]


class AddressBookQuery(Query):
    """How much of it."""

    since: Integer = Field(
        default=0, description="only what changed after this edition, closed and merged agencies too; default: all"
    )


async def show(call: Call) -> web.StreamResponse:
    """The agencies, or those that changed."""
    query = read_query(call.request, AddressBookQuery)
    edition = await call.offload.run(lambda: call.doors.registry.edition(since=query.since))
    listed = sorted(edition.changed, key=lambda agency: agency.code)
    return answer(AddressBook(edition=edition.version, items=[ListedAgency.of(agency) for agency in listed]))


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
            query=AddressBookQuery,
            replies=(Reply(status=200, about="The address book", shape=AddressBook),),
        ),
    ),
)
