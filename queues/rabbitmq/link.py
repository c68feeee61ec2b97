"""One connection that is kept up: dial, let the tenant move in, notice the end, wait a little, dial again.

Law of the file: whatever goes wrong ends in another attempt, and everybody who waits learns why. The tenant opens new
channels at each ``move_in`` and gives up everything that was pending at ``move_out``; nothing outlives a connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from enum import Enum, auto
from operator import methodcaller
from typing import Any, Final, Protocol

import pika
import structlog
from pika.adapters.asyncio_connection import AsyncioConnection

from queues.broker import QueueError
from queues.rabbitmq.conversation import ChannelLostError, Conversation, said, settle
from queues.rabbitmq.tuning import Tuning

_GONE_SECONDS: Final = 5.0
log = structlog.get_logger()


class Tenant(Protocol):
    """Who lives in a connection."""

    async def move_in(self, line: Line, /) -> None:
        """Open channels, declare what is needed. Raises ``QueueError``: then the connection is given up."""

    def move_out(self, error: QueueError, /) -> None:
        """The connection is gone, and with it everything that was pending. Must not raise."""


class Line:
    """One TCP connection from dialling to its end; never used again after that."""

    def __init__(self, parameters: pika.connection.Parameters) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[QueueError] = loop.create_future()
        self.blocked = False
        self._hung_up = False
        # `custom_ioloop` is ours: pika must neither make a loop nor stop one.
        self.connection = AsyncioConnection(
            parameters,
            on_open_callback=lambda _: settle(self.opened, None),
            on_open_error_callback=self._on_end,
            on_close_callback=self._on_end,
            custom_ioloop=loop,
        )
        self.connection.add_on_connection_blocked_callback(lambda *_: self._set_blocked(value=True))
        self.connection.add_on_connection_unblocked_callback(lambda *_: self._set_blocked(value=False))

    async def dialled(self) -> None:
        """Return when there is a connection, or certainly none."""
        either: set[asyncio.Future[Any]] = {self.opened, self.lost}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)

    def hang_up(self, error: QueueError) -> None:
        """End the connection now. An orderly close waits for an answer that a blocked broker does not give."""
        # Not while pika dials: aborted there, it leaves its socket open. Its own time-outs end that.
        if self.opened.done() and not (self._hung_up or self.connection.is_closed or self.lost.done()):
            self._hung_up = True
            # pika does this itself when a connection stays blocked for too long, but offers no public way.
            methodcaller("_terminate_stream", error)(self.connection)

    def depend_on(self, conversation: Conversation) -> None:
        """The connection is worth nothing without this channel: if the broker closes it, start afresh."""

        def on_closed(closed: asyncio.Future[ChannelLostError]) -> None:
            if self.connection.is_open:  # not in the middle of an orderly good-bye
                self.hang_up(closed.result())

        conversation.closed.add_done_callback(on_closed)

    def _on_end(self, _: AsyncioConnection, reason: BaseException) -> None:
        settle(self.lost, reason if isinstance(reason, QueueError) else QueueError(said(reason)))

    def _set_blocked(self, *, value: bool) -> None:
        self.blocked = value
        log.warning("broker_blocks_publishing" if value else "broker_accepts_again")


class _State(Enum):
    TRYING = auto()  # the first attempt, or the first one after a loss: worth waiting for
    UP = auto()
    DOWN = auto()  # an attempt failed; the next follows, but nobody should wait for it
    CLOSED = auto()


class Link:
    """Keeps a tenant connected until ``close``. For the event loop's thread only."""

    def __init__(self, parameters: pika.connection.Parameters, tenant: Tenant, *, name: str, tuning: Tuning) -> None:
        self._parameters = parameters
        self._tenant = tenant
        self._name = name
        self._tuning = tuning
        self._loop = asyncio.get_running_loop()
        self._line: Line | None = None
        self._state = _State.TRYING
        self._why = "not connected yet"
        self._news: asyncio.Future[None] = self._loop.create_future()
        self._closing = asyncio.Event()
        self._life = self._loop.create_task(self._live())

    @property
    def blocked(self) -> bool:
        return self._line is not None and self._line.blocked

    async def up(self, *, seconds: float) -> None:
        """Return when the tenant is in. Raises ``QueueError`` if the broker cannot be had now."""
        deadline = self._loop.time() + seconds
        while self._state is _State.TRYING and (left := deadline - self._loop.time()) > 0:
            await asyncio.wait({self._news}, timeout=left)
        if self._state is not _State.UP:
            raise QueueError(f"no connection to the broker: {self._why}")

    async def close(self, *, seconds: float) -> None:
        """Say good-bye; hang up if that takes longer than ``seconds``."""
        self._closing.set()
        if self._line is not None:
            line = self._line
            await line.dialled()
            if line.connection.is_open:
                line.connection.close()
                await asyncio.wait({line.lost}, timeout=seconds)
            line.hang_up(QueueError("the broker did not answer the good-bye"))
        await self._life

    async def _live(self) -> None:
        attempt = 0
        while not self._closing.is_set():
            lived, error = await self._one_life()
            self._tenant.move_out(error)
            if self._closing.is_set():
                break
            attempt = 0 if lived else attempt + 1
            log.warning("broker_connection_lost", connection=self._name, attempt=attempt, reason=str(error))
            self._become(_State.TRYING if lived else _State.DOWN, str(error))
            await _first_of(self._closing.wait(), seconds=self._tuning.reconnect_pause(attempt))
        self._become(_State.CLOSED, "closed")

    async def _one_life(self) -> tuple[bool, QueueError]:
        """From dialling to the end. Whether the tenant was in, and why it ended."""
        line = self._line = Line(self._parameters)
        try:
            await line.dialled()
            if line.lost.done():
                return False, line.lost.result()
            await asyncio.wait_for(self._tenant.move_in(line), self._tuning.connect_timeout_seconds)
            self._become(_State.UP, "")
            log.info("broker_connected", connection=self._name)
            return True, await line.lost
        except QueueError as error:
            return False, error
        except TimeoutError:
            return False, QueueError("the broker does not answer")
        except Exception as error:
            log.exception("broker_tenant_failed", connection=self._name)
            return False, QueueError(said(error))
        finally:
            line.hang_up(QueueError("given up"))
            await asyncio.wait({line.lost}, timeout=_GONE_SECONDS)  # no socket of ours outlives its line
            self._line = None

    def _become(self, state: _State, why: str) -> None:
        self._state, self._why = state, why
        news, self._news = self._news, self._loop.create_future()
        settle(news, None)


async def _first_of(waiting: Coroutine[Any, Any, object], *, seconds: float) -> None:
    """Wait for it, but no longer than ``seconds``."""
    try:
        await asyncio.wait_for(waiting, seconds)
    except TimeoutError:
        return
