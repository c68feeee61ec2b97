"""Who does stages 2 to 5, as the use cases see them: asked now, answering later, and never at any cost."""

from __future__ import annotations

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


class Examiners(Protocol):
    """Examines what callers sent."""

    apart: bool  #: whether the work is done in other processes: then no thread need be given to waiting for it

    def examine(self, octets: bytes | Path, *, size: int, at: datetime, caller: str) -> Future[Examination | TooCostly]:
        """Stages 2 to 5 of ``octets`` received ``at``. Raises ``OverloadedError`` at once when the line is full."""
        ...
