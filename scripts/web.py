"""An agency's system that has several doors to the trunk: it asks hundreds of times a second, on two cores for all."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from trunk.load.wire import TROUBLES, Address, GoneError, Reply, Stream, closes, exchange, head_of

_AWAY_SECONDS: Final = 5.0


@dataclass(eq=False)
class Way:
    """The doors of the trunk for one system, the first one being its own: where one does not answer the next one is
    tried, and its own again after a while, as a balancer would."""

    ports: Sequence[int]
    key: str
    seconds: float = 6.0
    _at: int = 0
    _left_at: float = 0.0
    _idle: dict[int, list[Stream]] = field(default_factory=lambda: defaultdict(list))

    async def get(self, path: str, *, seconds: float = 0.0) -> Reply:
        return await self._ask(f"GET {path}", b"", "", seconds or self.seconds)

    async def post(self, path: str, octets: bytes, content_type: str = "application/json") -> Reply:
        return await self._ask(f"POST {path}", octets, content_type, self.seconds)

    def close(self) -> None:
        for streams in self._idle.values():
            for _, writer in streams:
                writer.close()
        self._idle.clear()

    async def _ask(self, what: str, body: bytes, content_type: str, seconds: float) -> Reply:
        """Raises ``GoneError``."""
        if self._at and time.monotonic() > self._left_at + _AWAY_SECONDS:
            self._at = 0
        door = Address("127.0.0.1", self.ports[self._at % len(self.ports)], netloc="x")
        at = self._at
        head = head_of(door, what, key=self.key, length=len(body), content_type=content_type)
        try:
            async with asyncio.timeout(seconds):
                return await self._exchange(door, head + body)
        except TROUBLES as trouble:
            if at == self._at:  # else another request has moved on already
                self._at, self._left_at = at + 1, time.monotonic()
            raise GoneError(type(trouble).__name__) from trouble

    async def _exchange(self, door: Address, request: bytes) -> Reply:
        streams = self._idle[door.port]
        stream = streams.pop() if streams else await door.connect()
        try:
            reply = await exchange(stream, [request])
        except BaseException:
            stream[1].transport.abort()
            raise
        if closes(reply):
            stream[1].close()
        else:
            streams.append(stream)
        return reply
