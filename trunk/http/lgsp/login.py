"""Logging in: a user name and a password for a token. What else clients send (application, otp, …) is not read."""

from __future__ import annotations

from typing import Annotated, Final

import structlog
from aiohttp import web
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter

from trunk.domain.outcome import Rejected
from trunk.http.doors import Visit
from trunk.http.facades import in_time
from trunk.http.lgsp.doors import Means
from trunk.http.lgsp.replies import OK, answer
from trunk.http.parameters import read_json
from trunk.http.problems import insist
from trunk.http.strangers import LINES

log = structlog.get_logger()

_MAX: Final = 256


class _Login(BaseModel):
    model_config = ConfigDict(frozen=True)

    username: Annotated[str, StringConstraints(max_length=_MAX)]
    password: Annotated[str, StringConstraints(max_length=_MAX)]


_LOGIN: Final = TypeAdapter(_Login)


async def log_in(visit: Visit, means: Means, body: bytes) -> web.StreamResponse:
    """A token for half an hour."""
    said = read_json(body, _LOGIN)
    seconds = means.settings.answer_seconds
    lines, shown = visit.request.app[LINES], (said.username, said.password)
    line = lines.of(lines.known_as(*shown))
    found = await in_time(line, lambda: means.logins.log_in(*shown), seconds=seconds)
    lines.note(None if isinstance(found, Rejected) else found.system.id, *shown)
    who = insist(found)
    token = means.tokens.give(who)
    log.info("logged_in", system=who.system.id, account=who.account.id)
    data = {"token": token, "id": who.account.id, "username": who.account.username, "name": who.system.name}
    return answer({"code": 200, "message": OK, "data": data})
