"""Runs blocking use cases in a bounded pool of threads, so that the event loop never waits for a disk or a lock.

Bounded twice: so many at work, so many in line. When the line is full the answer is "come again", at once; a
longer line would only make everybody's answer late.
"""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from trunk.errors import OverloadedError

T = TypeVar("T")


class Offload:
    """A pool of ``threads`` with a waiting line of ``waiting`` places."""

    def __init__(self, *, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="offload")
        self._places = threads + waiting
        self._taken = 0
        self._lock = threading.Lock()

    @property
    def taken(self) -> int:
        """How many are at work or in line."""
        return self._taken

    def require_room(self) -> None:
        """Return if there is a place in line now; else raise ``OverloadedError``: before a body is read."""
        if self._taken >= self._places:
            raise OverloadedError

    async def run(self, work: Callable[[], T]) -> T:
        """``work()`` in a thread, in the caller's context. Raises ``OverloadedError`` when the line is full.

        Whoever is cancelled while waiting leaves the work running: what it commits must not depend on who listens.
        """
        return await asyncio.shield(asyncio.wrap_future(self._submit(work)))

    def close(self) -> None:
        """Finish what is at work and in line."""
        self._pool.shutdown()

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        with self._lock:
            self.require_room()
            self._taken += 1
        try:
            # without its context, structlog in the thread would forget which request it works for
            future = self._pool.submit(contextvars.copy_context().run, work)
        except BaseException:
            self._leave(None)
            raise
        future.add_done_callback(self._leave)
        return future

    def _leave(self, _: object) -> None:
        with self._lock:
            self._taken -= 1
