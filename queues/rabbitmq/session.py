"""The loop's half of the broker: both connections, and every call while it is under way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pika.connection import Parameters

from queues.broker import Confirmation, Handler, QueueError, SilentError, UnroutableError
from queues.lanes import Lanes
from queues.rabbitmq.consumer import Consumer
from queues.rabbitmq.declarer import Declarer, Nursery
from queues.rabbitmq.link import Line, Link
from queues.rabbitmq.publisher import Parcel, Publisher
from queues.rabbitmq.tuning import Tuning


class PublishingSide:
    """The tenant of the publishing connection: a channel to declare on, and one to publish on."""

    def __init__(self, tuning: Tuning, nursery: Nursery) -> None:
        self.declarer = Declarer(tuning, nursery)
        self.publisher = Publisher(tuning)

    async def move_in(self, line: Line, /) -> None:
        await self.declarer.move_in(line)
        await self.publisher.move_in(line)

    def move_out(self, error: QueueError, /) -> None:
        self.publisher.move_out(error)
        self.declarer.move_out(error)

    async def publish(self, parcels: Sequence[Parcel], queues: Sequence[str], *, seconds: float) -> list[Confirmation]:
        """Publish ``parcels[i]`` to ``queues[i]``, declaring those that are new."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        missing = await self._missing(queues, deadline)
        await self.declarer.settled(queues)
        ready = [number for number, queue in enumerate(queues) if queue not in missing]
        left = max(0.0, deadline - loop.time())
        answers = await self.publisher.publish([parcels[number] for number in ready], seconds=left)
        confirmations: list[Confirmation] = [missing.get(queue) for queue in queues]
        for number, answer in zip(ready, answers, strict=True):
            confirmations[number] = answer
            if isinstance(answer, UnroutableError):
                self.declarer.forget(queues[number])
        return confirmations

    async def _missing(self, queues: Sequence[str], deadline: float) -> dict[str, QueueError]:
        """The queues that could not be declared, and why."""
        missing: dict[str, QueueError] = {}
        for queue in self.declarer.unknown(queues):
            try:
                async with asyncio.timeout_at(deadline):
                    await self.declarer.ensure([queue])
            except QueueError as error:
                missing[queue] = error
            except TimeoutError:
                missing[queue] = SilentError("the broker did not declare the queue in time")
        return missing


class Session:
    """Everything that lives on the loop. Made, used and closed there."""

    def __init__(self, parameters: Parameters, tuning: Tuning, *, lanes: Lanes) -> None:
        self._parameters = parameters
        self._tuning = tuning
        nursery = Nursery(seconds=tuning.newborn_seconds)
        self._side = PublishingSide(tuning, nursery)
        self._consumer = Consumer(tuning, nursery, lanes=lanes)
        self._publishing = Link(parameters, self._side, name="publishing", tuning=tuning)
        self._consuming: Link | None = None  # dialled at the first subscription
        self._calls = 0
        self._quiet = asyncio.Event()
        self._quiet.set()
        self._leaving = False

    async def declare(self, queue: str) -> None:
        with self._call():
            await self._publishing.up(seconds=self._tuning.connect_timeout_seconds)
            await self._side.declarer.ensure([queue])

    async def publish(self, queues: Sequence[str], parcels: Sequence[Parcel]) -> list[Confirmation]:
        with self._call():
            loop = asyncio.get_running_loop()
            deadline = loop.time() + self._tuning.confirm_timeout_seconds
            await self._publishing.up(seconds=self._tuning.confirm_timeout_seconds)
            self._require_open()
            return await self._side.publish(parcels, queues, seconds=deadline - loop.time())

    async def subscribe(self, queue: str, handle: Handler) -> None:
        with self._call():
            self._consumer.add(queue, handle)
            if self._consuming is None:
                self._consuming = Link(self._parameters, self._consumer, name="consuming", tuning=self._tuning)

    async def dead_letters(self) -> int:
        with self._call():
            await self._publishing.up(seconds=self._tuning.connect_timeout_seconds)
            return await self._side.declarer.dead_letters()

    async def waiting(self, queue: str) -> int | None:
        with self._call():
            await self._publishing.up(seconds=self._tuning.connect_timeout_seconds)
            return await self._side.declarer.waiting(queue)

    async def check(self) -> None:
        with self._call():
            await self._publishing.up(seconds=self._tuning.connect_timeout_seconds)
            self._require_open()

    async def close(self) -> None:
        """Wait for the calls that are under way (each ends within its time), then say good-bye."""
        self._leaving = True
        await self._quiet.wait()
        seconds = self._tuning.connect_timeout_seconds
        if self._consuming is not None:
            await self._consuming.close(seconds=seconds)
        await self._publishing.close(seconds=seconds)

    def _require_open(self) -> None:
        """While an alarm lasts nothing more is put into the connection: what is in it already is bounded."""
        if self._publishing.blocked:
            raise QueueError("the broker blocks publishing: it is short of memory or disk")

    @contextmanager
    def _call(self) -> Iterator[None]:
        if self._leaving:
            raise QueueError("the broker is closed")
        self._calls += 1
        self._quiet.clear()
        try:
            yield
        finally:
            self._calls -= 1
            if self._calls == 0:
                self._quiet.set()
