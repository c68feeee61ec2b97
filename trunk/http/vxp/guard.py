"""Lets in who signed the request with a valid secret, and hands on what was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from aiohttp import web

from trunk.application.shared_secrets import Recogniser
from trunk.domain.agency import Caller
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError, insist
from trunk.http.strangers import Lines
from trunk.http.vxp.signed import HASH_FILE, SYSTEM, TIMESTAMP, Headers, Signed, read_claim, read_signed, signed_at

_ALWAYS: Final = (SYSTEM, TIMESTAMP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """Knows systems by what their secrets signed."""

    recogniser: Recogniser
    lines: Lines
    now: Callable[[], datetime]

    async def admit(self, request: web.Request, *, with_file: bool = False) -> tuple[Caller, Signed]:
        """The caller and its parameters. Leaves by ``RefusedError``; raises faults of the ledger."""
        headers = Headers.of(request.raw_headers)
        claim = insist(read_claim(headers))
        found = self.recogniser.recognise_known(claim.name, claim.signed_with)
        if found is None:
            line = self.lines.of(self.recogniser.recognised_before(claim.name, claim.signed_with))
            looked = await line.run(lambda: self.recogniser.recognise(claim.name, claim.signed_with))
            found = insist(looked)
        signed = insist(read_signed(claim, headers, required=(*_ALWAYS, HASH_FILE) if with_file else _ALWAYS))
        timestamp = signed.values(TIMESTAMP)[0]
        if found.secret.is_stale(signed_at(timestamp), at=self.now()):
            raise RefusedError(refuse(Code.STALE_REQUEST, path=f"XroadVnpt-{TIMESTAMP}", got=timestamp))
        return found.caller, signed
