"""An agency's endpoint on loopback, as good or as bad as a test wants it: HTTP by hand, so that nothing is too rude.

Modes are words; ``moods`` may give each delivery its own. ``kept``: what it has stored, by delivery id, in order.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

_REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 301: "Moved", 302: "Found", 307: "Temporary",
}  # fmt: skip


@dataclass
class Post:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def delivery(self) -> str:
        return self.headers["trunk-delivery-id"]


@dataclass
class Receiver:
    """``mode``: what it does with the next request."""

    port: int = 0
    mode: str = "right"
    scheme: str = "http"
    posts: list[Post] = field(default_factory=list)
    moods: list[str] = field(default_factory=list)  #: for the next requests, one each; then ``mode``
    retry_after: str = ""
    most_at_once: int = 0
    elsewhere: int = 0  #: the port that redirects name
    open_gate: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0

    @property
    def url(self) -> str:
        return f"{self.scheme}://localhost:{self.port}/edoc"

    @property
    def mail(self) -> list[Post]:
        return [one for one in self.posts if one.headers["trunk-kind"] != "challenge"]

    def wait_for_a_post(self) -> None:
        """Until one has come whole."""
        until = time.monotonic() + 60
        while not self.posts:
            assert time.monotonic() < until, "nothing comes"
            time.sleep(0.01)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, TimeoutError):
            pass
        finally:
            self._at_once -= 1
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        method, path, _ = head[0].split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
        mode = self.moods.pop(0) if self.moods else self.mode
        if mode == "reset-before":
            return _reset(writer)
        if mode == "early":
            return await self._say(writer, 200, json.dumps({"sha256": _told(headers)}).encode())
        body = await reader.readexactly(int(headers["content-length"]))
        self.posts.append(Post(method, path, headers, body))
        await self._answer(mode, body, reader, writer)
        return None

    async def _answer(self, mode: str, body: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if mode.isdigit():
            await self._say(writer, int(mode), b"no" if int(mode) >= 300 else b"")
        elif mode in (answers := _answers(body)):
            status, said, *more = answers[mode]
            await self._say(writer, status, said, *more)
        elif mode == "gate":
            await asyncio.to_thread(self.open_gate.wait, 60)
            await self._say(writer, *answers["right"])
        elif mode in ("reset-after", "stored-then-cut"):
            _reset(writer)
        else:
            await self._misbehave(mode, reader, writer)

    async def _misbehave(self, mode: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if mode == "garbage":
            writer.write(b"\x00\xff not http at all\r\n\r\n" * 10)
            await writer.drain()
        elif mode == "never":
            await reader.read()  # until the other side has had enough
        elif mode == "half-close":
            writer.write_eof()
            await reader.read()
        else:
            await self._go_on(mode, writer)

    async def _go_on(self, mode: str, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        piece, pause = (b" ", 0.05) if mode == "drip" else (b" " * 2**16, 0.0)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    async def _say(self, writer: asyncio.StreamWriter, status: int, body: bytes, *more: str) -> None:
        lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'X')}", *more]
        if self.retry_after:
            lines.append(f"Retry-After: {self.retry_after}")
        if 300 <= status < 400:
            lines.append(f"Location: http://localhost:{self.elsewhere}/")
        if status != 204:
            lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode() + body)
        await writer.drain()


def _answers(body: bytes) -> dict[str, tuple[int, bytes, *tuple[str, ...]]]:
    digest = hashlib.sha256(body).hexdigest()
    right = json.dumps({"sha256": digest, "challenge": _challenge(body)}).encode()
    return {
        "right": (200, right),
        "created": (201, right),
        "header": (204, b"", f"Trunk-SHA256: {digest.upper()}"),
        "both": (200, right, "Trunk-SHA256: " + "0" * 64),
        "wrong": (200, json.dumps({"sha256": "0" * 64}).encode()),
        "echo": (200, body),
        "digest-only": (200, json.dumps({"sha256": digest}).encode()),
        "gzip-bomb": (200, gzip.compress(right + b" " * 2**22), "Content-Encoding: gzip"),
    }


def _told(headers: dict[str, str]) -> str:
    return base64.b64decode(headers["content-digest"].removeprefix("sha-256=:").removesuffix(":")).hex()


def _challenge(body: bytes) -> str:
    try:
        return str(json.loads(body)["challenge"])
    except ValueError:
        return ""


def _reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextmanager
def receiver(mode: str = "right", *, tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Receiver]:
    made = Receiver(mode=mode, scheme="https" if tls else "http")
    ready, stop = threading.Event(), asyncio.Event()

    async def run() -> None:
        loops.append(asyncio.get_running_loop())
        server = await asyncio.start_server(made.serve, "127.0.0.1", port, ssl=tls)
        made.port = server.sockets[0].getsockname()[1]
        ready.set()
        await stop.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task

    loops: list[asyncio.AbstractEventLoop] = []
    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield made
    finally:
        made.open_gate.set()
        loops[0].call_soon_threadsafe(stop.set)
        thread.join(10)
