"""What the façade stands on beside the native doors: logins, tokens, secrets, settings, the directory's keeper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from aiohttp import web

from trunk.application.accounts import Logins
from trunk.application.enrolment import Enrolment
from trunk.application.shared_secrets import Recogniser
from trunk.http.doors import Call, Doors
from trunk.http.facades import in_time
from trunk.http.lgsp.tokens import Tokens
from trunk.settings import Lgsp

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Built by ``trunk.bootstrap``."""

    settings: Lgsp
    logins: Logins
    tokens: Tokens
    recogniser: Recogniser
    enrolment: Enrolment


MEANS: Final = web.AppKey("lgsp", Means)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A request of a system that has shown its token and its secret."""

    call: Call
    means: Means
    body: bytes = b""  #: of operations other than sendEdoc

    @property
    def doors(self) -> Doors:
        return self.call.doors

    async def ask(self, work: Callable[[], T]) -> T:
        """``work()`` in a thread, answered in time. Leaves by ``RefusedError`` where it takes too long."""
        return await in_time(self.call.offload, work, seconds=self.means.settings.answer_seconds)
