"""What speaks AMQP here: systems of agencies that consume their own queue, and whoever forges, deletes and poisons.

Agencies' systems use pika themselves; the trunk's own way to RabbitMQ (``queues.rabbitmq``) is what is on trial.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import Any, Final

import orjson
import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.exceptions import AMQPError

from queues import names

# pika says ValueError of a socket that was reset while it was made; a handshake that takes too long is no AMQPError
TROUBLES: Final = (AMQPError, AMQPConnectorException, OSError, ValueError)
_PAUSE: Final = 0.5
_ANSWER_SECONDS: Final = 60

Take = Callable[[str, str], Awaitable[bool]]
"""Takes a delivery id and an envelope id; whether the delivery is settled."""


class Consumer:
    """One agency's consumer, in a thread of its own, as long as the run; takes ``at_once`` notices at a time."""

    def __init__(self, url: str, agency: str, take: Take, *, at_once: int = 1) -> None:
        self._url, self._queue, self._take, self._at_once = url, names.encode(agency), take, at_once
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"consumer-{agency}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()

    def join(self) -> None:
        """Until it has ended: not in the event loop, which it may need for its last notices."""
        self._thread.join()

    def _run(self) -> None:
        while not self._over.is_set():
            with suppress(*TROUBLES), channel(self._url) as open_channel:
                self._consume(open_channel)
            time.sleep(_PAUSE)

    def _consume(self, open_channel: BlockingChannel) -> None:
        open_channel.basic_qos(prefetch_count=max(10, 2 * self._at_once))
        held: list[tuple[int, bytes]] = []
        for method, _, body in open_channel.consume(self._queue, inactivity_timeout=1):
            if self._over.is_set():
                return
            if method is None or body is None:
                continue
            held.append((method.delivery_tag, body))
            if len(held) >= self._at_once or not open_channel.get_waiting_message_count():
                self._settle(open_channel, held)
                held = []

    def _settle(self, open_channel: BlockingChannel, notices: Sequence[tuple[int, bytes]]) -> None:
        begun = [(tag, self._begun(body)) for tag, body in notices]
        failed = False
        for tag, taking in begun:
            if _settled(taking):
                open_channel.basic_ack(tag)
            else:
                open_channel.basic_nack(tag, requeue=True)
                failed = True
        if failed:
            time.sleep(_PAUSE)

    def _begun(self, body: bytes) -> Future[bool] | None:
        """What is no notice is nobody's mail: it is passed over."""
        try:
            notice: Any = orjson.loads(body)  # json.loads answers brackets without end with a RecursionError
            ids = str(notice["delivery_id"]), str(notice["envelope_id"])
        except (ValueError, LookupError, TypeError):
            return None
        return asyncio.run_coroutine_threadsafe(_whole(self._take(*ids)), self._loop)


def _settled(taking: Future[bool] | None) -> bool:
    if taking is None:
        return True
    with suppress(TimeoutError):
        return taking.result(_ANSWER_SECONDS)
    return False


async def _whole(taking: Awaitable[bool]) -> bool:
    return await taking


@contextmanager
def channel(url: str) -> Iterator[BlockingChannel]:
    """A channel of a connection of its own."""
    parameters = pika.URLParameters(url)
    parameters.socket_timeout = parameters.stack_timeout = 5
    parameters.blocked_connection_timeout = 5
    parameters.heartbeat = 10
    connection = pika.BlockingConnection(parameters)
    try:
        yield connection.channel()
    finally:
        with suppress(*TROUBLES):
            connection.close()


def delete_queues(url: str, agencies: list[str]) -> None:
    """With all that is in them."""
    with channel(url) as open_channel:
        for agency in agencies:
            open_channel.queue_delete(names.encode(agency))


def publish(url: str, agency: str, body: bytes, properties: pika.BasicProperties) -> None:
    """Straight into an agency's queue, as somebody could who has the trunk's password."""
    with channel(url) as open_channel:
        open_channel.basic_publish("", names.encode(agency), body, properties)


def forge(url: str, agency: str, envelope_id: str, delivery_id: str) -> None:
    """Notices that look right and are of nothing, of somebody else's mail, and without end."""
    notice = {"delivery_id": delivery_id, "envelope_id": envelope_id, "kind": "document", "version": 0}
    bodies = (json.dumps(notice).encode(), b"{}", b"\x00\xff" * 5_000, b"[" * 10_000)
    for number, body in enumerate(bodies):
        message_id = f"{delivery_id}.0" if number == 0 else "forged"
        publish(url, agency, body, pika.BasicProperties(message_id=message_id, delivery_mode=2))


def poison(url: str, agency: str) -> None:
    """Messages that a careless consumer chokes on."""
    odd: tuple[pika.BasicProperties, ...] = (
        pika.BasicProperties(),
        pika.BasicProperties(message_id="x" * 255, headers={"x-delivery-count": "many", "a": {"b": [None]}}),
        pika.BasicProperties(message_id="\ufeff..", content_type="application/xml", priority=255, expiration="60000"),
    )
    for properties in odd:
        publish(url, agency, b"", properties)
