"""Who does stages 2 to 5, as the use cases see them: asked now, answering later, and never at any cost."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from signing.examination import Examination


class Cost(StrEnum):
    """Which limit was broken."""

    TIME = "time"
    MEMORY = "memory"
    DEATH = "death"  #: of two examiners, one after the other, at the same message


@dataclass(frozen=True, slots=True, kw_only=True)
class TooCostly:
    """The examination was ended: the message is refused (ENV-012)."""

    cost: Cost
    limit: str  #: what was allowed


Found = Examination | TooCostly


class Examiners(Protocol):
    """Examines what callers sent."""

    @property
    def apart(self) -> bool:
        """Whether the work is done in other processes: then no thread need be given to waiting for it."""
        ...

    @property
    def waiting(self) -> int:
        """How many messages wait to be examined."""
        ...

    @property
    def ended(self) -> Mapping[str, int]:
        """How many examiners were ended, by cause."""
        ...

    def examine(self, octets: bytes | Path, *, size: int, at: datetime, caller: str) -> Future[Found]:
        """Stages 2 to 5 of ``octets`` received ``at``. Raises ``OverloadedError`` at once when the line is full."""
        ...
