"""sendEdoc: the file in the form goes through the same intake as the native API's."""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from trunk.application.submission import Submission
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.facades import late
from trunk.http.lgsp.doors import Turn
from trunk.http.lgsp.multipart import BESIDE_OCTETS, FORM, file_octets
from trunk.http.lgsp.replies import success
from trunk.http.problems import RefusedError, insist
from trunk.http.spool import Wrapping
from trunk.http.submitting import spool, take_in

_FORM: Final = Wrapping(unwrap=file_octets, beside_octets=BESIDE_OCTETS)


async def send(turn: Turn) -> web.StreamResponse:
    """``messageType`` is a hint that nobody needs: the message says what it is and whom it is for."""
    turn.call.offload.require_room()
    async with spool(turn.call).admit(turn.call.request, types=(FORM,), wrapping=_FORM) as body:
        if not body.size:
            raise RefusedError(refuse(Code.EMPTY))
        submitted = Submission(caller=turn.call.caller, octets=body.octets, size=body.size, sha256=body.sha256)
        try:
            async with asyncio.timeout(turn.means.settings.answer_seconds):
                outcome = await take_in(turn.call, submitted)
        except TimeoutError as error:
            raise late() from error
    return success(docId=insist(outcome).accepted.envelope.id)
