"""The address book over VXP: three lists of the same agencies, and the two operations of a hub's own system."""

from __future__ import annotations

import json
from typing import Any, Final

from aiohttp import web

from trunk.application.enrolment import Registration
from trunk.domain.agency import Agency, Directory
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.facades import listed, parent_of, spell_moment
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp.doors import Turn
from trunk.http.vxp.replies import success

_MAX_DIGITS: Final = 18  #: the ledger counts no further
_FURTHER: Final = {"id": "id", "parent": "pcode", "email": "mail", "telephone": "mobile"}


async def list_all(turn: Turn) -> web.StreamResponse:
    """getAgenciesList: active agencies with their old codes."""
    directory = await turn.ask(turn.doors.registry.directory)
    return success(data=[{**_common(agency, directory), "oldCode": agency.old_code} for agency in listed(directory)])


async def list_new_codes(turn: Turn) -> web.StreamResponse:
    """getAgenciesListQD20: the same, where ``code102`` is the code of QCVN 102:2016."""
    directory = await turn.ask(turn.doors.registry.directory)
    return success(data=[{**_common(agency, directory), "code102": agency.old_code} for agency in listed(directory)])


async def list_changed(turn: Turn) -> web.StreamResponse:
    """getSynchronizeUnit: what changed after the version that the caller has, closed and merged ones too.

    Each with the version in which it changed, the last one last: the highest is what the caller asks with next.
    """
    known = insist(turn.signed.one("version"))
    edition = await turn.ask(lambda: turn.doors.registry.edition(since=_version(known)))
    changed = sorted(edition.changed, key=lambda agency: (agency.changed, agency.code))
    return success(data=[_changed(agency, edition.directory) for agency in changed])


async def register(turn: Turn) -> web.StreamResponse:
    """registerAgency. What it says stands in the body, which no VXP client signs: only for systems that may."""
    said = _registration(turn.body)
    insist(await turn.ask(lambda: turn.means.enrolment.register(turn.call.caller, said)))
    return success()


async def close(turn: Turn) -> web.StreamResponse:
    """deleteAgency: the agency of the signed ``AgencyCode`` is closed, not forgotten."""
    code = insist(turn.signed.one("agencycode"))
    insist(await turn.ask(lambda: turn.means.enrolment.close(turn.call.caller, code)))
    return success()


def _common(agency: Agency, directory: Directory) -> dict[str, Any]:
    mail = agency.contact.email
    return {
        "code": agency.code,
        "id": agency.code,
        "mail": mail,
        "name": agency.name,
        "pid": parent_of(agency, directory),
    }


def _changed(agency: Agency, directory: Directory) -> dict[str, Any]:
    return {
        **_common(agency, directory),
        "version": max(agency.changed, 1),  # of before versions were counted; 0 would ask for everything again
        "centerCode": "",
        "deleted": not agency.listed,
        "modifyDate": spell_moment(agency.changed_at) if agency.changed_at else "",
        "isAgency": not agency.unit,
    }


def _version(said: str) -> int:
    """0, from which everything is news, for what is no version."""
    return int(said) if said.isascii() and said.isdigit() and len(said) <= _MAX_DIGITS else 0


def _registration(body: bytes) -> Registration:
    try:
        said = json.loads(body)
        code, name = said["code"], said["name"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RefusedError(refuse(Code.BAD_REQUEST, path="body", expected='{"code", "name", …}')) from error
    if not isinstance(code, str) or not isinstance(name, str):
        raise RefusedError(refuse(Code.BAD_REQUEST, path="body", expected="code and name as texts"))
    further = {name: str(said.get(key) or "").strip() for name, key in _FURTHER.items()}
    return Registration(code=code.strip(), name=name.strip(), **further)
