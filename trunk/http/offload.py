"""Runs blocking use cases in a bounded pool of threads, so that the event loop never waits for a disk or a lock.

Bounded three times: so many at work, so many in line, and of both a share for each system. When the line is full the
answer is "come again", at once; a longer line would only make everybody's answer late. Systems take turns.
"""

from __future__ import annotations

import asyncio
import contextvars
import copy
import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, TypeVar

import structlog

from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import OverloadedError
from trunk.http.problems import RefusedError

T = TypeVar("T")
log = structlog.get_logger()

_RETRY_SECONDS: Final = 2
_Errand = tuple[Future[Any], Callable[[], Any]]


class Offload:
    """A pool of ``threads`` with a waiting line of ``waiting`` places. ``share``: of both, for each who is named."""

    def __init__(self, *, threads: int, waiting: int, share: float = 1) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="offload")
        self._places = threads + waiting
        self._share = max(int(self._places * share), 1)
        self.who = ""
        self._held: Counter[str] = Counter()
        self._lines: dict[str, deque[_Errand]] = {}
        self._lock = threading.Lock()

    def of(self, who: str) -> Offload:
        """The same threads and places, as ``who`` may use them. Work of nobody in particular knows no share."""
        part = copy.copy(self)
        part.who = who
        return part

    @property
    def taken(self) -> int:
        """How many are at work or in line, whoever they are of."""
        with self._lock:
            return self._held.total()

    def require_room(self) -> None:
        """Return if there is a place in line now: before a body is read. Else raise ``OverloadedError``, or leave by
        ``RefusedError`` (429) where who asks holds its share."""
        with self._lock:
            self._require_room()

    async def run(self, work: Callable[[], T]) -> T:
        """``work()`` in a thread, in the caller's context. Raises as ``require_room``.

        Whoever is cancelled while waiting leaves the work running: what it commits must not depend on who listens.
        """
        return await asyncio.shield(asyncio.wrap_future(self._submit(work)))

    def close(self) -> None:
        """Finish what is at work and in line."""
        self._pool.shutdown()

    def _require_room(self) -> None:
        if self._held.total() >= self._places:
            raise OverloadedError
        if self.who and self._held[self.who] >= self._share:
            log.warning("sender_held_back", system=self.who, under_way=self._held[self.who])
            raise RefusedError(
                refuse(Code.SENDER_SHARE, expected=f"at most {self._share} at once", retry_after=_RETRY_SECONDS)
            )

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        # without its context, structlog in the thread would forget which request it works for
        context = contextvars.copy_context()
        with self._lock:
            self._require_room()
            self._pool.submit(self._do_one)  # whose turn it is is said when a thread is free
            self._held[self.who] += 1
            self._lines.setdefault(self.who, deque()).append((future, lambda: context.run(work)))
        return future

    def _do_one(self) -> None:
        with self._lock:
            who, line = next(iter(self._lines.items()))
            future, work = line.popleft()
            del self._lines[who]
            if line:
                self._lines[who] = line  # at the end: the others come first
        try:
            found = work()
        except BaseException as fault:  # noqa: BLE001  it is for who waits
            self._leave(who)
            future.set_exception(fault)
        else:
            self._leave(who)
            future.set_result(found)

    def _leave(self, who: str) -> None:
        with self._lock:
            self._held[who] -= 1
            if not self._held[who]:
                del self._held[who]
