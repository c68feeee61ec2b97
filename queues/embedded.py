"""The broker inside the process: the default, for one process, without a disk.

It forgets at a restart (``durable`` is False): the ledger is the truth, and one recovery call at start puts back
what was dispatched.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from queues.broker import Confirmation, Disposition, FullError, Handler, Message, QueueError
from queues.lanes import Lanes, decide, redelivery_pause

_KEPT_DEAD_LETTERS: Final = 1_000
_OVERTAKING: Final = 4
_CLOSING_SECONDS: Final = 30.0


@dataclass(slots=True)
class _Waiting:
    """One queue: what waits, the urgent apart, and who handles it."""

    urgent: deque[Message] = field(default_factory=deque)
    plain: deque[Message] = field(default_factory=deque)
    redeliveries: dict[str, int] = field(default_factory=dict)  # of messages that were sent back, by id
    handle: Handler | None = None
    overtaken: int = 0  # how often in a row an urgent one went before a plain one

    def __len__(self) -> int:
        return len(self.urgent) + len(self.plain)

    def line(self, message: Message) -> deque[Message]:
        return self.urgent if message.urgent else self.plain

    def take(self) -> Message:
        """The urgent first; but after so many of them in a row, one of the others."""
        if self.urgent and (not self.plain or self.overtaken < _OVERTAKING):
            self.overtaken = self.overtaken + 1 if self.plain else 0
            return self.urgent.popleft()
        self.overtaken = 0
        return self.plain.popleft()


class EmbeddedBroker:
    """Queues in memory, at most ``window`` messages each; a fuller one refuses."""

    durable: Final = False

    def __init__(self, *, window: int = 10_000, delivery_limit: int = 10, handler_threads: int = 16) -> None:
        self._window = window
        self._delivery_limit = delivery_limit
        self._queues: dict[str, _Waiting] = {}
        self._lock = threading.Lock()
        self._lanes = Lanes(threads=handler_threads, name="embedded")
        self._dead: deque[Message] = deque(maxlen=_KEPT_DEAD_LETTERS)
        self._dead_count = 0
        self._closed = False

    def declare(self, queues: Iterable[str], /) -> None:
        with self._lock:
            for queue in queues:
                self._queues.setdefault(queue, _Waiting())

    def publish(self, window: Sequence[Message], /) -> Sequence[Confirmation]:
        return [self._publish_one(message) for message in window]

    def subscribe(self, queue: str, handle: Handler, /) -> None:
        with self._lock:
            waiting = self._queues.setdefault(queue, _Waiting())
            if waiting.handle is not None:
                raise ValueError("the queue has a handler already")
            waiting.handle = handle
            backlog = len(waiting)
        for _ in range(backlog):
            self._call(queue)

    def dead_letters(self) -> int:
        with self._lock:
            return self._dead_count

    def waiting(self, queue: str, /) -> int | None:
        with self._lock:
            held = self._queues.get(queue)
            return None if held is None else len(held)

    def kept_dead_letters(self) -> list[Message]:
        """The youngest of them, to look at."""
        with self._lock:
            return list(self._dead)

    def forget_dead_letters(self, decide: Callable[[Message], bool], most: int) -> int:
        """Of the first ``most`` that are kept, forget those of which ``decide`` says so; how many."""
        with self._lock:
            looked_at = list(self._dead)[:most]
            forgotten = [message for message in looked_at if decide(message)]
            for message in forgotten:
                self._dead.remove(message)
            self._dead_count -= len(forgotten)
        return len(forgotten)

    def check(self) -> None:
        if self._closed:
            raise QueueError("the broker is closed")

    def close(self) -> None:
        self._closed = True
        self._lanes.close(seconds=_CLOSING_SECONDS)

    def _publish_one(self, message: Message) -> Confirmation:
        if self._closed:
            return QueueError("the broker is closed")
        with self._lock:
            waiting = self._queues.setdefault(message.queue, _Waiting())
            if len(waiting) >= self._window:
                return FullError(f"{self._window} messages are waiting in this queue already")
            waiting.line(message).append(message)
            subscribed = waiting.handle is not None
        if subscribed:
            self._call(message.queue)
        return None

    def _call(self, queue: str) -> None:
        """One call a message: each takes the one that is foremost then."""
        self._lanes.submit(queue, partial(self._handle_next, queue))

    def _handle_next(self, queue: str) -> None:
        with self._lock:
            waiting = self._queues[queue]
            message, handle = waiting.take(), waiting.handle
        if handle is None:
            return
        match decide(handle, message):
            case Disposition.DONE:
                self._forget(waiting, message)
            case Disposition.REDELIVER:
                self._send_back(waiting, message)
            case Disposition.SET_ASIDE:
                self._set_aside(waiting, message)

    def _forget(self, waiting: _Waiting, message: Message) -> None:
        with self._lock:
            waiting.redeliveries.pop(message.id, None)

    def _send_back(self, waiting: _Waiting, message: Message) -> None:
        with self._lock:
            count = waiting.redeliveries.get(message.id, 0) + 1
            waiting.redeliveries[message.id] = count
        if count > self._delivery_limit:
            self._set_aside(waiting, message)
        else:
            again = partial(self._handle_again, message)
            self._lanes.submit(message.queue, again, after=redelivery_pause(count - 1))

    def _handle_again(self, message: Message) -> None:
        with self._lock:
            waiting = self._queues[message.queue]
            waiting.line(message).appendleft(message)
        self._handle_next(message.queue)

    def _set_aside(self, waiting: _Waiting, message: Message) -> None:
        with self._lock:
            waiting.redeliveries.pop(message.id, None)
            self._dead.append(message)
            self._dead_count += 1
