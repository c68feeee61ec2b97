"""The address book over LGSP, and the operation of a hub's own system."""

from __future__ import annotations

from typing import Annotated, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from trunk.application.enrolment import Registration
from trunk.http.facades import listed, parent_of
from trunk.http.lgsp.doors import Turn
from trunk.http.lgsp.replies import answer, success
from trunk.http.parameters import read_json
from trunk.http.problems import insist


class _Agency(BaseModel):
    model_config = ConfigDict(frozen=True)

    code: Annotated[str, Field(alias="orgCode")]
    name: Annotated[str, Field(alias="orgName")]
    parent: Annotated[str, Field(alias="parentCode")] = ""
    email: str = ""
    phone: str = ""


_AGENCY: Final = TypeAdapter(_Agency)


async def list_all(turn: Turn) -> web.StreamResponse:
    """getAgenciesList: a bare array."""
    directory = await turn.ask(turn.doors.registry.directory)
    return answer(
        [
            {
                "orgCode": agency.code,
                "orgName": agency.name,
                "parentCode": parent_of(agency, directory),
                "address": agency.contact.address,
                "email": agency.contact.email,
                "phone": agency.contact.telephone,
            }
            for agency in listed(directory)
        ]
    )


async def register(turn: Turn) -> web.StreamResponse:
    """registerAgency, in the words of getAgenciesList. Only for systems that may."""
    said = read_json(turn.body, _AGENCY)
    wish = Registration(
        code=said.code.strip(), name=said.name.strip(), parent=said.parent, email=said.email, telephone=said.phone
    )
    insist(await turn.ask(lambda: turn.means.enrolment.register(turn.call.caller, wish)))
    return success()
