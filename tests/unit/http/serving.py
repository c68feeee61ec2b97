"""An application served for a test: its loop in a thread of its own, a plain HTTP client for the test."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from trunk.http.runner import Runner


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    octets: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.octets)

    @property
    def codes(self) -> list[str]:
        return [fault["code"] for fault in self.json["faults"]]


class Client:
    """One request a connection, so that no test depends on another's."""

    def __init__(self, port: int, key: str = "") -> None:
        self.port = port
        self.headers = {"Authorization": f"Bearer {key}"} if key else {}

    def using(self, key: str) -> Client:
        return Client(self.port, key)

    def get(self, path: str, **headers: str) -> Answer:
        return self.call("GET", path, headers=headers)

    def post(self, path: str, body: Any = b"", *, kind: str = "application/xml", **headers: str) -> Answer:
        octets = json.dumps(body).encode() if isinstance(body, dict | list) else body
        kind = "application/json" if isinstance(body, dict | list) else kind
        return self.call("POST", path, body=octets, headers={"Content-Type": kind, **headers})

    def call(self, method: str, path: str, *, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body=body, headers={**self.headers, **named})
            response = connection.getresponse()
            return Answer(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def raw(self, octets: bytes, *, then_close: bool = False, timeout: float = 30) -> bytes:
        """Whatever comes back for these octets, until the other side closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(octets)
            if then_close:
                return b""
            received = b""
            while piece := connection.recv(65536):
                received += piece
            return received


@contextmanager
def serving(app: web.Application, *, key: str = "", drain_seconds: float = 2) -> Iterator[Client]:
    """``app`` on a free port of the loopback."""
    port: list[int] = []
    ready, failure = threading.Event(), []
    handle: dict[str, Any] = {}

    async def serve() -> None:
        stop = asyncio.Event()
        handle.update(loop=asyncio.get_running_loop(), stop=stop)
        runner = Runner(app, drain_seconds=drain_seconds)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            port.append(runner.addresses[0][1])
            ready.set()
            await stop.wait()
        finally:
            await runner.cleanup()

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as fault:  # noqa: BLE001  the test raises it
            failure.append(fault)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="serving")
    thread.start()
    ready.wait(20)
    try:
        if port:
            yield Client(port[0], key)
    finally:
        if port:
            handle["loop"].call_soon_threadsafe(handle["stop"].set)
        thread.join(30)
        assert not thread.is_alive()
        if failure:
            raise failure[0]
