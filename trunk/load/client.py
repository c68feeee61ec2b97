"""Kept connections to one trunk: a lane is one of them, a client has as many as it needs at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from trunk.load.wire import TROUBLES, Address, GoneError, Reply, Stream, closes, exchange, head_of

PATIENCE_SECONDS: Final = 60.0


@dataclass(slots=True, eq=False)
class Lane:
    """One connection, opened when it is first needed and again where the other side has closed it."""

    address: Address
    seconds: float = PATIENCE_SECONDS
    _stream: Stream | None = None

    async def ask(self, pieces: Iterable[bytes]) -> Reply:
        """Raises ``GoneError``, whose text is the kind of trouble."""
        try:
            async with asyncio.timeout(self.seconds):
                reply = await exchange(await self._open(), pieces)
        except TROUBLES as trouble:
            self.close()
            raise GoneError(type(trouble).__name__) from trouble
        except BaseException:
            self.close()  # half an answer may still be under way
            raise
        if closes(reply):
            self.close()
        return reply

    def close(self) -> None:
        if self._stream is not None:
            self._stream[1].transport.abort()
            self._stream = None

    async def _open(self) -> Stream:
        if self._stream is not None and self._stream[0].at_eof():
            self.close()  # a server may end a connection that is idle
        if self._stream is None:
            self._stream = await self.address.connect()
        return self._stream


@dataclass(slots=True, eq=False)
class Client:
    """A system with its key."""

    address: Address
    key: str = field(repr=False)
    seconds: float = PATIENCE_SECONDS
    _idle: list[Lane] = field(default_factory=list)

    async def get(self, path: str) -> Reply:
        """Raises ``GoneError``."""
        return await self._ask(head_of(self.address, f"GET {path}", key=self.key, length=0))

    async def post(self, path: str, octets: bytes, content_type: str = "application/json") -> Reply:
        """Raises ``GoneError``."""
        what = f"POST {path}"
        head = head_of(self.address, what, key=self.key, length=len(octets), content_type=content_type)
        return await self._ask(head, octets)

    def close(self) -> None:
        for lane in self._idle:
            lane.close()
        self._idle.clear()

    async def _ask(self, *pieces: bytes) -> Reply:
        lane = self._idle.pop() if self._idle else Lane(self.address, self.seconds)
        try:
            return await lane.ask(pieces)
        finally:
            self._idle.append(lane)
