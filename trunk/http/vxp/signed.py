"""Who signed a request, and what: HMAC-SHA256 over the octets of ``XroadVnpt-sign-header`` as they came.

Everything else on the wire may have been added or changed by others: a parameter counts only if it stands in the
signed JSON, and its header says the same. Headers that nobody signed are let through and never read: clients keep
the headers of earlier calls and send them again. Nothing is decoded before the signature over it was found good.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.wire import HANOI

PREFIX: Final = "xroadvnpt-"
SYSTEM, TIMESTAMP, HASH_FILE = "systemid", "timestamp", "hash-file"
_MESSAGE, _DIGEST = "sign-header", "hash-header"
_MAX_NAME: Final = 64
# Each request says which protocol it speaks, under the name that getSynchronizeUnit has for its parameter.
_PROTOCOL: Final = PREFIX + "version"
_PROTOCOL_VERSION: Final = b"3.0.201608"
_TIME_LETTERS: Final = len("22112026T145914+0283")

RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Headers:
    """The ``XroadVnpt-`` headers of a request, octets; by name in lower case."""

    values: Mapping[str, Sequence[bytes]]

    @classmethod
    def of(cls, raw: RawHeaders) -> Headers:
        found: dict[str, list[bytes]] = {}
        for name, value in raw:
            found.setdefault(name.decode("latin-1").lower(), []).append(value.strip(b" \t"))
        return cls(found)

    def all(self, name: str) -> Sequence[bytes]:
        return self.values.get(PREFIX + name, ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a request says of itself, before anything of it is believed."""

    name: str  #: ``systemid``: whose secret to try
    message: bytes
    digest: bytes

    def signed_with(self, secret: str) -> bool:
        """Whether ``secret`` made the signature; compared in constant time."""
        made = hmac.new(secret.encode(), self.message, hashlib.sha256).hexdigest().encode()
        return hmac.compare_digest(made, self.digest)


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed: parameters by name in lower case, without the prefix. A name may stand in two spellings."""

    parameters: Mapping[str, Sequence[str]]

    def values(self, name: str) -> Sequence[str]:
        """The different values of ``name``: a client that wrote docId here and docid there sends both for ever."""
        return list(dict.fromkeys(value for value in self.parameters.get(name, ()) if value))

    def one(self, name: str) -> str | Rejected:
        """The value of ``name``, or nothing."""
        values = self.values(name)
        if len(values) > 1:
            return refuse(Code.BAD_REQUEST, path=name, expected="one value", got=", ".join(values))
        return values[0] if values else ""


def read_claim(headers: Headers) -> Claim | Rejected:
    """The claim of a request, if it makes one."""
    found: dict[str, bytes] = {}
    for name in (SYSTEM, _MESSAGE, _DIGEST):
        values = headers.all(name)
        if len(values) != 1 or not values[0]:
            return _refuse(name, expected="once")
        found[name] = values[0]
    system = found[SYSTEM]
    if len(system) > _MAX_NAME or not all(0x21 <= octet <= 0x7E for octet in system):
        return _refuse(SYSTEM, expected=f"1 to {_MAX_NAME} visible ASCII characters")
    return Claim(name=system.decode(), message=found[_MESSAGE], digest=found[_DIGEST])


def read_signed(claim: Claim, headers: Headers, *, required: Iterable[str]) -> Signed | Rejected:
    """The parameters of a claim whose signature was found good."""
    members = _members(claim.message)
    if members is None:
        return _refuse(_MESSAGE, expected="a JSON object of texts, each name once")
    grouped: dict[str, list[str]] = {}
    for name, value in members:
        grouped.setdefault(name.lower(), []).append(value)
    for name, values in grouped.items():
        sent = headers.values.get(name, ())
        if name == _PROTOCOL:
            sent = [value for value in sent if value != _PROTOCOL_VERSION] or [
                v.encode(errors="surrogatepass") for v in values
            ]
        if not _sent_as_signed(sent, values):
            return _refuse(name.removeprefix(PREFIX), expected="the header as it was signed")
    signed = Signed({name.removeprefix(PREFIX): v for name, v in grouped.items() if name.startswith(PREFIX)})
    for name in required:
        if len(signed.values(name)) != 1:
            return _refuse(name, expected="signed")
    return signed if signed.one(SYSTEM) == claim.name else _refuse(SYSTEM, expected="the header as it was signed")


def signed_at(timestamp: str) -> datetime | None:
    """When a client says it was started: ``ddMMyyyyTHHmmss+SSSS`` by Vietnam's clock, where SSSS are milliseconds."""
    moment, _, milliseconds = timestamp.partition("+")
    if len(timestamp) != _TIME_LETTERS or not (milliseconds.isascii() and milliseconds.isdigit()):
        return None
    try:
        whole = datetime.strptime(moment, "%d%m%YT%H%M%S").replace(tzinfo=HANOI)
    except ValueError:
        return None
    return whole.replace(microsecond=min(int(milliseconds), 999) * 1000)


def spelled_digests(digest: bytes) -> tuple[str, str]:
    """How clients write a SHA-256: as everybody does, or (the deployed ones) without the zero before a small octet."""
    return digest.hex(), "".join(f"{octet:x}" for octet in digest)


def _members(message: bytes) -> list[tuple[str, str]] | None:
    def once(pairs: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a name twice")
        return pairs

    try:
        members = json.loads(message.decode(), object_pairs_hook=once)
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        return None
    if not message.startswith(b"{") or not isinstance(members, list):
        return None
    return members if all(isinstance(value, str) for _, value in members) else None


def _sent_as_signed(sent: Sequence[bytes], signed: Sequence[str]) -> bool:
    """Of two spellings of a name that were signed, a client's library may have sent one only."""
    written = Counter(value.encode(errors="surrogatepass").strip(b" \t") for value in signed)
    return bool(sent) and Counter(sent) <= written


def _refuse(name: str, *, expected: str) -> Rejected:
    return refuse(Code.REQUEST_SIGNATURE, path=f"XroadVnpt-{name}", expected=expected)
