"""Faults of the house. A refusal is a value (``trunk.domain.outcome``); a fault is an exception.

::

    TrunkError                       temporary: bool, code: str
    ├── TemporaryError               come again; nothing was half done
    │   ├── LedgerUnavailableError   TRK-107
    │   └── OverloadedError          TRK-106
    └── PermanentError               somebody must act
        ├── ConfigurationError       TRK-120
        └── CorruptPayloadError      TRK-121
"""

from __future__ import annotations

from typing import ClassVar


class TrunkError(Exception):
    """Every fault is born temporary or permanent; retry code only asks ``error.temporary``."""

    temporary: ClassVar[bool]
    code: ClassVar[str]


class TemporaryError(TrunkError):
    """It may work later without anybody's help."""

    temporary = True


class PermanentError(TrunkError):
    """It will not work until somebody changes something."""

    temporary = False


class LedgerUnavailableError(TemporaryError):
    """The database did not answer, was locked too long, or has no room; nothing was written."""

    code = "TRK-107"


class OverloadedError(TemporaryError):
    """The waiting line is full; ask again after ``retry_after`` seconds."""

    code = "TRK-106"

    def __init__(self, message: str = "the waiting line is full", *, retry_after: int = 2) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConfigurationError(PermanentError):
    """The settings do not fit together; the message says which one and what to write instead."""

    code = "TRK-120"


class CorruptPayloadError(PermanentError):
    """Stored octets do not have the digest they were stored under; they are never delivered."""

    code = "TRK-121"
