"""Who changes the trunk itself, and why: every such act is a line in the journal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trunk.domain.tracking import JournalEvent

ACT: Final = "admin_"
"""What the events of such lines begin with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operator:
    """A person at the commands, a system with the right, or the trunk by itself."""

    name: str
    now: Callable[[], datetime]
    why: str = ""

    def line(self, act: str, what: str) -> JournalEvent:
        """``what`` names things by their ids and codes: no secrets, no personal data."""
        reason = f"{what}: {self.why}" if self.why else what
        return JournalEvent(at=self.now(), event=f"{ACT}{act}", actor=self.name, reason=reason)
