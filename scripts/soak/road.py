"""A road of ours between two parties on loopback: it carries octets, and can be cut, slowed, stopped or doubled.

A cut is a reset in the middle of whatever is on its way; a stopped road swallows octets without a word, as a network
does whose cable is out. Both sides meet only the faults of a real network.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: a close is a reset
_LAST_WORDS_SECONDS = 5.0


@dataclass(eq=False)
class Road:
    """From a port of its own to ``target`` on loopback. ``chance`` makes cuts repeatable."""

    target: int
    chance: random.Random
    port: int = 0
    delay_seconds: float = 0.0  #: of each piece, both ways
    stopped: bool = False  #: octets are swallowed
    doubled: bool = False  #: what comes by a new connection arrives twice, on two connections
    trips: set[Trip] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """From now on somebody listens at ``port``."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Near(Trip(self)), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
        self.cut()

    def cut(self) -> int:
        """Reset every connection that is on its way; how many."""
        trips = list(self.trips)
        for trip in trips:
            trip.cut()
        return len(trips)

    def cut_midway(self, most: int) -> int:
        """Reset each connection within its next ``most`` octets, in the middle of a message; how many."""
        for trip in self.trips:
            trip.left = self.chance.randrange(1, most)
        return len(self.trips)


@dataclass(eq=False)
class Trip:
    """One connection that came this way."""

    road: Road
    near: End | None = None
    far: End | None = None
    shadow: asyncio.Transport | None = None  #: where everything arrives a second time
    left: int | None = None  #: octets until it is cut; None: nobody cuts it

    def cut(self) -> None:
        """Both sides see a reset."""
        for end in (self.near, self.far):
            if end is not None and end.transport is not None:
                with suppress(OSError):
                    end.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.transport.abort()
        self.road.trips.discard(self)
        self._end_shadow()

    def _end_shadow(self) -> None:
        """The repetition goes on by itself for a while: it is a request of its own to whoever receives it."""
        if (shadow := self.shadow) is not None:
            self.shadow = None
            asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, shadow.abort)

    def within(self, piece: bytes) -> bytes:
        """As much of it as may still pass."""
        if self.left is None:
            return piece
        passed = piece[: self.left]
        self.left -= len(passed)
        return passed


class End(asyncio.Protocol):
    """One end of a trip: hands everything it gets to the other one."""

    def __init__(self, trip: Trip) -> None:
        self.trip, self.road = trip, trip.road
        self.transport: asyncio.Transport | None = None
        self.other: End | None = None
        self._late: deque[tuple[float, bytes]] = deque()
        self._ended = False  #: nothing more comes from here

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  of a stream
        self.transport = transport

    def data_received(self, piece: bytes) -> None:
        if self.road.stopped:
            return
        if not self._late and not self.road.delay_seconds:
            self._pass(piece)
            return
        self._keep(piece)

    def _keep(self, piece: bytes) -> None:
        """For later. ``b""`` is an end, which must not overtake what was said before it."""
        loop = asyncio.get_running_loop()
        due = max(loop.time() + self.road.delay_seconds, self._late[-1][0] if self._late else 0.0)
        self._late.append((due, piece))
        if len(self._late) == 1:
            loop.call_at(due, self._pass_late)

    def _pass_late(self) -> None:
        """Late pieces keep their order, also with those that come when the road is quick again."""
        _, piece = self._late.popleft()
        if piece:
            self._pass(piece)
        else:
            self._pass_end()
        if self._late:
            asyncio.get_running_loop().call_at(self._late[0][0], self._pass_late)

    def _pass(self, piece: bytes) -> None:
        if self.other is None or self.other.transport is None or self.other.transport.is_closing():
            return
        passed = self.trip.within(piece)
        self.other.transport.write(passed)
        if len(passed) < len(piece) or self.trip.left == 0:
            self.trip.cut()

    def eof_received(self) -> bool:
        if self._late:
            self._keep(b"")
        else:
            self._pass_end()
        return True

    def _pass_end(self) -> None:
        """The other direction goes on until it ends, too."""
        self._ended = True
        if self.other is None or self.other.transport is None:
            return
        with suppress(OSError, RuntimeError):
            self.other.transport.write_eof()
        if self.other._ended and self.transport is not None:  # noqa: SLF001  of this file
            self.transport.close()
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other is not None and self.other.transport is not None and not self.other.transport.is_closing():
            self.other.transport.resume_reading()

    def connection_lost(self, fault: Exception | None) -> None:
        """A reset goes on as a reset, an orderly end as one."""
        if fault is not None:
            self.trip.cut()
            return
        self.road.trips.discard(self.trip)
        self.trip._end_shadow()  # noqa: SLF001  of this file
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class _Near(End):
    """Where the connection came in: sees to the rest of the trip."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.trip.near = self
        self.road.trips.add(self.trip)
        self._early: list[bytes] = []
        self._setting_out = asyncio.ensure_future(self._set_out())

    def data_received(self, piece: bytes) -> None:
        """What comes before the other side is there waits for it; ``b""`` is an end. A pause would not do: asyncio of
        Python 3.11.2 forgets one that is made while the connection begins."""
        if self.other is None:
            self._early.append(piece)
        else:
            super().data_received(piece)

    def eof_received(self) -> bool:
        if self.other is None:
            self._early.append(b"")
            return True
        return super().eof_received()

    async def _set_out(self) -> None:
        loop = asyncio.get_running_loop()
        far = End(self.trip)
        far.other = self
        try:
            await loop.create_connection(lambda: far, "127.0.0.1", self.road.target)
            if self.road.doubled:
                self.trip.shadow, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", self.road.target)
        except OSError:  # nobody is there: the near side sees it as a connection that ends
            self.trip.cut()
            return
        self.trip.far, self.other = far, far
        if self.transport is None or self.transport.is_closing():
            self.trip.cut()
            return
        for piece in self._early:
            if piece:
                self.data_received(piece)
            else:
                self.eof_received()

    def _pass(self, piece: bytes) -> None:
        super()._pass(piece)
        if self.trip.shadow is not None and not self.trip.shadow.is_closing():
            self.trip.shadow.write(piece)
