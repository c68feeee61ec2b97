"""The same documents by the doors of deployed clients: requests of VXP and LGSP, ready for the wire.

What they cost beside the native API: a signature over headers and the file's digest (VXP), a token, a secret and a form
around the file (LGSP). What each of them counts as an acceptance is its own word: the status is 200 either way.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from scripts.agency_system import AgencySystem
from scripts.bench.stand import Stand
from scripts.province import AGENCIES, SENDER
from trunk.application.accounts import PasswordWish
from trunk.application.shared_secrets import SecretWish
from trunk.bootstrap import open_administration
from trunk.domain.agency import SystemId
from trunk.load.wire import Address, Reply

_BOUNDARY: Final = "----formdata-bench-0123456789"
_PROTOCOL: Final = "3.0.201608"


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """One API: how its clients wrap envelopes, and what they take for an acceptance."""

    name: str
    requests: Callable[[Sequence[bytes]], list[bytes]]
    accepted: Callable[[Reply], bool]


def open_doors(stand: Stand) -> Sequence[Door]:
    """Those of VXP and LGSP, for the sender's system, with new secrets, user name and password."""
    system, name = SystemId(f"{SENDER.lower()}-qlvb"), AGENCIES[SENDER][1]
    with open_administration(stand.province.settings()) as room:
        room.secrets.make_key()
        room.accounts.make_key()
        secret = room.secrets.issue(SecretWish(system=system, name=name)).spelled
        password = room.accounts.issue(PasswordWish(system=system, username=system)).spelled
    address = Address.of(stand.url)
    token = _token(stand, system, password)
    form = {"Authorization": f"Bearer {token}", "X-SystemId": name, "X-SecretKey": secret}
    return [
        Door(
            name="VXP",
            requests=lambda envelopes: [_of_vxp(address, name, secret, one) for one in envelopes],
            accepted=lambda reply: reply.status == 200 and reply.json["status"] == "OK",
        ),
        Door(
            name="LGSP",
            requests=lambda envelopes: [_of_lgsp(address, form, one) for one in envelopes],
            accepted=lambda reply: reply.status == 200 and reply.json["success"] is True,
        ),
    ]


def _of_vxp(address: Address, name: str, secret: str, envelope: bytes) -> bytes:
    """sendEdoc as deployed clients send it: their digest leaves out leading zeros, and a line end follows the file."""
    now = datetime.now(UTC)  # noqa: TID251  clients live in the real time
    said = {
        "systemid": name,
        "servicetype": "eDoc",
        "messagetype": "edoc",
        "hash-file": "".join(f"{octet:x}" for octet in hashlib.sha256(envelope).digest()),
        "timestamp": f"{now:%d%m%YT%H%M%S}+{now.microsecond // 1_000:04}",
        "Content-Type": "text/plain",
    }
    members = {f"XroadVnpt-{key}": value for key, value in said.items()}
    message = json.dumps(members, ensure_ascii=False, separators=(",", ":"))
    headers = members | {
        "XroadVnpt-sign-header-key": ";".join(said),
        "XroadVnpt-sign-header": message,
        "XroadVnpt-hash-header": hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest(),
        "XroadVnpt-version": _PROTOCOL,
    }
    return _post(address, "/vxp/sendEdoc", headers, envelope + b"\r\n")


def _of_lgsp(address: Address, headers: Mapping[str, str], envelope: bytes) -> bytes:
    body = b"".join(
        [
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="edocFile"; filename="van-ban.edxml"\r\n'.encode(),
            b"Content-Type: application/xml\r\n\r\n",
            envelope,
            f'\r\n--{_BOUNDARY}\r\nContent-Disposition: form-data; name="messageType"\r\n\r\nedoc\r\n'.encode(),
            f"--{_BOUNDARY}--\r\n".encode(),
        ]
    )
    content = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}"}
    return _post(address, "/lgsp/v1/sendEdoc", {**headers, **content}, body)


def _post(address: Address, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    head = f"POST {path} HTTP/1.1\r\nHost: {address.netloc}\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _token(stand: Stand, username: str, password: str) -> str:
    said = {"username": username, "password": password, "applicationCode": "", "otp": None}
    anybody = AgencySystem(base_url=stand.url, key="")
    answer = anybody.call("POST", "/lgsp/v1/auth/login?allow_anonymous=true", json.dumps(said).encode())
    if answer.status != 200:
        raise SystemExit(f"no login over LGSP: {answer.status}, {answer.octets[:300]!r}")
    return str(answer.json["data"]["token"])
