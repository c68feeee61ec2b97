"""Makes exchanges, queues and bindings exist, on a channel of its own.

A declaration that the broker refuses closes its channel; here that hurts nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

from pika.channel import Channel

from queues import names
from queues.broker import QueueError
from queues.rabbitmq import topology
from queues.rabbitmq.conversation import ChannelLostError, Conversation
from queues.rabbitmq.link import Line
from queues.rabbitmq.tuning import Tuning

_NOT_FOUND: Final = 404


class Nursery:
    """Which queues are newborn, for all connections of a broker.

    RabbitMQ 3.10 writes the names of the quorum queues' logs to disk when none was added for half a second to a
    second. Killed before that, it comes back with the new queues but without their messages, confirmed or not.
    So nothing is published to a new queue until a while after the last one was made.
    """

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._newborn: set[str] = set()
        self._grown_up_at = 0.0  # on the loop's clock

    def born(self, queue: str) -> None:
        self._newborn.add(queue)
        self._grown_up_at = asyncio.get_running_loop().time() + self._seconds

    def wait_for(self, queues: Collection[str]) -> float:
        """Seconds until none of these is newborn."""
        left = self._grown_up_at - asyncio.get_running_loop().time()
        if left <= 0:
            self._newborn.clear()
        return left if self._newborn and not self._newborn.isdisjoint(queues) else 0.0


class Declarer:
    """What it has declared it remembers as long as the connection: a broker that comes back may have been wiped."""

    def __init__(self, tuning: Tuning, nursery: Nursery) -> None:
        self._tuning = tuning
        self._nursery = nursery
        self._line: Line | None = None
        self._conversation: Conversation | None = None
        self._known: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    async def move_in(self, line: Line, /) -> None:
        self._line = line
        for exchange, kind in topology.EXCHANGES.items():
            await self._ask(Channel.exchange_declare, exchange=exchange, exchange_type=kind, durable=True)
        await self._declare_dead_letters()
        await self._ask(Channel.queue_bind, queue=topology.DEAD_LETTERS, exchange=topology.DEAD_LETTERS)

    def move_out(self, _: QueueError, /) -> None:
        self._line = None
        self._conversation = None
        self._known.clear()

    def forget(self, queue: str) -> None:
        """Somebody deleted this queue: declare it again before it is used the next time."""
        self._known.discard(queue)

    def unknown(self, queues: Iterable[str]) -> list[str]:
        """Those that were not declared yet on this connection, each once."""
        return [queue for queue in dict.fromkeys(queues) if queue not in self._known]

    async def ensure(self, queues: Iterable[str]) -> None:
        """Make the queues exist. Raises ``QueueError`` at the first that cannot be made."""
        for queue in self.unknown(queues):
            async with self._one_at_a_time:
                if queue not in self._known:
                    await self._declare(queue)
                    self._known.add(queue)

    async def dead_letters(self) -> int:
        """How many messages wait in the dead-letter queue. Raises ``QueueError``."""
        async with self._one_at_a_time:
            return await self._declare_dead_letters()

    async def waiting(self, queue: str) -> int | None:
        """How many messages nobody has taken; ``None`` if somebody deleted the queue. Raises ``QueueError``."""
        async with self._one_at_a_time:
            try:
                answer = await self._ask(Channel.queue_declare, queue=names.encode(queue), passive=True)
            except ChannelLostError as refusal:
                if refusal.code != _NOT_FOUND:
                    raise
                self.forget(queue)
                return None
        return int(answer.method.message_count)

    async def settled(self, queues: Collection[str]) -> None:
        """Wait until none of these queues is newborn (see ``Nursery``)."""
        while (left := self._nursery.wait_for(queues)) > 0:  # noqa: ASYNC110  a known time, not a poll
            await asyncio.sleep(left)

    async def _declare(self, queue: str) -> None:
        name = names.encode(queue)
        try:
            # First only ask: a queue that was made with other limits is used as it is, changing it is a migration.
            await self._ask(Channel.queue_declare, queue=name, passive=True)
        except ChannelLostError as refusal:
            if refusal.code != _NOT_FOUND:
                raise
            arguments = topology.delivery_queue(self._tuning)
            self._nursery.born(queue)  # before, too: the other connection may find it before we get the answer
            await self._ask(Channel.queue_declare, queue=name, durable=True, arguments=arguments)
            self._nursery.born(queue)
        await self._ask(Channel.queue_bind, queue=name, exchange=topology.DELIVERIES, routing_key=name)

    async def _declare_dead_letters(self) -> int:
        answer = await self._ask(
            Channel.queue_declare,
            queue=topology.DEAD_LETTERS,
            durable=True,
            arguments=topology.dead_letter_queue(),
        )
        return int(answer.method.message_count)

    async def _ask(self, method: Callable[..., object], /, **arguments: object) -> Any:
        conversation = await self._talk()
        return await conversation.ask(method, **arguments)

    async def _talk(self) -> Conversation:
        """The channel, a new one if the broker has closed the last."""
        if self._line is None:
            raise QueueError("no connection to the broker")
        if self._conversation is None or self._conversation.closed.done():
            self._conversation = await Conversation.open(self._line.connection)
        return self._conversation
