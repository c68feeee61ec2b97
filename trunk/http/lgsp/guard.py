"""Lets in who shows all three: a token of a login, ``X-SystemId``, ``X-SecretKey``; of one system. Says what was wrong.

Who is told that a secret has ended knew it: nobody else learns anything from the answer.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from trunk.application.accounts import Logins
from trunk.application.shared_secrets import Recognised, Recogniser
from trunk.domain.agency import Caller
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.lgsp.tokens import MAX_TOKEN, Tokens
from trunk.http.offload import Offload
from trunk.http.problems import RefusedError, insist

SYSTEM, SECRET = "X-SystemId", "X-SecretKey"
_MAX_VALUE: Final = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Knows systems by their tokens and secrets."""

    tokens: Tokens
    logins: Logins
    recogniser: Recogniser
    offload: Offload

    async def admit(self, request: web.Request) -> Caller:
        """The caller. Leaves by ``RefusedError`` (401); raises faults of the ledger and of the key files."""
        bearer = insist(self.tokens.read(insist(_token(request))))
        name, secret = insist(_header(request, SYSTEM)), insist(_header(request, SECRET))
        line = self.offload.of(bearer.system)  # the token is ours: a stranger has come to no look yet
        found = await self._recognise(name, secret, line)
        if found.caller.system != bearer.system:
            raise RefusedError(refuse(Code.TOKEN, path="Authorization", expected=f"a token of {name}"))
        holds = self.logins.holds_as_known(bearer.account)
        if holds is None:
            holds = await line.run(lambda: self.logins.holds(bearer.account))
        if not holds:
            raise RefusedError(refuse(Code.KEY_EXPIRED, path="Authorization", expected="a password that holds"))
        return found.caller

    async def _recognise(self, name: str, secret: str, line: Offload) -> Recognised:
        def meant(other: str) -> bool:
            return hmac.compare_digest(other.encode(), secret.encode())

        known = self.recogniser.recognise_known(name, meant)
        if known is not None:
            return known
        found = await line.run(lambda: self.recogniser.recognise(name, meant))
        if isinstance(found, Rejected):
            ended = await line.run(lambda: self.recogniser.held_once(name, meant))
            raise RefusedError(refuse(Code.KEY_EXPIRED, path=SECRET) if ended else refuse(Code.SYSTEM_SECRET))
        return found


def _token(request: web.Request) -> str | Rejected:
    values = request.headers.getall("Authorization", [])
    scheme, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or not token.isascii() or len(token) > MAX_TOKEN:
        return refuse(Code.UNAUTHENTICATED, path="Authorization", expected="Bearer and the token of /v1/auth/login")
    return token


def _header(request: web.Request, name: str) -> str | Rejected:
    values = request.headers.getall(name, [])
    if len(values) != 1 or not 0 < len(values[0]) <= _MAX_VALUE or not values[0].isascii():
        return refuse(Code.SYSTEM_SECRET, path=name, expected="once")
    return values[0].strip()
