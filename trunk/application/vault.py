"""Seals what the ledger must be able to say again: AES-256-GCM with a key that lies in a file beside the database.

A copy of the database alone opens nothing. The file holds a key a line: the first one seals, all of them open, so
that a key is changed by putting a new one on top. What is sealed is bound to its place: it opens in no other record.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunk.errors import ConfigurationError

KEY_OCTETS: Final = 32
_NONCE_OCTETS: Final = 12
_VERSION: Final = b"\x01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Seals and opens. ``file`` is read when it is needed: a trunk that shares no secrets needs none."""

    file: Path
    chance: Callable[[int], bytes]  #: n random octets, from ``secrets``

    def make(self) -> None:
        """A new key file, for this user alone. Raises ``ConfigurationError`` where there is one: it opens things."""
        line = base64.urlsafe_b64encode(self.chance(KEY_OCTETS)) + b"\n"
        try:
            handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{self.file}: {error.strerror}; nothing was changed") from error
        with os.fdopen(handle, "wb") as target:
            target.write(line)

    def seal(self, secret: str, *, place: str) -> bytes:
        """``secret`` for ``place``. Raises ``ConfigurationError`` without a usable key file."""
        nonce = self.chance(_NONCE_OCTETS)
        return _VERSION + nonce + AESGCM(self._keys()[0]).encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, *, place: str) -> str:
        """What was sealed for ``place``. Raises ``ConfigurationError`` where no key of the file opens it."""
        nonce, octets = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        for key in self._keys() if sealed[:1] == _VERSION else ():
            try:
                return AESGCM(key).decrypt(nonce, octets, place.encode()).decode()
            except InvalidTag:
                continue
        raise ConfigurationError(f"{self.file}: none of its keys opens what this ledger holds; restore the right file")

    def _keys(self) -> list[bytes]:
        try:
            lines = self.file.read_bytes().split()
            keys = [base64.b64decode(line, altchars=b"-_", validate=True) for line in lines]
        except OSError as error:
            remedy = "make it with `trunk admin vxp-secrets make-key`, or restore it (see [vxp] key_file)"
            raise ConfigurationError(f"{self.file}: {error.strerror}; {remedy}") from error
        except binascii.Error as error:
            raise ConfigurationError(f"{self.file}: not a key file: base64 is expected, a key a line") from error
        if not keys or any(len(key) != KEY_OCTETS for key in keys):
            raise ConfigurationError(f"{self.file}: not a key file: keys of {KEY_OCTETS} octets are expected")
        return keys
