"""The one file in a form (RFC 7578), as a stream: nothing but the file is kept, and it is never whole in memory.

Parts may come in any order. What two readers could understand differently is refused: a second file, forms inside
forms, encoded parts, anything behind the end. aiohttp's reader does the reading; it is given no more than the limit.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from typing import Final, NoReturn, cast

from aiohttp import BodyPartReader, MultipartReader, StreamReader, web
from aiohttp.http_exceptions import BadHttpMessage
from aiohttp.web_protocol import RequestPayloadError

from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError

FORM: Final = "multipart/form-data"
FILE: Final = "edocFile"
BESIDE_OCTETS: Final = 64 << 10  #: of everything in a form that is not the file
_PARTS: Final = 16
_HEADERS: Final = 16  #: of a part
_FIELD_OCTETS: Final = 4096
_PIECE: Final = 256 << 10
_AS_IT_IS: Final = ("", "7bit", "8bit", "binary")
# What aiohttp's reader raises for forms that are none.
_MALFORMED: Final = (BadHttpMessage, ValueError, RuntimeError, AssertionError, LookupError, TypeError)


async def file_octets(request: web.Request, max_octets: int) -> AsyncGenerator[bytes, None]:
    """The octets of the part ``edocFile``. Leaves by ``RefusedError``; raises what a cut connection raises."""
    stream = _Stream(request.content, max_octets + BESIDE_OCTETS)
    files = 0
    try:
        async for part in _parts(request, stream):
            if part.name != FILE:
                await _pass_over(part)
                continue
            files += 1
            if files > 1:
                _refuse("one file", path=FILE)
            while not part.at_eof():
                yield await part.read_chunk(_PIECE)
    except RequestPayloadError:
        raise
    except _MALFORMED as error:
        cut = request.content.at_eof()
        raise RefusedError(
            refuse(Code.BODY_CUT_OFF if cut else Code.BAD_REQUEST, path="body", expected="a form, to its last boundary")
        ) from error
    if not files:
        _refuse("a file", path=FILE)


async def _parts(request: web.Request, stream: _Stream) -> AsyncGenerator[BodyPartReader, None]:
    reader = MultipartReader(request.headers, cast("StreamReader", stream), max_headers=_HEADERS)
    for _ in range(_PARTS + 1):
        part = await reader.next()
        if part is None:
            break
        yield _plain(part)
    else:
        _refuse(f"at most {_PARTS} parts")
    if stream.behind.strip() or await stream.rest():
        _refuse("nothing behind the last boundary")


class _Stream:
    """A body as the reader of forms sees it: not longer than it may be. Remembers the latest lines."""

    def __init__(self, content: StreamReader, limit: int) -> None:
        self._content = content
        self._left = limit
        self._latest: deque[bytes] = deque(maxlen=2)

    @property
    def behind(self) -> bytes:
        """What the reader looked at last: after the last boundary, the two lines behind it."""
        return b"".join(self._latest)

    async def read(self, count: int = -1) -> bytes:
        return self._counted(await self._content.read(count))

    async def readline(self, *, max_line_length: int | None = None) -> bytes:
        line = self._counted(await self._content.readline(max_line_length=max_line_length))
        self._latest.append(line)
        return line

    async def rest(self) -> bytes:
        return (await self._content.read(_FIELD_OCTETS)).strip()

    def at_eof(self) -> bool:
        return self._content.at_eof()

    def unread_data(self, octets: bytes) -> None:
        self._left += len(octets)
        self._content.unread_data(octets)

    def _counted(self, octets: bytes) -> bytes:
        self._left -= len(octets)
        if self._left < 0:
            raise RefusedError(refuse(Code.TOO_LARGE, path="body"), unread="too large")
        return octets


def _plain(part: MultipartReader | BodyPartReader) -> BodyPartReader:
    if not isinstance(part, BodyPartReader):
        _refuse("no form inside the form")
    coding = part.headers.get("Content-Transfer-Encoding", "").strip().lower()
    if coding not in _AS_IT_IS or "Content-Encoding" in part.headers:
        raise RefusedError(refuse(Code.MEDIA_TYPE, path="Content-Transfer-Encoding", expected="none", got=coding))
    if len(part.headers.getall("Content-Disposition", [])) != 1 or not part.name:
        _refuse("each part with one name", path="Content-Disposition")
    return part


async def _pass_over(part: BodyPartReader) -> None:
    """What a field says is not read: the message itself says what it is."""
    size = 0
    while not part.at_eof():
        size += len(await part.read_chunk(_FIELD_OCTETS))
        if size > _FIELD_OCTETS:
            _refuse(f"at most {_FIELD_OCTETS} octets", path=part.name or "")


def _refuse(expected: str, *, path: str = "body") -> NoReturn:
    raise RefusedError(refuse(Code.BAD_REQUEST, path=path, expected=expected))
