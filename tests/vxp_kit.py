"""A VXP client as small as it can be, for tests that want to send what no client would. From the protocol alone."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.unit.http.serving import Answer, Client

TIMESTAMP = "22112026T145914+0283"


def unpadded(digest: bytes) -> str:
    return "".join(f"{octet:x}" for octet in digest)


@dataclass
class Vxp:
    """Signs as ``systemid`` with ``secret`` and calls a trunk."""

    client: Client
    systemid: str
    secret: str
    timestamp: str = TIMESTAMP
    extra: Sequence[tuple[str, str]] = field(default=())  #: headers that nobody signs

    def headers(self, **parameters: str) -> list[tuple[str, str]]:
        """Signed headers, in the order in which they are sent. ``hash_file`` stands for ``hash-file``."""
        named = {name.replace("_", "-"): value for name, value in parameters.items()}
        signed = {"systemid": self.systemid, **named, "timestamp": self.timestamp, "Content-Type": "text/plain"}
        return self.signed({f"XroadVnpt-{name}": value for name, value in signed.items()})

    def signed(self, members: Mapping[str, str]) -> list[tuple[str, str]]:
        message = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
        digest = hmac.new(self.secret.encode(), message.encode(), hashlib.sha256).hexdigest()
        keys = ";".join(name.removeprefix("XroadVnpt-") for name in members)
        return [
            *members.items(),
            ("XroadVnpt-sign-header-key", keys),
            ("XroadVnpt-sign-header", message),
            ("XroadVnpt-hash-header", digest),
            ("XroadVnpt-version", "3.0.201608"),
        ]

    def send(self, octets: bytes, **parameters: str) -> Answer:
        """sendEdoc."""
        given = {"servicetype": "eDoc", "messagetype": "edoc", "hash_file": unpadded(hashlib.sha256(octets).digest())}
        return self.call("sendEdoc", octets + b"\r\n", **{**given, **parameters})

    def data(self, operation: str, **parameters: str) -> Any:
        """``data`` of a list that succeeds."""
        answer = self.call(operation, **parameters)
        assert (answer.status, answer.json["status"]) == (200, "OK"), answer.json
        return answer.json["data"]

    def call(self, operation: str, body: bytes = b"{}", *, method: str = "POST", **parameters: str) -> Answer:
        return self.post(operation, self.headers(**parameters), body, method=method)

    def post(
        self, operation: str, headers: Sequence[tuple[str, str]], body: bytes = b"{}", *, method: str = "POST"
    ) -> Answer:
        """Any headers, also twice."""
        start = f"{method} /vxp/{operation} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in (*headers, *self.extra))
        head = f"{start}{lines}Content-Length: {len(body)}\r\n\r\n".encode()
        return read_answer(self.client.raw(head + body))


def read_answer(octets: bytes) -> Answer:
    """The last answer in ``octets``: a 100 may stand before it."""
    head, _, body = octets.partition(b"\r\n\r\n")
    while head.startswith(b"HTTP/1.1 100"):
        head, _, body = body.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name: value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(first.split()[1]), headers, body)
