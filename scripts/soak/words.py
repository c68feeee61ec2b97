"""Words on deliveries, said together: what is waiting when the last request has come back goes with the next one."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from trunk.load.wire import GoneError, Reply

_MOST: Final = 100

Word = dict[str, Any]


class Poster(Protocol):
    """A system's way to the trunk."""

    async def post(self, path: str, octets: bytes) -> Reply:
        """Raises ``GoneError``."""
        ...


@dataclass(eq=False)
class Speaker:
    """One system's words, in as few requests as may be."""

    way: Poster
    _waiting: deque[tuple[Word, asyncio.Future[bool]]] = field(default_factory=deque)
    _saying: asyncio.Task[None] | None = None

    async def say(self, delivery_id: str, word: Word) -> bool:
        """Whether the trunk took it."""
        heard: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(({"delivery_id": delivery_id, **word}, heard))
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._say_all())
        return await heard

    async def _say_all(self) -> None:
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            taken = await self._said([word for word, _ in some])
            for (_, heard), one in zip(some, taken, strict=True):
                if not heard.done():
                    heard.set_result(one)

    async def _said(self, words: list[Word]) -> list[bool]:
        try:
            reply = await self.way.post("/api/v1/confirmations", orjson.dumps({"words": words}))
        except GoneError:
            return [False] * len(words)
        if reply.status != 200:
            return [False] * len(words)
        return [one["confirmation"] is not None for one in reply.json["items"]]
