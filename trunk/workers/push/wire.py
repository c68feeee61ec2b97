"""One POST to a recipient, trusting nothing of it: not its address, its haste, nor the length of its answer.

All exchanges of a process share one event loop, in a thread of its own. No redirects, no proxies, no cookies, no
decompression; the address that was checked is the one that is connected to; limits on silence, on the whole, and on
the answer. Damaged octets never leave whole.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from trunk.domain.push_reply import Said
from trunk.errors import CorruptPayloadError
from trunk.workers.download import NotGotError, Resolver
from trunk.workers.push.answers import MOST_ANSWER, read_answer

_PIECE: Final = 64 * 2**10
_MOST_WAITING: Final = 256
"""Threads that look up names and read files: as many as exchanges, so that a name that hangs holds up no other."""


class NotSentError(Exception):
    """No answer came. ``reason``: a word for the journal, the log and figures."""

    temporary = True

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is posted, and to whom."""

    url: str
    headers: Mapping[str, str]
    source: bytes | Path
    size: int
    sha256: str
    private: bool = False  #: the host may have any address
    ca_file: Path | None = None  #: authorities of its certificate; None: the system's


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long an exchange may take."""

    silence_seconds: float
    total_seconds: float
    slowest_octets: int  #: a second

    def whole(self, size: int) -> float:
        return self.total_seconds + size / self.slowest_octets


@dataclass(slots=True)
class Wire:
    """Makes exchanges; who asks for one waits for its end. ``close`` cuts them off, from any thread."""

    limits: Limits
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _running: set[Future[Said]] = field(default_factory=set, init=False)
    _closed: bool = field(default=False, init=False)
    _loop: asyncio.AbstractEventLoop | None = field(default=None, init=False)  #: from the first letter on
    _contexts: dict[tuple[Path | None, int], ssl.SSLContext] = field(default_factory=dict, init=False)

    def post(self, letter: Letter) -> Said:
        """What came back. Raises ``NotSentError``, ``CorruptPayloadError``."""
        body = _Body(letter)
        try:
            return self._start(letter, body).result()
        except CancelledError:
            raise NotSentError("stopping") from None
        except Exception as error:
            if body.damaged:
                raise CorruptPayloadError(f"payload {letter.sha256} is damaged") from error
            reason = _reason(error)
            if not reason:
                raise
            raise NotSentError(reason) from error

    def close(self) -> None:
        """Cut off what is under way; nothing is posted any more. From any thread."""
        with self._lock:
            self._closed = True
            running, loop = list(self._running), self._loop
            self._loop = None
        for one in running:
            one.cancel()
        if loop is not None:
            asyncio.run_coroutine_threadsafe(_end(), loop)

    def _start(self, letter: Letter, body: _Body) -> Future[Said]:
        with self._lock:
            if self._closed:
                raise NotSentError("stopping")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_live, args=(self._loop,), name="push-wire", daemon=True).start()
            started = asyncio.run_coroutine_threadsafe(self._post(letter, body), self._loop)
            self._running.add(started)
        started.add_done_callback(self._ended)
        return started

    def _ended(self, one: Future[Said]) -> None:
        with self._lock:
            self._running.discard(one)

    async def _post(self, letter: Letter, body: _Body) -> Said:
        async with asyncio.timeout(self.limits.whole(letter.size)):
            async with asyncio.timeout(self.limits.silence_seconds) as silence:
                return await self._exchange(letter, body, _Pulse(silence, self.limits.silence_seconds))

    async def _exchange(self, letter: Letter, body: _Body, pulse: _Pulse) -> Said:
        url = URL(letter.url, encoded=True)
        connector = aiohttp.TCPConnector(
            resolver=Resolver(private=letter.private),
            use_dns_cache=False,
            force_close=True,
            ssl=self._context(letter.ca_file) if url.scheme == "https" else True,
        )
        async with (
            aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),  # the clocks are ours
                trust_env=False,
                auto_decompress=False,
            ) as session,
            session.post(url, data=body.pieces(pulse), headers=_headers(letter), allow_redirects=False) as response,
        ):
            pulse.beat()
            octets = bytearray()
            while len(octets) <= MOST_ANSWER and (piece := await response.content.read(_PIECE)):
                pulse.beat()
                octets += piece
            return read_answer(response.status, response.headers, bytes(octets), whole=body.left)

    def _context(self, ca_file: Path | None) -> ssl.SSLContext:
        """Reading the system's authorities takes long, so each set is read once, and again when its file changes."""
        key = (ca_file, ca_file.stat().st_mtime_ns if ca_file else 0)
        with self._lock:
            if key not in self._contexts:
                context = ssl.create_default_context(cafile=ca_file)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                self._contexts[key] = context
            return self._contexts[key]


def _live(loop: asyncio.AbstractEventLoop) -> None:
    """The life of the loop's thread."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:  # ends what is left, and the threads that read files
        loop.set_default_executor(ThreadPoolExecutor(_MOST_WAITING, thread_name_prefix="push-wire-waiting"))
        runner.get_loop().run_forever()


async def _end() -> None:
    """After what was cut off has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
    asyncio.get_running_loop().stop()


@dataclass(frozen=True, slots=True)
class _Pulse:
    """Puts off the end of patience with each sign of life."""

    silence: asyncio.Timeout
    seconds: float

    def beat(self) -> None:
        if not self.silence.expired():
            self.silence.reschedule(asyncio.get_running_loop().time() + self.seconds)


@dataclass(slots=True)
class _Body:
    """The octets in pieces. The last one leaves only if all of them have the right digest."""

    letter: Letter
    damaged: bool = False
    left: bool = False

    async def pieces(self, pulse: _Pulse) -> AsyncIterator[bytes]:
        digest, held = hashlib.sha256(), b""
        async for piece in _pieces(self.letter.source):
            digest.update(piece)
            if held:
                yield held
                pulse.beat()
            held = piece
        if digest.hexdigest() != self.letter.sha256:
            self.damaged = True
            raise CorruptPayloadError(f"payload {self.letter.sha256} is damaged")
        yield held
        self.left = True


async def _pieces(source: bytes | Path) -> AsyncIterator[bytes]:
    if isinstance(source, bytes):
        for place in range(0, len(source), _PIECE):
            yield source[place : place + _PIECE]
        return
    pieces = _file(source)
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece


def _headers(letter: Letter) -> dict[str, str]:
    own = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "edoc-trunk"}
    return {**letter.headers, **own, "Content-Length": str(letter.size)}


_REASONS: Final[tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]] = (
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorDNSError, "no_such_name"),
    ((aiohttp.ClientSSLError, ssl.SSLError), "tls"),
    (aiohttp.ClientConnectorError, "not_connected"),
    (aiohttp.ClientResponseError, "no_http"),
    ((aiohttp.ClientError, ConnectionError), "cut"),
    (FileNotFoundError, "no_ca_file"),
)


def _reason(error: Exception) -> str:
    """A word for what went wrong; none for what is a fault of ours."""
    if isinstance(error, NotGotError | NotSentError):
        return error.reason
    return next((word for types, word in _REASONS if isinstance(error, types)), "")
