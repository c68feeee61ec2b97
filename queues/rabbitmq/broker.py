"""The door to RabbitMQ for every thread: calls go over to the loop's thread, and come back within their time."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from pika.connection import Parameters

from queues.broker import Confirmation, Handler, Message, QueueError, SilentError
from queues.lanes import Lanes
from queues.rabbitmq.publisher import Parcel
from queues.rabbitmq.session import Session
from queues.rabbitmq.tuning import MEBIBYTE, Tuning
from queues.rabbitmq.wire import pack, parameters

T = TypeVar("T")
_GRACE_SECONDS: Final = 10.0  # what the loop's answer may be late by; it keeps the time itself


class RabbitBroker:
    """Quorum queues, publisher confirms, at-least-once dead-lettering. Connects in the background, again and again."""

    durable: Final = True

    def __init__(
        self,
        url: str,
        *,
        window: int = 500,
        window_octets: int = 8 * MEBIBYTE,
        confirm_timeout_seconds: float = 15.0,
        delivery_limit: int = 10,
        tuning: Tuning | None = None,
    ) -> None:
        self._tuning = replace(
            tuning or Tuning(),
            window=window,
            window_octets=window_octets,
            confirm_timeout_seconds=confirm_timeout_seconds,
            delivery_limit=delivery_limit,
        )
        wiring = parameters(url, self._tuning)  # raises ValueError for a URL that is none
        self._lanes = Lanes(threads=self._tuning.handler_threads, name="rabbitmq-handler")
        self._subscribed: set[str] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="rabbitmq-loop", daemon=True)
        self._thread.start()
        self._session = self._run(self._begin(wiring))

    def declare(self, queues: Iterable[str], /) -> None:
        for queue in queues:  # each with its own time: thousands of new ones may take a minute
            self._run(self._session.declare(queue))

    def publish(self, window: Sequence[Message], /) -> Sequence[Confirmation]:
        packed = [pack(message, most=self._tuning.window_octets) for message in window]
        queues = [message.queue for message, one in zip(window, packed, strict=True) if isinstance(one, Parcel)]
        parcels = [one for one in packed if isinstance(one, Parcel)]
        try:
            answers = iter(self._run(self._session.publish(queues, parcels)) if parcels else ())
        except QueueError as error:
            answers = iter([error] * len(parcels))
        return [next(answers) if isinstance(one, Parcel) else one for one in packed]

    def subscribe(self, queue: str, handle: Handler, /) -> None:
        with self._lock:
            if queue in self._subscribed:
                raise ValueError("the queue has a handler already")
            self._subscribed.add(queue)
        self._run(self._session.subscribe(queue, handle))

    def dead_letters(self) -> int:
        return self._run(self._session.dead_letters())

    def waiting(self, queue: str, /) -> int | None:
        return self._run(self._session.waiting(queue))

    def check(self) -> None:
        self._run(self._session.check())

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        # In this order: no new handler begins and those at work settle their message; confirms come in; good-bye.
        self._lanes.close(seconds=self._tuning.confirm_timeout_seconds)
        try:
            asyncio.run_coroutine_threadsafe(self._session.close(), self._loop).result(self._patience)
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            # pika looks up names in the loop's own pool of threads.
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _begin(self, wiring: Parameters) -> Session:
        return Session(wiring, self._tuning, lanes=self._lanes)

    @property
    def _patience(self) -> float:
        return self._tuning.confirm_timeout_seconds + 3 * self._tuning.connect_timeout_seconds + _GRACE_SECONDS

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it on the loop. Raises ``QueueError``, also if the loop is gone or does not answer."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except RuntimeError as error:  # the loop is closed
            work.close()
            raise QueueError("the broker is closed") from error
        try:
            return future.result(self._patience)
        except concurrent.futures.CancelledError as error:
            raise QueueError("the broker was closed") from error
        except TimeoutError as error:
            future.cancel()
            raise SilentError("the broker does not answer") from error
