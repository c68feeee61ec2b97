"""A client of provincial LGSP services as integrators write it: a token kept for 29 minutes, a form for each file, a
list of the last seven days at each poll, and a memory of the docIds that it has already."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from tests.unit.http.serving import Answer, Client

BASE = "/lgsp"
BOUNDARY = "----formdata-undici-0123456789"
HANOI = timezone(timedelta(hours=7))
KEPT = timedelta(minutes=29)


def part(name: str, value: bytes, *lines: str, file: str = "") -> bytes:
    """A part of a form; ``lines``: further headers."""
    named = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{file}"' if file else "")
    head = "\r\n".join([f"--{BOUNDARY}", named, *lines, "", ""])
    return head.encode() + value + b"\r\n"


def form(*parts: bytes, end: bytes = f"--{BOUNDARY}--\r\n".encode()) -> bytes:
    return b"".join(parts) + end


def edoc(octets: bytes, *, kind: str = "edoc", content_type: str = "application/xml") -> bytes:
    """The form as clients send it."""
    file = part("edocFile", octets, f"Content-Type: {content_type}", file="van-ban.edxml")
    return form(file, part("messageType", kind.encode()))


@dataclass
class Lgsp:
    """One system's client."""

    client: Client
    username: str
    password: str
    system: str
    secret: str
    now: Callable[[], datetime]
    token: str = ""
    until: datetime | None = None
    logins: int = 0
    seen: set[str] = field(default_factory=set)
    cursor: str = ""

    def log_in(self) -> Answer:
        said = {
            "username": self.username,
            "password": self.password,
            "applicationCode": "",
            "otp": None,
            "twoFactorProvider": None,
            "typeObjs": [0, 1],
        }
        self.logins += 1
        return self.client.post(f"{BASE}/v1/auth/login?allow_anonymous=true", said)

    def headers(self, **changes: str) -> dict[str, str]:
        if self.until is None or self.now() >= self.until:
            answer = self.log_in()
            assert answer.status == 200, answer
            self.token, self.until = answer.json["data"]["token"], self.now() + KEPT
        made = {"Authorization": f"Bearer {self.token}", "X-SystemId": self.system, "X-SecretKey": self.secret}
        return {name: value for name, value in (made | changes).items() if value}

    def send(self, octets: bytes, *, kind: str = "edoc", **headers: str) -> Answer:
        return self.post_form(edoc(octets, kind=kind), **headers)

    def post_form(self, body: Any, *, content_type: str = "", **headers: str) -> Answer:
        kind = content_type or f"multipart/form-data; boundary={BOUNDARY}"
        made = self.headers(**headers) | {"Content-Type": kind}
        return self.client.call("POST", f"{BASE}/v1/sendEdoc", body=body, headers=made)

    def get(self, operation: str, *, query: str = "", **headers: str) -> Answer:
        path = f"{BASE}/v1/{operation}" + (f"?{query}" if query else "")
        return self.client.call("GET", path, headers=self.headers(**headers))

    def post(self, operation: str, said: Mapping[str, Any] | bytes, **headers: str) -> Answer:
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        made = self.headers(**headers) | {"Content-Type": "application/json"}
        return self.client.call("POST", f"{BASE}/v1/{operation}", body=body, headers=made)

    def listed(self, kind: str = "edoc", *, query: str = "") -> Sequence[dict[str, Any]]:
        """What stands in the list of the last seven days."""
        today = self.now().astimezone(HANOI)
        days = f"fromDate={today - timedelta(days=7):%Y/%m/%d}&toDate={today:%Y/%m/%d}"
        answer = self.get("syncReceivedEdocList", query=f"messageType={kind}&{days}{query}")
        assert answer.status == 200, answer
        assert (answer.json["success"], answer.json["count"]) == (True, len(answer.json["data"]))
        self.cursor = answer.json["cursor"]
        return list(answer.json["data"])

    def poll(self, kind: str = "edoc") -> Iterator[dict[str, Any]]:
        """What is new to this client: fetched, stored, and said to be done."""
        for item in self.listed(kind):
            if item["docId"] not in self.seen:
                answer = self.get("getEdoc", query=f"docId={item['docId']}")
                assert (answer.status, answer.json["success"]) == (200, True), answer
                self.seen.add(item["docId"])
                yield answer.json["data"]
                assert self.says(item["docId"], "done").json["success"] is True

    def says(self, doc_id: str, status: str) -> Answer:
        return self.post("updateStatus", {"docId": doc_id, "status": status})
