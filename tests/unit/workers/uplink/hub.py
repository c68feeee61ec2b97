"""A hub that answers what a test wants, octet for octet, and keeps what it heard."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trunk.workers.uplink.client import Client
from trunk.workers.uplink.exchange import Exchange

AT = datetime(2026, 11, 23, 1, 2, 3, 45_000, tzinfo=UTC)


@dataclass
class Heard:
    """A request as it came."""

    line: str
    headers: list[tuple[str, str]]
    body: bytes

    def said(self, name: str) -> str:
        (value,) = [value for key, value in self.headers if key == f"XroadVnpt-{name}"]
        return value


@dataclass
class Hub:
    """Answers each connection with the next of ``answers`` (the last one for ever), then closes it."""

    answers: list[bytes]
    server: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))
    heard: list[Heard] = field(default_factory=list)
    hang: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.getsockname()[1]}/some/vxp/"

    def client(self, *, timeout: float = 5, most: int = 1000, now: Callable[[], datetime] = lambda: AT) -> Client:
        exchange = Exchange(url=self.url, system_id="H41.TRUC", secret=lambda: "hush", timeout_seconds=timeout, now=now)
        return Client(exchange, most_octets=most)

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.server.accept()
                with connection, suppress(OSError):
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        file = connection.makefile("rb")
        with file:
            line = file.readline().decode().strip()
            headers = []
            while (read := file.readline().decode().strip()) != "":
                name, _, value = read.partition(": ")
                headers.append((name, value))
            length = int(dict(headers).get("Content-Length", 0))
            self.heard.append(Heard(line, headers, file.read(length)))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            connection.sendall(answer)
            if self.hang:
                connection.recv(1)


@contextmanager
def hub(*answers: bytes, hang: bool = False) -> Iterator[Hub]:
    one = Hub(list(answers), hang=hang)
    thread = threading.Thread(target=one.serve, daemon=True)
    thread.start()
    try:
        yield one
    finally:
        with suppress(OSError):
            one.server.shutdown(socket.SHUT_RDWR)
        one.server.close()
        thread.join(10)


def answer(fields: dict[str, Any] | bytes, status: str = "200 OK", *, framed: bool = True) -> bytes:
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    length = f"Content-Length: {len(body)}\r\n" if framed else ""
    return f"HTTP/1.1 {status}\r\n{length}Connection: close\r\n\r\n".encode() + body


def ok(**fields: Any) -> bytes:
    return answer({"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "", **fields})


def fail(number: str | int, words: str = "", status: str = "200 OK") -> bytes:
    return answer({"status": "FAIL", "ErrorCode": number, "ErrorDesc": words, "DocId": ""}, status)
