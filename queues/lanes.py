"""Many lanes, few threads: the jobs of one lane run one after the other, those of different lanes side by side.

Thousands of agencies are thousands of lanes, but only those with work occupy a thread, and a thread is started only
when there is nobody idle. After each job the lane goes to the end of the line, so a busy one cannot starve the rest.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

import structlog

from queues.broker import Disposition, Handler, Message

Job: TypeAlias = Callable[[], None]
log = structlog.get_logger()


def decide(handle: Handler, message: Message) -> Disposition:
    """What the handler says of the message; one that raises says ``REDELIVER``."""
    try:
        return handle(message)
    except Exception:
        log.warning("handler_failed", queue=message.queue, message_id=message.id, exc_info=True)
        return Disposition.REDELIVER


def redelivery_pause(earlier: int) -> float:
    """Seconds to hold back a message that was sent back before: trouble of a second must not use up all chances."""
    return 0.0 if earlier == 0 else min(5.0, 0.05 * 2 ** min(earlier, 10))


class Lanes:
    """A pool of at most ``threads`` daemon threads; idle ones wait on a condition, they do not poll."""

    def __init__(self, *, threads: int, name: str) -> None:
        self._limit = threads
        self._name = name
        self._change = threading.Condition()
        self._jobs: dict[str, deque[Job]] = {}  # a lane is here as long as it has jobs or is being worked on
        self._ready: deque[str] = deque()
        self._later: list[tuple[float, int, str, Job]] = []
        self._order = count()
        self._threads: list[threading.Thread] = []
        self._idle = 0
        self._closed = False

    def submit(self, lane: str, job: Job, *, after: float = 0.0) -> None:
        """Run ``job`` behind the other jobs of the lane, ``after`` so many seconds. Dropped once closed."""
        with self._change:
            if self._closed:
                return
            if after > 0:
                heapq.heappush(self._later, (time.monotonic() + after, next(self._order), lane, job))
            else:
                self._enqueue(lane, job)
            self._staff()
            self._change.notify()

    def close(self, *, seconds: float) -> bool:
        """Let every thread finish the job it is at, drop the rest. Whether all of them came to their end."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            threads = [thread for thread in self._threads if thread is not threading.current_thread()]
        deadline = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in threads)

    def _enqueue(self, lane: str, job: Job) -> None:
        if (jobs := self._jobs.get(lane)) is not None:
            jobs.append(job)
            return
        self._jobs[lane] = deque((job,))
        self._ready.append(lane)

    def _staff(self) -> None:
        """Start a thread if more work waits than threads do; one that was woken for a lane is not free for two."""
        if len(self._ready) + bool(self._later) <= self._idle or len(self._threads) >= self._limit:
            return
        name = f"{self._name}-{len(self._threads)}"
        thread = threading.Thread(target=self._work, name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _work(self) -> None:
        while (taken := self._take()) is not None:
            lane, job = taken
            try:
                job()
            except Exception:
                log.exception("lane_job_failed", lane=lane)
            self._give_back(lane)

    def _take(self) -> tuple[str, Job] | None:
        """The next job of the lane that waits longest; None when closed."""
        with self._change:
            while not self._closed:
                pause = self._call_due()
                if self._ready:
                    lane = self._ready.popleft()
                    self._staff()
                    return lane, self._jobs[lane].popleft()
                self._idle += 1
                self._change.wait(pause)
                self._idle -= 1
            return None

    def _call_due(self) -> float | None:
        """Put what has fallen due into its lane; seconds until the next, None if there is none."""
        now = time.monotonic()
        while self._later and self._later[0][0] <= now:
            _, _, lane, job = heapq.heappop(self._later)
            self._enqueue(lane, job)
        return self._later[0][0] - now if self._later else None

    def _give_back(self, lane: str) -> None:
        with self._change:
            if self._jobs[lane]:
                self._ready.append(lane)
                self._change.notify()
            else:
                del self._jobs[lane]
