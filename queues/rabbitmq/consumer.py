"""Consuming: deliveries come in on the loop, are handled by worker threads lane by lane, and are settled on the loop.

Law of the file: a delivery tag is worth something only on the channel it came from. Every settlement carries the
generation of its channel, and one of an older generation is dropped: the broker brings that message again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from pika.channel import Channel
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from queues import names
from queues.broker import Disposition, Handler, Message, QueueError
from queues.lanes import Lanes, decide, redelivery_pause
from queues.rabbitmq.conversation import Conversation
from queues.rabbitmq.declarer import Declarer, Nursery
from queues.rabbitmq.link import Line
from queues.rabbitmq.tuning import Tuning

_URGENT_FROM: Final = 5
_RETRY_LEAST: Final = 1.0
_RETRY_MOST: Final = 60.0
log = structlog.get_logger()


@dataclass(slots=True, eq=False)
class _Subscription:
    queue: str
    handle: Handler
    consuming: bool = False
    failures: int = 0
    not_before: float = 0.0  # on the loop's clock


@dataclass(frozen=True, slots=True)
class _Delivery:
    """One message, and where its settlement has to go."""

    generation: int
    method: Basic.Deliver
    properties: BasicProperties
    body: bytes

    def message(self, queue: str) -> Message | None:
        """The message as it was published; None for what nobody of us can have published."""
        if not isinstance(self.properties.message_id, str):
            return None
        headers = self.properties.headers or {}
        return Message(
            id=self.properties.message_id,
            queue=queue,
            body=self.body,
            # Others than text are the broker's own notes (x-delivery-count, x-death).
            headers={key: value for key, value in headers.items() if isinstance(value, str)},
            urgent=(self.properties.priority or 0) >= _URGENT_FROM,
        )

    @property
    def earlier(self) -> int:
        """How often it was brought before, as far as the broker knows."""
        count = (self.properties.headers or {}).get("x-delivery-count", 0)
        return count if isinstance(count, int) else 0


class Consumer:
    """All subscriptions, on one channel. For the event loop's thread only, but for ``_handle``."""

    def __init__(self, tuning: Tuning, nursery: Nursery, *, lanes: Lanes) -> None:
        self._tuning = tuning
        self._lanes = lanes
        self._loop = asyncio.get_running_loop()
        self._declarer = Declarer(tuning, nursery)  # of this connection: the publishing one may be blocked
        self._subscriptions: dict[str, _Subscription] = {}  # by consumer tag, which is the queue's name
        self._line: Line | None = None
        self._channel: Channel | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._generation = 0

    def add(self, queue: str, handle: Handler) -> None:
        self._subscriptions[names.encode(queue)] = _Subscription(queue, handle)
        self._wake.set()

    async def move_in(self, line: Line, /) -> None:
        await self._declarer.move_in(line)
        conversation = await Conversation.open(line.connection)
        await conversation.ask(Channel.basic_qos, prefetch_count=self._tuning.prefetch)
        conversation.channel.add_on_cancel_callback(self._on_cancel)
        line.depend_on(conversation)
        self._line, self._channel = line, conversation.channel
        # A task of its own: thousands of subscriptions take longer than a connection may take to get ready.
        self._keeper = self._loop.create_task(self._keep(conversation), name="rabbitmq-subscriptions")
        self._keeper.add_done_callback(self._on_keeper_end)

    def move_out(self, error: QueueError, /) -> None:
        self._generation += 1
        self._line = self._channel = None
        if self._keeper is not None:
            self._keeper.cancel()
            self._keeper = None
        for subscription in self._subscriptions.values():
            subscription.consuming = False
        self._declarer.move_out(error)

    def settle(self, generation: int, tag: int, disposition: Disposition) -> None:
        if generation != self._generation or self._channel is None:
            return  # a tag of a channel that is gone; used on another one it would close it
        try:
            if disposition is Disposition.DONE:
                self._channel.basic_ack(tag)
            else:
                # Not nack: RabbitMQ 4.3 counts only rejects towards the delivery limit.
                self._channel.basic_reject(tag, requeue=disposition is Disposition.REDELIVER)
        except AMQPError as error:
            log.warning("settlement_lost", reason=type(error).__name__)  # the channel is going; it comes again

    async def _keep(self, conversation: Conversation) -> None:
        """Consume whatever is subscribed and not consumed yet; look again when told, or when a retry is due."""
        while True:
            self._wake.clear()
            for tag, subscription in list(self._subscriptions.items()):
                if not subscription.consuming and subscription.not_before <= self._loop.time():
                    await self._start(conversation, tag, subscription)
            due = [one.not_before for one in self._subscriptions.values() if not one.consuming]
            waking = asyncio.ensure_future(self._wake.wait())
            try:
                await asyncio.wait({waking}, timeout=max(0.0, min(due) - self._loop.time()) if due else None)
            finally:
                waking.cancel()

    async def _start(self, conversation: Conversation, tag: str, subscription: _Subscription) -> None:
        """A queue that cannot be consumed now is tried again later, and holds up nobody else."""
        on_message = partial(self._on_message, subscription, self._generation)
        try:
            subscription.consuming = True
            await self._declarer.ensure([subscription.queue])
            await conversation.ask(Channel.basic_consume, queue=tag, on_message_callback=on_message, consumer_tag=tag)
            subscription.failures = 0
        except QueueError as error:
            self._postpone(subscription)
            log.warning("queue_not_consumed", queue=tag, reason=str(error))

    def _postpone(self, subscription: _Subscription) -> None:
        pause = min(_RETRY_MOST, _RETRY_LEAST * 2 ** min(subscription.failures, 10))
        subscription.failures += 1
        subscription.consuming = False
        subscription.not_before = self._loop.time() + pause

    def _on_keeper_end(self, keeper: asyncio.Task[None]) -> None:
        if not keeper.cancelled() and (error := keeper.exception()) is not None and self._line is not None:
            log.error("subscriptions_failed", exc_info=error)
            self._line.hang_up(QueueError("the keeper of the subscriptions failed"))

    def _on_cancel(self, frame: Method[Basic.Cancel]) -> None:
        """The broker ended a subscription: somebody deleted the queue, or its leader is gone."""
        tag = str(frame.method.consumer_tag)
        if (subscription := self._subscriptions.get(tag)) is not None:
            self._declarer.forget(subscription.queue)
            self._postpone(subscription)
            self._wake.set()

    def _on_message(
        self,
        subscription: _Subscription,
        generation: int,
        _: Channel,
        method: Basic.Deliver,
        properties: BasicProperties,
        body: bytes,
    ) -> None:
        """Only hand it over: whatever is raised here would close the connection."""
        delivery = _Delivery(generation, method, properties, body)
        self._lanes.submit(subscription.queue, partial(self._handle, subscription, delivery))

    def _handle(self, subscription: _Subscription, delivery: _Delivery) -> None:
        """In a worker thread."""
        if delivery.generation != self._generation:
            return  # the broker brings it again on the new channel, in its old place
        message = delivery.message(subscription.queue)
        disposition = decide(subscription.handle, message) if message else Disposition.SET_ASIDE
        pause = redelivery_pause(delivery.earlier) if disposition is Disposition.REDELIVER else 0.0
        tell: Callable[[], object] = partial(
            self.settle, delivery.generation, int(delivery.method.delivery_tag or 0), disposition
        )
        if pause:
            self._loop.call_soon_threadsafe(self._loop.call_later, pause, tell)
        else:
            self._loop.call_soon_threadsafe(tell)
