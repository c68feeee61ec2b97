"""Where long-polls wait until their agency has mail.

Two things wake them: the bell (``ring``, called by the broker's handlers in any thread) and, because the bell of
a message may ring in another process, one look into the ledger every half second for all who wait together.
Nothing runs when nobody waits. A lost bell costs half a second, never a document.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from trunk.domain.delivery import AgencyCode

log = structlog.get_logger()

POLL_SECONDS: Final = 0.5
Newest = Callable[[Collection[AgencyCode]], Awaitable[Mapping[AgencyCode, int]]]
"""The newest position in each agency's inbox; agencies without mail may be missing."""


@dataclass(eq=False, slots=True)
class Ear:
    """Somebody who waits for mail of ``agencies``. A bell before ``hear`` is remembered."""

    agencies: frozenset[AgencyCode]
    _rung: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0  #: positions up to this one are no news

    async def hear(self, seconds: float, *, seen: int) -> bool:
        """Wait for a bell, or for a position beyond ``seen``; False: ``seconds`` passed in silence."""
        self.seen = seen
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        heard = self._rung.is_set()
        self._rung.clear()
        return heard

    def ring(self) -> None:
        self._rung.set()

    def is_news(self, newest: Mapping[AgencyCode, int]) -> bool:
        return any(newest.get(agency, 0) > self.seen for agency in self.agencies)


class WaitingRoom:
    """All long-polls of one process."""

    def __init__(self, *, poll_seconds: float = POLL_SECONDS) -> None:
        self._poll_seconds = poll_seconds
        self._ears: dict[AgencyCode, set[Ear]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._poller: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the trunk is stopping: nobody should wait any more."""
        return self._closed

    def ring(self, agency: AgencyCode) -> None:
        """There is mail for ``agency``. From any thread, at any time."""
        loop = self._loop
        if loop is not None:
            with suppress(RuntimeError):  # the loop was closed between our look and our call: nobody waits
                loop.call_soon_threadsafe(self._wake, agency)

    @contextmanager
    def listening(self, agencies: Collection[AgencyCode], *, newest: Newest) -> Iterator[Ear]:
        """Listen from now on, so that no bell is lost between the look into the inbox and the wait."""
        ear = Ear(frozenset(agencies))
        self._enter(ear, newest)
        try:
            yield ear
        finally:
            self._leave(ear)

    def close(self) -> None:
        """Wake everybody, for good: they answer with what they have."""
        self._closed = True
        for ears in self._ears.values():
            for ear in ears:
                ear.ring()

    def _enter(self, ear: Ear, newest: Newest) -> None:
        for agency in ear.agencies:
            self._ears.setdefault(agency, set()).add(ear)
        if self._poller is None:
            self._loop = asyncio.get_running_loop()
            self._poller = self._loop.create_task(self._poll(newest), name="waiting-room")

    def _leave(self, ear: Ear) -> None:
        for agency in ear.agencies:
            ears = self._ears[agency]
            ears.discard(ear)
            if not ears:
                del self._ears[agency]
        if not self._ears and self._poller is not None:
            self._poller.cancel()
            self._poller, self._loop = None, None

    def _wake(self, agency: AgencyCode) -> None:
        for ear in self._ears.get(agency, ()):
            ear.ring()

    async def _poll(self, newest: Newest) -> None:
        while True:
            await asyncio.sleep(self._poll_seconds)
            try:
                positions = await newest(tuple(self._ears))
            except Exception as fault:  # noqa: BLE001  a look that fails must not end the looking
                log.warning("waiting_room_could_not_look", fault=type(fault).__name__)
                continue
            for ear in {ear for ears in self._ears.values() for ear in ears}:
                if ear.is_news(positions):
                    ear.ring()
