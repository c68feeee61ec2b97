"""Stage 1, admission: a body's octets, counted and digested on the way in; small in memory, large in a file.

Nothing is believed: not the length that is announced, not that the end of the stream is the end of the body. What
is refused by its headers is refused before a single octet is asked for (``Expect: 100-continue``). The file is
readable by the trunk alone and is gone when the request is, unless the payload store has taken it.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp import ClientError, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestPayloadError

from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import LedgerUnavailableError
from trunk.http.problems import RefusedError

XML_TYPES: Final = ("application/xml", "text/xml", "application/octet-stream")
JSON_TYPES: Final = ("application/json",)
SUFFIX: Final = ".part"
_PIECE: Final = 1 << 20  # octets digested and written at once, in a thread
_CUT: Final = (RequestPayloadError, HttpProcessingError, ClientError, ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spooled:
    """A whole body."""

    octets: bytes | Path
    size: int
    sha256: str

    def read(self) -> bytes:
        """All of it in memory: for small ones."""
        return self.octets if isinstance(self.octets, bytes) else self.octets.read_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapping:
    """How the octets that count are taken out of a body that has others beside them."""

    unwrap: Callable[[web.Request, int], AsyncGenerator[bytes, None]]  #: of so many octets that count
    beside_octets: int  #: how many others there may be


def _count_nothing(_: int) -> None:
    """Small bodies are bounded by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spool:
    """How bodies are taken in."""

    folder: Path
    new_name: Callable[[], str]
    max_octets: int
    in_memory_octets: int
    timeout_seconds: float
    gate: Callable[[], AbstractContextManager[Callable[[int], None]]] = lambda: nullcontext(_count_nothing)

    @asynccontextmanager
    async def admit(
        self, request: web.Request, *, types: tuple[str, ...] = XML_TYPES, wrapping: Wrapping | None = None
    ) -> AsyncIterator[Spooled]:
        """The body, whole, or what ``wrapping`` takes out of it. Leaves by ``RefusedError``: too large, cut off,
        too slow, wrong type, wrong framing."""
        _check_framing(request)
        _check_type(request, types)
        self._check_length(request, beside=wrapping.beside_octets if wrapping else 0)
        with self.gate() as count:
            await _continue(request)
            basin = _Basin(path=self.folder / f"{self.new_name()}{SUFFIX}", in_memory=self.in_memory_octets)
            try:
                if wrapping is None:
                    yield _insist_on_length(request, await self._fill(basin, _whole(request), count))
                else:
                    yield await self._fill(basin, wrapping.unwrap(request, self.max_octets), count)
            finally:
                basin.discard()

    async def _fill(self, basin: _Basin, source: AsyncGenerator[bytes, None], count: Callable[[int], None]) -> Spooled:
        try:
            async with asyncio.timeout(self.timeout_seconds), aclosing(source):
                async for octets in source:
                    if basin.size + len(octets) > self.max_octets:
                        raise self._too_large()
                    count(len(octets))
                    await basin.pour(octets)
                return await basin.settle()
        except TimeoutError as error:
            raise _cut_off(f"the whole body within {self.timeout_seconds:g} s", basin.size) from error
        except _CUT as error:
            raise _cut_off("the whole body", basin.size) from error
        except OSError as error:
            raise LedgerUnavailableError("the spool folder takes no octets") from error

    def _check_length(self, request: web.Request, *, beside: int) -> None:
        if request.content_length is not None and request.content_length > self.max_octets + beside:
            raise self._too_large()

    def _too_large(self) -> RefusedError:
        return _unread(Code.TOO_LARGE, expected=f"at most {self.max_octets} octets")


async def _whole(request: web.Request) -> AsyncGenerator[bytes, None]:
    async for octets in request.content.iter_any():
        yield octets


def _insist_on_length(request: web.Request, spooled: Spooled) -> Spooled:
    announced = request.content_length
    if announced is not None and announced != spooled.size:
        raise _cut_off(f"{announced} octets", spooled.size)
    return spooled


@dataclass(slots=True, kw_only=True)
class _Basin:
    """Octets as they come in."""

    path: Path
    in_memory: int
    size: int = 0
    _held: bytearray = field(default_factory=bytearray)
    _digest: hashlib._Hash = field(default_factory=hashlib.sha256)
    _file: BinaryIO | None = None
    _created: bool = False

    async def pour(self, octets: bytes) -> None:
        self.size += len(octets)
        self._held += octets
        if self.size > self.in_memory and len(self._held) >= min(_PIECE, self.in_memory):
            await self._empty()

    async def settle(self) -> Spooled:
        if self._file is None and self.size <= self.in_memory:
            octets = bytes(self._held)
            return Spooled(octets=octets, size=self.size, sha256=hashlib.sha256(octets).hexdigest())
        await self._empty()
        self._close()
        return Spooled(octets=self.path, size=self.size, sha256=self._digest.hexdigest())

    def discard(self) -> None:
        self._close()
        if self._created:
            self.path.unlink(missing_ok=True)

    async def _empty(self) -> None:
        file = self._file = self._file or self._create()
        held, self._held = self._held, bytearray()
        await asyncio.to_thread(self._write, file, held)

    def _create(self) -> BinaryIO:
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._created = True
        return os.fdopen(handle, "wb", buffering=0)

    def _write(self, file: BinaryIO, octets: bytearray) -> None:
        self._digest.update(octets)
        file.write(octets)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _check_framing(request: web.Request) -> None:
    if "Content-Encoding" in request.headers:
        raise _unread(Code.MEDIA_TYPE, path="Content-Encoding", expected="none")
    codings = request.headers.getall("Transfer-Encoding", [])
    if not codings:
        return
    if [coding.strip().lower() for coding in codings] != ["chunked"]:
        raise _unread(Code.BAD_REQUEST, path="Transfer-Encoding", expected="chunked, alone")
    if request.version < (1, 1):
        raise _unread(Code.BAD_REQUEST, path="Transfer-Encoding", expected="HTTP/1.1")


def _check_type(request: web.Request, types: tuple[str, ...]) -> None:
    given = request.headers.getall("Content-Type", [])
    if len(given) > 1 or (given and request.content_type not in types):
        raise _unread(Code.MEDIA_TYPE, path="Content-Type", expected=", ".join(types), got=", ".join(given))


async def _continue(request: web.Request) -> None:
    """Now, and not before, ask a client that waits for leave (RFC 9110 10.1.1) to send its body."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.version >= (1, 1):
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0


def _unread(code: Code, *, path: str = "", expected: str = "", got: str = "") -> RefusedError:
    return RefusedError(refuse(code, path=path, expected=expected, got=got), unread=expected)


def _cut_off(expected: str, got: int) -> RefusedError:
    return RefusedError(refuse(Code.BODY_CUT_OFF, expected=expected, got=f"{got} octets"), unread="cut off")


def sweep(folder: Path, *, older_than: float) -> int:
    """Remove what a killed process left behind; ``older_than``: seconds since the epoch. Returns how many files."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    stale = [file for file in folder.glob(f"*{SUFFIX}") if _age_mark(file) < older_than]
    for file in stale:
        file.unlink(missing_ok=True)
    return len(stale)


def _age_mark(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except FileNotFoundError:  # another process has just finished with it
        return float("inf")
