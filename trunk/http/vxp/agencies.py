"""The address book over VXP: three lists of the same agencies, and the two operations of a hub's own system."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from trunk.domain.agency import Agency, Directory
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp.doors import Turn
from trunk.http.vxp.replies import success


async def list_all(turn: Turn) -> web.StreamResponse:
    """getAgenciesList: active agencies with their old codes."""
    directory = await turn.ask(turn.doors.registry.directory)
    return success(
        data=[
            {**_common(agency), "pid": _parent(agency, directory), "oldCode": agency.old_code}
            for agency in _active(directory)
        ]
    )


async def list_new_codes(turn: Turn) -> web.StreamResponse:
    """getAgenciesListQD20: the same, where ``code102`` is the code of QCVN 102:2016."""
    directory = await turn.ask(turn.doors.registry.directory)
    return success(data=[{**_common(agency), "code102": agency.old_code} for agency in _active(directory)])


async def list_changed(turn: Turn) -> web.StreamResponse:
    """getSynchronizeUnit: all agencies, closed ones too, or none if the caller has this version already."""
    known = insist(turn.signed.one("version"))
    directory, version = await turn.ask(turn.doors.registry.edition)
    if known == str(version):
        return success(data=[])
    return success(
        data=[
            {
                **_common(agency),
                "pid": _parent(agency, directory),
                "version": version,
                "centerCode": "",
                "deleted": not agency.active,
                "modifyDate": "",
                "isAgency": True,
            }
            for agency in directory.agencies
        ]
    )


async def register(turn: Turn) -> web.StreamResponse:
    """registerAgency. What it says stands in the body, which no VXP client signs: only for systems that may."""
    try:
        said = json.loads(turn.body)
        code, name = said["code"], said["name"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise RefusedError(refuse(Code.BAD_REQUEST, path="body", expected='{"code", "name", …}')) from error
    if not isinstance(code, str) or not isinstance(name, str):
        raise RefusedError(refuse(Code.BAD_REQUEST, path="body", expected="code and name as texts"))
    insist(await turn.ask(lambda: turn.means.enrolment.register(turn.call.caller, code.strip(), name.strip())))
    return success()


async def close(turn: Turn) -> web.StreamResponse:
    """deleteAgency: the agency of the signed ``AgencyCode`` is closed, not forgotten."""
    code = insist(turn.signed.one("agencycode"))
    insist(await turn.ask(lambda: turn.means.enrolment.close(turn.call.caller, code)))
    return success()


def _active(directory: Directory) -> list[Agency]:
    return sorted((agency for agency in directory.agencies if agency.active), key=lambda agency: agency.code)


def _common(agency: Agency) -> dict[str, Any]:
    return {"code": agency.code, "id": agency.code, "mail": "", "name": agency.name}


def _parent(agency: Agency, directory: Directory) -> str:
    """The agency one level up by the rule of QĐ 20/2020 (H41.01 below H41), if it is registered."""
    above, _, _ = agency.code.rpartition(".")
    parent = directory.find(above) if above else None
    return parent.code if parent else ""
