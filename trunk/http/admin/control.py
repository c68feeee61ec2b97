"""What the operators' doors stand on. Built by ``trunk.bootstrap``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from trunk.application.administration import Administration
from trunk.application.dead_letters import DeadLetters
from trunk.application.operators import Operators
from trunk.application.replay import Replay
from trunk.application.replay_jobs import ReplayJobs
from trunk.application.tracking import Tracking
from trunk.domain.ailment import Finding
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError
from trunk.storage.journal import Line

SHARE: Final = 4
_RETRY_SECONDS: Final = 1

Lines = Callable[[datetime | None, str, int], Sequence[Line]]
"""Of the journal: since when, by whom, how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """Everything an operator's handler may use, beside the doors of everybody."""

    operators: Operators
    tracking: Tracking
    replay: Replay
    jobs: ReplayJobs
    dead_letters: DeadLetters
    administration: Administration
    diagnose: Callable[[], Sequence[Finding]]
    journal: Lines
    wake: Callable[[], None]  #: a replay was ordered


@dataclass(slots=True)
class Shares:
    """How many requests each operator has under way; used on the loop alone, so nothing is locked."""

    _held: Counter[str] = field(default_factory=Counter, init=False)

    @contextmanager
    def held(self, operator: str) -> Iterator[None]:
        """Around one request. Leaves by ``RefusedError`` (429) where the operator has more than its share."""
        if self._held[operator] >= SHARE:
            raise RefusedError(
                refuse(Code.OPERATOR_SHARE, expected=f"at most {SHARE} at once", retry_after=_RETRY_SECONDS)
            )
        self._held[operator] += 1
        try:
            yield
        finally:
            self._held[operator] -= 1
            if not self._held[operator]:
                del self._held[operator]
