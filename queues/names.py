"""Data as the name of a queue and as a routing key: any text in, at most 255 safe octets out, and back again.

AMQP allows 255 octets, reserves ``amq.`` and the empty name, and topic exchanges give ``*`` and ``#`` a meaning.
So a code is percent-encoded (dots stay: operators may bind ``trunk.to.H50.#``) behind a prefix of ours. One that
is too long keeps its readable beginning and ends in its digest; that form cannot be decoded, only recognised.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote

PREFIX: Final = "trunk.to."
_LIMIT: Final = 255
_DIGEST_MARK: Final = "%~"  # never made by percent-encoding
_DIGEST_LENGTH: Final = 64


def encode(data: str) -> str:
    """The name for ``data``; different data have different names."""
    safe = quote(data, safe="", errors="surrogatepass")
    if len(PREFIX) + len(safe) <= _LIMIT:
        return PREFIX + safe
    digest = sha256(data.encode("utf-8", errors="surrogatepass")).hexdigest()
    room = _LIMIT - len(PREFIX) - len(_DIGEST_MARK) - _DIGEST_LENGTH
    return PREFIX + safe[:room] + _DIGEST_MARK + digest


def decode(name: str) -> str | None:
    """The data that ``name`` was made from; None if it is not a name of ours or only holds a digest."""
    if not name.startswith(PREFIX) or _DIGEST_MARK in name:
        return None
    return unquote(name.removeprefix(PREFIX), errors="surrogatepass")
