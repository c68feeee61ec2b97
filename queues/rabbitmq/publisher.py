"""Publishing in windows: many messages in flight, bounded in count and octets, each confirmed on its own.

pika buffers without bound and without a word while a broker is blocked, so the window is the only brake there is.
What is in flight holds a place in it until the broker answers; what is not answered in time gives its place back and
is only counted, and when those become a window themselves the connection is given up. So at most two windows of
messages are ever in pika's buffers.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from pika.channel import Channel
from pika.exceptions import AMQPError
from pika.frame import Method
from pika.spec import Basic, BasicProperties

from queues.broker import Confirmation, FullError, QueueError, SilentError, UnroutableError
from queues.rabbitmq import topology
from queues.rabbitmq.conversation import Conversation, said, settle
from queues.rabbitmq.link import Line
from queues.rabbitmq.tuning import Tuning


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message ready for the wire, and the room it takes."""

    routing_key: str
    properties: BasicProperties
    body: bytes
    size: int

    @property
    def label(self) -> tuple[str, str]:
        return str(self.properties.message_id), self.routing_key


class Batch:
    """The parcels of one call of ``publish``, and what became of them."""

    def __init__(self, parcels: Sequence[Parcel]) -> None:
        self.confirmations: list[Confirmation] = [None] * len(parcels)
        self.pending = [_Pending(parcel, self, number) for number, parcel in enumerate(parcels)]
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._open = len(parcels)
        if not parcels:
            settle(self.done, None)

    def close_one(self, number: int, confirmation: Confirmation) -> None:
        self.confirmations[number] = confirmation
        self._open -= 1
        if self._open == 0:
            settle(self.done, None)


class _Pending:
    __slots__ = ("batch", "number", "overdue", "parcel", "settled")

    def __init__(self, parcel: Parcel, batch: Batch, number: int) -> None:
        self.parcel = parcel
        self.batch = batch
        self.number = number
        self.settled = False
        self.overdue = False  # settled as not confirmed in time; the broker may still answer

    def settle(self, confirmation: Confirmation) -> None:
        if not self.settled:
            self.settled = True
            self.batch.close_one(self.number, confirmation)


class Publisher:
    """The publishing channel. For the event loop's thread only."""

    def __init__(self, tuning: Tuning) -> None:
        self._tuning = tuning
        self._line: Line | None = None
        self._channel: Channel | None = None
        self._waiting: deque[_Pending] = deque()
        self._unconfirmed: dict[int, _Pending] = {}  # by delivery tag, in the order of the tags
        self._returned: Counter[tuple[str, str]] = Counter()
        self._next_tag = 1
        self._in_flight = 0
        self._octets = 0
        self._overdue = 0

    async def move_in(self, line: Line, /) -> None:
        conversation = await Conversation.open(line.connection)
        await conversation.ask(Channel.confirm_delivery, ack_nack_callback=self._on_confirm)
        conversation.channel.add_on_return_callback(self._on_return)
        line.depend_on(conversation)
        self._line, self._channel = line, conversation.channel
        self._next_tag = 1  # delivery tags belong to one channel

    def move_out(self, error: QueueError, /) -> None:
        """Fail whatever is pending: pika forgets the confirms of a lost connection without a word."""
        pending = [*self._unconfirmed.values(), *self._waiting]
        self._line = self._channel = None
        self._unconfirmed.clear()
        self._waiting.clear()
        self._returned.clear()
        self._in_flight = self._octets = self._overdue = 0
        for one in pending:
            one.settle(QueueError(f"the connection was lost before the confirm: {error}"))

    async def publish(self, parcels: Sequence[Parcel], *, seconds: float) -> list[Confirmation]:
        """Publish and wait for the answers, ``seconds`` at most."""
        if self._channel is None:
            return [QueueError("no connection to the broker")] * len(parcels)
        batch = Batch(parcels)
        self._waiting.extend(batch.pending)
        self._pump()
        await asyncio.wait({batch.done}, timeout=seconds)
        if not batch.done.done():
            self._give_up(batch)
        return batch.confirmations

    def _pump(self) -> None:
        """Send what waits, as long as there is room."""
        while self._waiting and self._channel is not None:
            pending = self._waiting[0]
            if not pending.settled:
                if not self._has_room(pending.parcel.size):
                    return
                self._send(self._channel, pending)
            self._waiting.popleft()

    def _has_room(self, size: int) -> bool:
        if self._in_flight == 0:
            return True
        return self._in_flight < self._tuning.window and self._octets + size <= self._tuning.window_octets

    def _send(self, channel: Channel, pending: _Pending) -> None:
        parcel = pending.parcel
        try:
            channel.basic_publish(
                exchange=topology.DELIVERIES,
                routing_key=parcel.routing_key,
                body=parcel.body,
                properties=parcel.properties,
                mandatory=True,  # else a message without a queue is confirmed and gone
            )
        except AMQPError as error:
            pending.settle(QueueError(said(error)))
            return
        self._unconfirmed[self._next_tag] = pending
        self._next_tag += 1
        self._in_flight += 1
        self._octets += parcel.size

    def _on_return(self, _: Channel, method: Basic.Return, properties: BasicProperties, __: bytes) -> None:
        """No queue: the message comes back before its confirm, which says that all is well."""
        self._returned[str(properties.message_id), str(method.routing_key)] += 1

    def _on_confirm(self, frame: Method[Basic.Ack | Basic.Nack]) -> None:
        accepted = isinstance(frame.method, Basic.Ack)
        for tag in self._tags(frame.method.delivery_tag, multiple=frame.method.multiple):
            pending = self._unconfirmed.pop(tag)
            self._free(pending)
            pending.settle(self._verdict(pending.parcel.label, accepted=accepted))
        self._pump()

    def _tags(self, last: int, *, multiple: bool) -> list[int]:
        if not multiple:
            return [last] if last in self._unconfirmed else []
        if last == 0:
            return list(self._unconfirmed)
        tags = []
        for tag in self._unconfirmed:
            if tag > last:
                break
            tags.append(tag)
        return tags

    def _verdict(self, label: tuple[str, str], *, accepted: bool) -> Confirmation:
        if self._returned and self._returned[label] > 0:
            self._returned[label] -= 1
            self._returned += Counter()  # drops the zeros
            return UnroutableError("the broker has no such queue")
        return None if accepted else FullError("the broker refused the message: its queue is full or unavailable")

    def _free(self, pending: _Pending) -> None:
        if pending.overdue:
            self._overdue -= 1
        else:
            self._in_flight -= 1
            self._octets -= pending.parcel.size

    def _give_up(self, batch: Batch) -> None:
        """The time is over: give the batch's places back, and the connection too if that happens too often."""
        in_flight = {id(pending) for pending in self._unconfirmed.values()}
        for pending in batch.pending:
            if not pending.settled and id(pending) in in_flight:
                self._free(pending)
                pending.overdue = True
                self._overdue += 1
            pending.settle(SilentError("the broker did not confirm in time"))
        if self._overdue >= self._tuning.window and self._line is not None:
            self._line.hang_up(QueueError("the broker confirms nothing"))
        self._pump()
