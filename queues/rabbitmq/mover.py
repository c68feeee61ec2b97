"""Makes exchanges, queues and bindings for ``trunk admin rabbitmq``, and carries mail from one queue to another.

A queue cannot change its arguments, and its name is what agencies know. So its mail steps aside into a queue beside
it, and comes back when the queue was made anew. At every moment each message is in one queue at least: it is
acknowledged here when the broker has confirmed it there. Killed anywhere, the next run goes on from what it finds;
the worst is a message twice, which everybody who reads a queue of ours has to take anyway.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import pika
from pika.adapters.blocking_connection import BlockingChannel
from pika.adapters.utils.connection_workflow import AMQPConnectorException
from pika.connection import Parameters
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from queues import names
from queues.estate import DeadLetter, EstateError
from queues.rabbitmq import topology
from queues.rabbitmq.conversation import said
from queues.rabbitmq.differences import too_small
from queues.rabbitmq.survey import FoundQueue

_NOT_FOUND: Final = 404
_PRECONDITION_FAILED: Final = 406
_PATIENCE: Final = 5  # times the settling
# a handshake that takes too long is no AMQPError, and of a socket that was reset while it was made pika says ValueError
_NO_CONNECTION: Final = (AMQPError, AMQPConnectorException, OSError, ValueError)
Arguments = Mapping[str, Any]


class Mover:
    """One connection, for one run. Raises ``EstateError``."""

    def __init__(self, parameters: Parameters, *, newborn_seconds: float, settle_seconds: float) -> None:
        self._newborn_seconds = newborn_seconds
        self._settle_seconds = settle_seconds
        try:
            self._connection = pika.BlockingConnection(parameters)
        except _NO_CONNECTION as error:
            raise EstateError("RMQ-106", f"no connection to the broker: {said(error)}", temporary=True) from error

    def close(self) -> None:
        if self._connection.is_open:
            with suppress(AMQPError):  # it is over either way
                self._connection.close()

    def make_exchanges(self) -> None:
        with self._channel() as channel:
            for name, kind in topology.EXCHANGES.items():
                channel.exchange_declare(name, exchange_type=kind, durable=True)
            self._declare(channel, topology.DEAD_LETTERS, topology.dead_letter_queue())
            channel.queue_bind(topology.DEAD_LETTERS, topology.DEAD_LETTERS, "")

    def make(self, queues: Mapping[str, Arguments]) -> None:
        """Declare and bind; queues that are there already with these arguments are no trouble."""
        if not queues:
            return
        with self._channel() as channel:
            for name, arguments in queues.items():
                self._declare(channel, name, arguments)
                channel.queue_bind(name, topology.DELIVERIES, name)
        time.sleep(self._newborn_seconds)  # a node that is killed forgets what it took for a queue just made

    def bind(self, queue: str) -> None:
        with self._channel() as channel:
            exchange, key = (
                (topology.DEAD_LETTERS, "") if queue == topology.DEAD_LETTERS else (topology.DELIVERIES, queue)
            )
            channel.queue_bind(queue, exchange, key)

    def drop(self, queue: str) -> None:
        """Delete a queue that nobody has and nothing is in."""
        with self._channel() as channel:
            channel.queue_unbind(queue, topology.DELIVERIES, queue)
            answer = channel.queue_declare(queue, passive=True).method
            if answer.message_count or answer.consumer_count:
                channel.queue_bind(queue, topology.DELIVERIES, queue)
                raise EstateError("RMQ-102", f"{queue}: somebody reads it, or something is in it")
            channel.queue_delete(queue)

    def migrate(self, queues: Mapping[str, Arguments], held: Callable[[str], int]) -> None:
        """Give the queues these arguments; ``held(queue)`` counts what is in one, unacknowledged messages included."""
        if not queues:
            return
        self._step_aside(queues)
        self._empty([name for name in queues if self._count(name) is not None], held)
        self._renew(queues)
        for name in queues:
            aside = topology.moving_name(name)
            with self._channel() as channel:
                channel.queue_unbind(aside, topology.DELIVERIES, name)
            self._carry(aside, name)
        self._forget(list(queues), held)

    def dead_letters(self, most: int) -> list[DeadLetter]:
        """The oldest of them, which stay where they are."""
        found: list[DeadLetter] = []
        with self._channel() as channel:
            while len(found) < most:
                method, properties, body = channel.basic_get(topology.DEAD_LETTERS)
                if method is None:
                    break
                found.append(_dead_letter(method, properties, body))
        return found  # with the channel they go back

    def settle(self, decide: Callable[[DeadLetter], bool], most: int) -> int:
        """Remove those dead letters that ``decide`` says so of; how many."""
        removed = 0
        with self._channel() as channel:
            for _ in range(most):
                method, properties, body = channel.basic_get(topology.DEAD_LETTERS)
                if method is None:
                    break
                if decide(_dead_letter(method, properties, body)):
                    channel.basic_ack(method.delivery_tag)
                    removed += 1
        return removed

    def _step_aside(self, queues: Mapping[str, Arguments]) -> None:
        """From here on what is published waits beside the queues."""
        for name, arguments in queues.items():
            count = self._count(name) or 0
            if (fault := too_small(arguments, FoundQueue(arguments={}, messages=count))) is not None:
                raise EstateError("RMQ-101", f"{name}: {fault}")
        with self._channel() as channel:
            for name in queues:
                self._declare(channel, topology.moving_name(name), topology.moving_queue())
        time.sleep(self._newborn_seconds)
        for name in queues:
            there = self._count(name) is not None
            with self._channel() as channel:
                # Bound beside before it is unbound here: nothing is unroutable, some may come twice.
                channel.queue_bind(topology.moving_name(name), topology.DELIVERIES, name)
                if there:
                    channel.queue_unbind(name, topology.DELIVERIES, name)

    def _empty(self, queues: Sequence[str], held: Callable[[str], int]) -> None:
        """Carry everything aside, again and again: a consumer may give back what it had."""
        for name in queues:
            self._carry(name, topology.moving_name(name))
        self._connection.sleep(self._settle_seconds)  # RabbitMQ counts every five seconds
        for name in queues:
            self._finish(name, topology.moving_name(name), held)

    def _finish(self, source: str, target: str, held: Callable[[str], int]) -> None:
        """Return when nothing is in the source, nor in anybody's hands."""
        deadline = time.monotonic() + _PATIENCE * self._settle_seconds
        while True:
            self._carry(source, target)
            if not (left := held(source)):
                return
            if time.monotonic() > deadline:
                raise EstateError("RMQ-105", f"{source}: {left} messages are with a consumer", temporary=True)
            self._connection.sleep(self._settle_seconds / 4)

    def _renew(self, queues: Mapping[str, Arguments]) -> None:
        with self._channel() as channel:
            for name, arguments in queues.items():
                channel.queue_delete(name)
                self._declare(channel, name, arguments)
                channel.queue_bind(name, topology.DELIVERIES, name)
        time.sleep(self._newborn_seconds)

    def _forget(self, queues: Sequence[str], held: Callable[[str], int]) -> None:
        self._connection.sleep(self._settle_seconds)
        for name in queues:
            aside = topology.moving_name(name)
            self._finish(aside, name, held)
            with self._channel() as channel:
                channel.queue_delete(aside)

    def _carry(self, source: str, target: str) -> int:
        """Move all messages, in order: confirmed there, then acknowledged here."""
        moved = 0
        with self._channel() as channel:
            channel.confirm_delivery()
            while True:
                method, properties, body = channel.basic_get(source)
                if method is None:
                    return moved
                properties.headers = {k: v for k, v in (properties.headers or {}).items() if k != "x-delivery-count"}
                try:
                    channel.basic_publish("", target, body, properties, mandatory=True)
                except (NackError, UnroutableError) as error:
                    raise EstateError(
                        "RMQ-106", f"{target} does not take what is in {source}: {said(error)}"
                    ) from error
                channel.basic_ack(method.delivery_tag)
                moved += 1

    def _count(self, queue: str) -> int | None:
        """How many messages are ready; None if there is no such queue."""
        channel = self._connection.channel()
        try:
            count = int(channel.queue_declare(queue, passive=True).method.message_count)
        except ChannelClosedByBroker as refused:
            if refused.reply_code == _NOT_FOUND:
                return None
            raise EstateError("RMQ-106", f"{queue}: {said(refused)}") from refused
        except AMQPError as error:
            raise EstateError("RMQ-106", f"{queue}: {said(error)}", temporary=True) from error
        channel.close()
        return count

    def _declare(self, channel: BlockingChannel, queue: str, arguments: Arguments) -> None:
        try:
            channel.queue_declare(queue, durable=True, arguments=dict(arguments))
        except ChannelClosedByBroker as refused:
            if refused.reply_code != _PRECONDITION_FAILED:
                raise
            words = f"{queue}: somebody made it meanwhile, with other arguments"
            raise EstateError("RMQ-109", words, temporary=True) from refused

    @contextmanager
    def _channel(self) -> Iterator[BlockingChannel]:
        try:
            channel = self._connection.channel()
            yield channel
            if channel.is_open:
                channel.close()
        except EstateError:
            if channel.is_open:
                channel.close()  # what was taken and not acknowledged goes back
            raise
        except AMQPError as error:
            raise EstateError("RMQ-106", f"the broker refuses: {said(error)}", temporary=True) from error


def _dead_letter(method: Any, properties: Any, body: bytes) -> DeadLetter:
    headers = properties.headers or {}
    queue = str(headers.get("x-first-death-queue", ""))
    return DeadLetter(
        id=properties.message_id if isinstance(properties.message_id, str) else "",
        queue=names.decode(queue) or queue or names.decode(str(method.routing_key)) or "",
        reason=str(headers.get("x-first-death-reason", "")),
        body=body,
    )
