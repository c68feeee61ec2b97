"""What the façade stands on beside the native doors: its settings, the secrets, the directory's keeper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import web

from trunk.application.enrolment import Enrolment
from trunk.application.shared_secrets import Recogniser
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.doors import Call, Doors
from trunk.http.problems import RETRY_AFTER_SECONDS, RefusedError
from trunk.http.vxp.signed import Signed
from trunk.settings import Vxp

T = TypeVar("T")

DOCUMENTS, STATUSES = "edoc", "status"
"""Values of ``messagetype``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Built by ``trunk.bootstrap``."""

    settings: Vxp
    recogniser: Recogniser
    enrolment: Enrolment


MEANS: Final = web.AppKey("vxp", Means)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A request whose signature was found good."""

    call: Call
    means: Means
    signed: Signed
    body: bytes = b""  #: of operations other than sendEdoc; nobody signed it

    @property
    def doors(self) -> Doors:
        return self.call.doors

    async def ask(self, work: Callable[[], T]) -> T:
        """``work()`` in a thread, answered in time. Leaves by ``RefusedError`` where it takes too long."""
        try:
            async with asyncio.timeout(self.means.settings.answer_seconds):
                return await self.call.offload.run(work)
        except TimeoutError as error:
            raise late() from error


def late() -> RefusedError:
    """Deployed clients have no time limit of their own: they would wait for ever."""
    return RefusedError(refuse(Code.UNAVAILABLE, expected="an answer in time", retry_after=RETRY_AFTER_SECONDS))
