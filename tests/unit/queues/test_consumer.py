"""When a message is acknowledged, against a channel that keeps what it is told."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from pika.spec import Basic, BasicProperties

from queues import names
from queues.broker import Disposition, Message
from queues.lanes import Lanes
from queues.rabbitmq.consumer import Consumer
from queues.rabbitmq.tuning import Tuning


class FakeChannel:
    """Brings one message when it is consumed from; what is consumed without acknowledgements is gone at once."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.bring: Any = None
        self.settled = asyncio.Event()

    def basic_consume(
        self, queue: str, on_message_callback: Any, *, callback: Any, consumer_tag: str, auto_ack: bool = False
    ) -> None:
        if auto_ack:
            self.said.append("gone")
        self.bring = on_message_callback
        callback(None)

    def basic_ack(self, tag: int) -> None:
        self.said.append(f"ack {tag}")
        self.settled.set()

    def basic_reject(self, tag: int, *, requeue: bool) -> None:
        self.said.append(f"reject {tag} {requeue}")
        self.settled.set()


class Conversation:
    """Of which only the asking is used."""

    def __init__(self, channel: FakeChannel) -> None:
        self.channel = channel

    async def ask(self, method: Any, /, **arguments: Any) -> None:
        getattr(self.channel, method.__name__)(callback=lambda _: None, **arguments)


async def ready(handle: Any, lanes: Lanes) -> FakeChannel:
    """A consumer of one queue that has been brought the message 7."""
    consumer: Any = Consumer(Tuning(), None, lanes=lanes)
    consumer._declarer = Declared()
    channel = consumer._channel = FakeChannel()
    consumer.add("q", handle)
    (subscription,) = consumer._subscriptions.values()
    await consumer._start(Conversation(channel), names.encode("q"), subscription)
    channel.bring(None, Basic.Deliver(delivery_tag=7), BasicProperties(message_id="m"), b"x")
    return channel


class Declared:
    async def ensure(self, _: object) -> None: ...


def test_a_message_is_acknowledged_when_its_handler_is_done() -> None:
    at_work, go_on = threading.Event(), threading.Event()

    def handle(_: Message) -> Disposition:
        at_work.set()
        assert go_on.wait(30)
        return Disposition.DONE

    async def story() -> None:
        lanes = Lanes(threads=1, name="t")
        channel = await ready(handle, lanes)
        assert await asyncio.to_thread(at_work.wait, 30)
        await asyncio.sleep(0)
        assert channel.said == [], "the handler is still at work: a crash now must bring the message again"
        go_on.set()
        await asyncio.wait_for(channel.settled.wait(), 30)
        assert channel.said == ["ack 7"]
        await asyncio.to_thread(lanes.close, seconds=30)

    asyncio.run(story())


def test_a_message_whose_handler_fails_goes_back() -> None:
    def handle(_: Message) -> Disposition:
        raise ZeroDivisionError

    async def story() -> None:
        lanes = Lanes(threads=1, name="t")
        channel = await ready(handle, lanes)
        await asyncio.wait_for(channel.settled.wait(), 30)
        assert channel.said == ["reject 7 True"]
        await asyncio.to_thread(lanes.close, seconds=30)

    asyncio.run(story())
