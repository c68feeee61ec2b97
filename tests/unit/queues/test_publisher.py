"""The bookkeeping of the window, against a channel that answers what the test says."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from pika.spec import Basic, BasicProperties

from queues.broker import Message, QueueError, UnroutableError
from queues.rabbitmq.publisher import Parcel, Publisher
from queues.rabbitmq.tuning import Tuning
from queues.rabbitmq.wire import pack, parameters

URL = "amqp://u:p@127.0.0.1:1/v"


class FakeChannel:
    """Takes what is published, answers when it is told to."""

    def __init__(self) -> None:
        self.published: list[BasicProperties] = []

    def basic_publish(self, *, properties: BasicProperties, mandatory: bool, **_: object) -> None:
        assert mandatory
        assert properties.delivery_mode == 2
        self.published.append(properties)


class FakeLine:
    def __init__(self) -> None:
        self.hung_up: list[QueueError] = []

    def hang_up(self, error: QueueError) -> None:
        self.hung_up.append(error)


def parcels(number: int) -> list[Parcel]:
    packed = [pack(Message(id=str(i), queue="q", body=b"x"), most=10_000) for i in range(number)]
    return [one for one in packed if isinstance(one, Parcel)]


def ready(tuning: Tuning) -> tuple[Any, FakeChannel, FakeLine]:
    publisher: Any = Publisher(tuning)
    publisher._channel, publisher._line = FakeChannel(), FakeLine()
    return publisher, publisher._channel, publisher._line


def answer(publisher: Any, method: type[Any], tag: int, *, multiple: bool = False) -> None:
    publisher._on_confirm(SimpleNamespace(method=method(delivery_tag=tag, multiple=multiple)))


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


def test_no_more_than_the_window_is_in_flight() -> None:
    async def story() -> None:
        publisher, channel, _ = ready(Tuning(window=3))
        publishing = asyncio.create_task(publisher.publish(parcels(7), seconds=10))
        await asyncio.sleep(0)
        assert len(channel.published) == 3
        answer(publisher, Basic.Ack, 2)
        assert len(channel.published) == 4
        answer(publisher, Basic.Ack, 4, multiple=True)
        assert len(channel.published) == 7
        answer(publisher, Basic.Ack, 0, multiple=True)
        assert await publishing == [None] * 7

    run(story())


def test_no_more_octets_than_the_window_takes_are_in_flight() -> None:
    async def story() -> None:
        size = parcels(1)[0].size
        publisher, channel, _ = ready(Tuning(window_octets=2 * size))
        publishing = asyncio.create_task(publisher.publish(parcels(3), seconds=10))
        await asyncio.sleep(0)
        assert len(channel.published) == 2
        answer(publisher, Basic.Ack, 1)
        answer(publisher, Basic.Ack, 3, multiple=True)
        assert await publishing == [None] * 3

    run(story())


def test_answers_out_of_order_reach_their_messages() -> None:
    async def story() -> None:
        publisher, _, _ = ready(Tuning())
        publishing = asyncio.create_task(publisher.publish(parcels(4), seconds=10))
        await asyncio.sleep(0)
        answer(publisher, Basic.Nack, 3)
        answer(publisher, Basic.Ack, 1)
        answer(publisher, Basic.Ack, 1)  # a repetition is nobody's
        answer(publisher, Basic.Ack, 4, multiple=True)
        assert [fault is None for fault in await publishing] == [True, True, False, True]

    run(story())


def test_a_returned_message_is_no_success_although_it_is_confirmed() -> None:
    async def story() -> None:
        publisher, _, _ = ready(Tuning())
        batch = parcels(2)
        publishing = asyncio.create_task(publisher.publish(batch, seconds=10))
        await asyncio.sleep(0)
        returned = Basic.Return(reply_code=312, reply_text="NO_ROUTE", routing_key=batch[1].routing_key)
        publisher._on_return(None, returned, batch[1].properties, b"")
        answer(publisher, Basic.Ack, 2, multiple=True)
        first, second = await publishing
        assert first is None
        assert isinstance(second, UnroutableError)
        assert not publisher._returned

    run(story())


def test_what_is_not_confirmed_in_time_is_an_error_and_gives_its_place_back() -> None:
    async def story() -> None:
        publisher, channel, line = ready(Tuning(window=4))
        assert all(isinstance(fault, QueueError) for fault in await publisher.publish(parcels(2), seconds=0.01))
        publishing = asyncio.create_task(publisher.publish(parcels(4), seconds=10))
        await asyncio.sleep(0)
        assert len(channel.published) == 6
        answer(publisher, Basic.Ack, 6, multiple=True)  # the first two are late
        assert await publishing == [None] * 4
        assert (publisher._in_flight, publisher._octets, publisher._overdue) == (0, 0, 0)
        assert line.hung_up == []

    run(story())


def test_a_broker_that_confirms_nothing_is_given_up_after_a_window() -> None:
    async def story() -> None:
        publisher, channel, line = ready(Tuning(window=4))
        for _ in range(2):
            await publisher.publish(parcels(10), seconds=0.01)
        assert len(line.hung_up) >= 1
        assert len(channel.published) <= 8

    run(story())


def test_the_loss_of_the_connection_fails_all_that_is_pending() -> None:
    async def story() -> None:
        publisher, _, _ = ready(Tuning(window=2))
        publishing = asyncio.create_task(publisher.publish(parcels(5), seconds=10))
        await asyncio.sleep(0)
        publisher.move_out(QueueError("reset"))
        assert all(isinstance(fault, QueueError) for fault in await publishing)
        assert all(isinstance(fault, QueueError) for fault in await publisher.publish(parcels(1), seconds=10))

    run(story())


def test_nothing_of_a_connection_waits_for_ever() -> None:
    chosen = parameters(URL, Tuning(confirm_timeout_seconds=7))
    assert chosen.heartbeat == 20
    assert chosen.blocked_connection_timeout == 7
    assert parameters(URL + "?heartbeat=5", Tuning()).heartbeat == 5


def test_the_pause_between_attempts_grows_is_bounded_and_is_spread() -> None:
    calm = [Tuning(chance=lambda: 0.0).reconnect_pause(attempt) for attempt in range(20)]
    wild = [Tuning(chance=lambda: 0.999).reconnect_pause(attempt) for attempt in range(20)]
    assert calm == sorted(calm)
    assert max(wild) <= 7.5
    assert all(low < high for low, high in zip(calm, wild, strict=True))


@pytest.mark.parametrize("url", ["", "http://127.0.0.1/", "embedded:"])
def test_a_url_that_is_not_amqp_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="amqp"):
        parameters(url, Tuning())
