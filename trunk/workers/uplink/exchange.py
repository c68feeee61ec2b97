"""One HTTP exchange with the other hub: signed, with limits on everything, and no octet believed more than needed.

A connection for each exchange, no redirects, no proxies, no cookies, no compression. Files go in pieces.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from trunk.errors import CorruptPayloadError

_HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_PIECE: Final = 256 * 2**10
_LINE_END: Final = b"\r\n"
_PREFIX: Final = "XroadVnpt-"
_MOST_SIGNED: Final = 15 * 2**10  # of one header field; servers let 16 KiB pass at most
_SLOWEST: Final = 4096  # octets in a second: what takes longer is as good as silent
_CUT: Final = (OSError, http.client.HTTPException)  # ssl.SSLError and TimeoutError are OSErrors


class HubFaultError(Exception):
    """No answer that counts: come again. ``reason``: a word for logs; ``whole``: the hub is to blame, not one message.

    ``told``: somebody at our side must act.
    """

    temporary = True

    def __init__(self, reason: str, *, whole: bool = True, told: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.whole, self.told = reason, whole, told


class UnfitError(Exception):
    """The parameters do not fit into header fields, too long or not plain: this request will never be made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """What is sent: its octets or where they lie."""

    source: bytes | Path
    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What came. ``framed``: its end was marked, so that it is known to be whole."""

    status: int
    octets: bytes
    framed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """Makes requests as ``system_id``. ``secret`` is asked each time: it may be exchanged while the trunk runs."""

    url: str
    system_id: str
    secret: Callable[[], str]
    timeout_seconds: float  #: of silence
    now: Callable[[], datetime]

    def ask(
        self, operation: str, parameters: Mapping[str, str], *, body: bytes = b"", file: File | None = None, most: int
    ) -> Reply:
        """POST, and the whole reply of ``most`` octets at most. Raises ``HubFaultError``, ``UnfitError``."""
        headers = self._headers(parameters, file)
        with closing(self._connection()) as connection, _told_as_ours():
            length = len(body) if file is None else file.size + len(_LINE_END)
            response = self._send(connection, ("POST", operation), headers, length, _pieces(file) if file else [body])
            with closing(response):
                taken = b"".join(self._read(response, most))
                return Reply(status=response.status, octets=taken, framed=_framed(response))

    def download(self, operation: str, parameters: Mapping[str, str], *, into: Path, most: int) -> Reply:
        """GET into the file ``into``; ``octets`` are the first ones of it."""
        headers = self._headers(parameters, None)
        with closing(self._connection()) as connection, _told_as_ours():
            response = self._send(connection, ("GET", operation), headers, None, [])
            head = b""
            with closing(response), into.open("xb") as target:
                into.chmod(0o600)
                for piece in self._read(response, most):
                    head = head or piece
                    target.write(piece)
            return Reply(status=response.status, octets=head, framed=_framed(response))

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, parts.port, timeout=self.timeout_seconds, context=context)
        return http.client.HTTPConnection(host, parts.port, timeout=self.timeout_seconds)

    def _headers(self, parameters: Mapping[str, str], file: File | None) -> list[tuple[str, str]]:
        kind = "application/octet-stream" if file else "application/json"
        signed = {"systemid": self.system_id, **parameters}
        if file is not None:  # as deployed clients write it, whom every server understands
            signed["hash-file"] = "".join(f"{octet:x}" for octet in bytes.fromhex(file.sha256))
        signed |= {"timestamp": _timestamp(self.now()), "Content-Type": kind}
        members = {f"{_PREFIX}{name}": value for name, value in signed.items()}
        message = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        plain = all(value.isascii() and value.isprintable() for value in signed.values())
        if not plain or len(message) > _MOST_SIGNED:
            raise UnfitError
        digest = hmac.new(self.secret().encode(), message.encode(), hashlib.sha256).hexdigest()
        return [
            ("Content-Type", kind),
            *members.items(),
            (f"{_PREFIX}sign-header-key", ";".join(signed)),
            (f"{_PREFIX}sign-header", message),
            (f"{_PREFIX}hash-header", digest),
            (f"{_PREFIX}version", "3.0.201608"),
            ("User-Agent", "edoc-trunk"),
            ("Accept", "*/*"),
            ("Connection", "close"),
        ]

    def _send(
        self,
        connection: http.client.HTTPConnection,
        request: tuple[str, str],
        headers: list[tuple[str, str]],
        length: int | None,
        pieces: list[bytes] | Iterator[bytes],
    ) -> http.client.HTTPResponse:
        method, operation = request
        path = f"{urlsplit(self.url).path.rstrip('/')}/{operation}"
        connection.connect()
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it had heard us out
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in headers:
                connection.putheader(name, value)
            if length is not None:
                connection.putheader("Content-Length", str(length))
            connection.endheaders()
            for piece in self._paced(pieces):
                connection.send(piece)
        return connection.getresponse()

    def _read(self, response: http.client.HTTPResponse, most: int) -> Iterator[bytes]:
        """The body. Raises ``HubFaultError`` where it is cut off, too long, or takes for ever."""
        expected, size = response.length, 0
        for piece in self._paced(iter(lambda: response.read1(_PIECE), b"")):
            size += len(piece)
            if size > most:
                raise HubFaultError("too_large", whole=False)
            yield piece
        if expected is not None and size != expected:
            raise HubFaultError("cut_off")

    def _paced(self, pieces: list[bytes] | Iterator[bytes]) -> Iterator[bytes]:
        """Each silence is bounded by the socket; all of them together by a pace that nobody need fall short of."""
        started, size = self.now(), 0
        for piece in pieces:
            size += len(piece)
            if (self.now() - started).total_seconds() > 2 * self.timeout_seconds + size / _SLOWEST:
                raise HubFaultError("too_slow")
            yield piece


def _pieces(file: File) -> Iterator[bytes]:
    """The file and the line end that the protocol puts behind it; the last piece only if they are the right octets."""
    digest, size, held = hashlib.sha256(), 0, b""
    for piece in _octets(file.source):
        digest.update(piece)
        size += len(piece)
        if held:
            yield held
        held = piece
    if size != file.size or digest.hexdigest() != file.sha256:
        raise CorruptPayloadError(f"payload {file.sha256} has other octets than were submitted")
    yield held + _LINE_END


def _octets(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield from (source[start : start + _PIECE] for start in range(0, len(source), _PIECE))
        return
    with source.open("rb") as file:
        yield from iter(lambda: file.read(_PIECE), b"")


def _timestamp(now: datetime) -> str:
    local = now.astimezone(_HANOI)
    return f"{local:%d%m%YT%H%M%S}+{local.microsecond // 1000:04}"


def _framed(response: http.client.HTTPResponse) -> bool:
    return response.chunked or response.headers.get("Content-Length") is not None


class _told_as_ours:  # noqa: N801  used as a function
    """What the network or the other side could not do, inside, becomes ``HubFaultError``."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, ssl.SSLCertVerificationError):
            raise HubFaultError("certificate", told=True) from error
        if isinstance(error, TimeoutError):
            raise HubFaultError("timeout") from error
        if isinstance(error, _CUT):
            raise HubFaultError("connection") from error


def is_server_fault(status: int) -> bool:
    """Whether an answer of that HTTP status says "later", whatever else it says."""
    later = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in later
