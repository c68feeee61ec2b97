"""An agency in mode amqp reads its own queue with its own user, and can do nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
import pytest

from queues import names
from queues.broker import Message
from queues.rabbitmq import topology
from tests.contract.test_broker import eventually
from tests.estate_kit import Grounds

OWN, OTHER = names.encode("H42"), names.encode("H42.01")
_ACCESS_REFUSED = 403


@pytest.fixture
def password(grounds: Grounds) -> str:
    applied = grounds.tool("H42", "H42.01", consumers=("H42",)).apply()
    broker = grounds.broker()
    window = [Message(id=f"{queue}.{i}", queue=queue, body=b"{}") for queue in ("H42", "H42.01") for i in range(5)]
    assert list(broker.publish(window)) == [None] * 10
    return applied.passwords["trunk.agency.H42"]


def test_it_consumes_its_own_queue(grounds: Grounds, password: str) -> None:
    channel = grounds.channel("trunk.agency.H42", password)
    got = []
    channel.basic_qos(prefetch_count=2)
    for method, properties, _ in channel.consume(OWN, inactivity_timeout=10):
        assert method is not None
        got.append(properties.message_id)
        channel.basic_ack(method.delivery_tag)
        if len(got) == 5:
            break
    channel.cancel()
    channel.connection.close()
    assert got == [f"H42.{i}" for i in range(5)]
    eventually(lambda: (grounds.counted(OWN), grounds.counted(OTHER)) == (0, 5))


FORBIDDEN: dict[str, Callable[[Any], object]] = {
    "consume another's queue": lambda channel: channel.basic_consume(OTHER, lambda *_: None),
    "get from another's queue": lambda channel: channel.basic_get(OTHER),
    "purge another's queue": lambda channel: channel.queue_purge(OTHER),
    "read the dead letters": lambda channel: channel.basic_get(topology.DEAD_LETTERS),
    "publish a delivery": lambda channel: channel.basic_publish(topology.DELIVERIES, OWN, b""),
    "publish to its own queue": lambda channel: channel.basic_publish("", OWN, b""),
    "publish to another's queue": lambda channel: channel.basic_publish("", OTHER, b""),
    "publish a dead letter": lambda channel: channel.basic_publish(topology.DEAD_LETTERS, "", b""),
    "publish elsewhere": lambda channel: channel.basic_publish("amq.topic", "x", b""),
    "declare a queue": lambda channel: channel.queue_declare("mine"),
    "declare one without a name": lambda channel: channel.queue_declare(""),
    "declare an exchange": lambda channel: channel.exchange_declare("mine"),
    "delete its own queue": lambda channel: channel.queue_delete(OWN),
    "delete another's queue": lambda channel: channel.queue_delete(OTHER),
    "delete the exchange": lambda channel: channel.exchange_delete(topology.DELIVERIES),
    "bind its queue to all": lambda channel: channel.queue_bind(OWN, topology.DELIVERIES, "#"),
    "unbind its queue": lambda channel: channel.queue_unbind(OWN, topology.DELIVERIES, OWN),
    "unbind another's queue": lambda channel: channel.queue_unbind(OTHER, topology.DELIVERIES, OTHER),
}


def test_everything_else_is_refused(grounds: Grounds, password: str) -> None:
    for what, attempt in FORBIDDEN.items():
        channel = grounds.channel("trunk.agency.H42", password)
        channel.confirm_delivery()  # so that a publication has an answer
        with pytest.raises(pika.exceptions.ChannelClosedByBroker) as refused:
            attempt(channel)
        assert refused.value.reply_code == _ACCESS_REFUSED, what
        channel.connection.close()
    eventually(lambda: (grounds.counted(OWN), grounds.counted(OTHER)) == (5, 5))


def test_it_cannot_enter_another_virtual_host_nor_the_management(grounds: Grounds, password: str) -> None:
    elsewhere = Grounds(grounds.server, grounds.folder)
    elsewhere.vhost = "/"
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        elsewhere.channel("trunk.agency.H42", password)
    management = grounds.management
    management._authorization = _basic("trunk.agency.H42", password)
    with pytest.raises(Exception, match="refuses"):
        management.get("queues", grounds.vhost)


def _basic(user: str, password: str) -> str:
    from base64 import b64encode

    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()
