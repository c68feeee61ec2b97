"""Seals what the ledger must be able to say again: AES-256-GCM with a key that lies in a file beside the database.

A copy of the database alone opens nothing. The first key of the file seals, all of them open. What is sealed is bound
to its place: it opens in no other record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from trunk.application.key_file import KeyFile
from trunk.errors import ConfigurationError

_NONCE_OCTETS: Final = 12
_VERSION: Final = b"\x01"
_REMEDY: Final = "make it with `trunk admin vxp-secrets make-key`, or restore it (see [vxp] key_file)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Vault:
    """Seals and opens. ``file`` is read when it is needed: a trunk that shares no secrets needs none."""

    file: Path
    chance: Callable[[int], bytes]  #: n random octets, from ``secrets``

    def make(self) -> None:
        """A new key file, for this user alone. Raises ``ConfigurationError`` where there is one: it opens things."""
        self._key_file.make()

    def seal(self, secret: str, *, place: str) -> bytes:
        """``secret`` for ``place``. Raises ``ConfigurationError`` without a usable key file."""
        nonce = self.chance(_NONCE_OCTETS)
        return _VERSION + nonce + AESGCM(self._key_file.keys()[0]).encrypt(nonce, secret.encode(), place.encode())

    def open(self, sealed: bytes, *, place: str) -> str:
        """What was sealed for ``place``. Raises ``ConfigurationError`` where no key of the file opens it."""
        nonce, octets = sealed[1 : 1 + _NONCE_OCTETS], sealed[1 + _NONCE_OCTETS :]
        for key in self._key_file.keys() if sealed[:1] == _VERSION else ():
            try:
                return AESGCM(key).decrypt(nonce, octets, place.encode()).decode()
            except InvalidTag:
                continue
        raise ConfigurationError(f"{self.file}: none of its keys opens what this ledger holds; restore the right file")

    @property
    def _key_file(self) -> KeyFile:
        return KeyFile(file=self.file, chance=self.chance, remedy=_REMEDY)
