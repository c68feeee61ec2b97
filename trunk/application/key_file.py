"""A file of keys: a key a line, of which the first is used for what is new and all of them for what is there already.

So a key is changed by putting a new one on top, and an old one ends by being taken out.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from trunk.errors import ConfigurationError

KEY_OCTETS: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """Made once, for this user alone; read when it is needed: a trunk that does not need it has none."""

    file: Path
    chance: Callable[[int], bytes]  #: n random octets, from ``secrets``
    remedy: str  #: what to do where it is missing

    def make(self) -> None:
        """A new file. Raises ``ConfigurationError`` where there is one: something rests on it."""
        line = base64.urlsafe_b64encode(self.chance(KEY_OCTETS)) + b"\n"
        try:
            handle = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{self.file}: {error.strerror}; nothing was changed") from error
        with os.fdopen(handle, "wb") as target:
            target.write(line)

    def keys(self) -> list[bytes]:
        """At least one. Raises ``ConfigurationError`` without a usable file."""
        try:
            lines = self.file.read_bytes().split()
            keys = [base64.b64decode(line, altchars=b"-_", validate=True) for line in lines]
        except OSError as error:
            raise ConfigurationError(f"{self.file}: {error.strerror}; {self.remedy}") from error
        except binascii.Error as error:
            raise ConfigurationError(f"{self.file}: not a key file: base64 is expected, a key a line") from error
        if not keys or any(len(key) != KEY_OCTETS for key in keys):
            raise ConfigurationError(f"{self.file}: not a key file: keys of {KEY_OCTETS} octets are expected")
        return keys
