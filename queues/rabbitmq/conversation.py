"""A pika channel whose answers can be awaited, and that knows when it is gone.

pika's traps, and what is done about them here: a future may be settled after its waiter has left (``settle`` looks
first, since an exception in a callback closes the whole connection); an answer may never come because the channel was
closed (every wait also waits for the end of the channel).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel
from pika.exceptions import AMQPError, ChannelClosed

from queues.broker import QueueError

T = TypeVar("T")


class ChannelLostError(QueueError):
    """The channel was closed; ``code`` is AMQP's reason, 0 if the connection went."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(said(reason))
        self.code: int = reason.reply_code if isinstance(reason, ChannelClosed) else 0


def said(error: BaseException) -> str:
    """The error's name and text: pika's are often empty without the name."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def settle(future: asyncio.Future[T], value: T) -> None:
    """Set the result, unless its waiter has given up."""
    if not future.done():
        future.set_result(value)


class Conversation:
    """One channel of a connection, for the event loop's thread only."""

    def __init__(self, connection: AsyncioConnection) -> None:
        self._loop = asyncio.get_running_loop()
        self._opened: asyncio.Future[Channel] = self._loop.create_future()
        self.closed: asyncio.Future[ChannelLostError] = self._loop.create_future()
        self.channel = connection.channel(on_open_callback=lambda channel: settle(self._opened, channel))
        self.channel.add_on_close_callback(lambda _, reason: settle(self.closed, ChannelLostError(reason)))

    @classmethod
    async def open(cls, connection: AsyncioConnection) -> Conversation:
        """A channel that is open. Raises ``QueueError``."""
        try:
            conversation = cls(connection)
        except AMQPError as error:
            raise QueueError(said(error)) from error
        await conversation._unless_closed(conversation._opened)
        return conversation

    async def ask(self, method: Callable[..., object], /, **arguments: object) -> Any:
        """Call a method of ``Channel`` and return the broker's answer. Raises ``ChannelLostError``."""
        answer: asyncio.Future[Any] = self._loop.create_future()
        try:
            method(self.channel, **arguments, callback=lambda frame: settle(answer, frame))
        except AMQPError as error:
            raise ChannelLostError(error) from error
        return await self._unless_closed(answer)

    async def _unless_closed(self, answer: asyncio.Future[T]) -> T:
        either: set[asyncio.Future[Any]] = {answer, self.closed}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if answer.done():
            return answer.result()
        lost = self.closed.result()
        raise lost
