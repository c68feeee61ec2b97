"""What the façade stands on beside the native doors: its settings, the secrets, the directory's keeper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import web

from trunk.application.enrolment import Enrolment
from trunk.application.shared_secrets import Recogniser
from trunk.http.doors import Call, Doors
from trunk.http.facades import in_time
from trunk.http.vxp.signed import Signed
from trunk.settings import Vxp

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Built by ``trunk.bootstrap``."""

    settings: Vxp
    recogniser: Recogniser
    enrolment: Enrolment
    trunk_id: str = ""  #: what this trunk is called in traces
    push_system: str = ""  #: the system as which our uplink brings mail; empty: it brings none


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
        return await in_time(self.call.offload, work, seconds=self.means.settings.answer_seconds)
