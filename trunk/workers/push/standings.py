"""How each recipient does: whether it may be tried now, how many letters at once, and since when it fails.

A breaker for each. Closed: as many at once as allowed. After failures in a row that are the recipient's own it is
left alone, longer each time; then one letter goes out as a probe, and the answer closes the breaker or opens it again.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from trunk.application.pushing import Figures
from trunk.domain.agency import Agency
from trunk.domain.delivery import AgencyCode
from trunk.domain.push_reply import Verdict
from trunk.workers.patience import Patience

log = structlog.get_logger()

FORGIVEN: Final = 2
_FIRST: Final = timedelta(seconds=5)


@dataclass(slots=True)
class _Trouble:
    since: datetime
    told_at: datetime
    code: str


@dataclass(slots=True, kw_only=True)
class Standings:
    """Thread-safe."""

    now: Callable[[], datetime]
    chance: Callable[[], float]
    each: int  #: letters at once to one recipient
    longest: timedelta  #: that a recipient is left alone
    alarm_every: timedelta
    _patience: Patience = field(init=False)
    _tallies: defaultdict[AgencyCode, Counter[str]] = field(init=False)
    _troubles: dict[AgencyCode, _Trouble] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def __post_init__(self) -> None:
        self._tallies = defaultdict(Counter)
        first = min(_FIRST, self.longest)
        self._patience = Patience(forgiven=FORGIVEN, chance=self.chance, first=first, longest=self.longest)

    def room(self, agency: AgencyCode) -> int:
        """How many letters may be under way to it now."""
        if not self._patience.has(agency, now=self.now()):
            return 0
        return 1 if self._open(agency) else self.each

    def suspect(self, agency: AgencyCode) -> bool:
        """Whether its last exchange failed: all suspects together get half of the places."""
        return self._patience.record(agency) is not None

    def note(self, agency: AgencyCode, verdict: Verdict) -> None:
        """What came of an attempt."""
        now = self.now()
        with self._lock:
            self._tallies[agency][verdict.code] += 1
        if verdict.recipients:
            self._patience.failed(agency, now=now, at_least=verdict.again_after)
        else:
            self._patience.answered(agency)
        if verdict.confirmed:
            with self._lock:
                ended = self._troubles.pop(agency, None)
            if ended is not None:
                log.info("push_recipient_recovered", agency=agency, since=ended.since.isoformat())
            return
        self._complain(agency, verdict, now)

    def figures(self, recipients: Sequence[Agency]) -> list[Figures]:
        now = self.now()
        with self._lock:
            return [
                Figures(
                    agency=one.code,
                    outcomes=dict(self._tallies[one.code]),
                    proven=one.endpoint.open,
                    left_alone=not self._patience.has(one.code, now=now),
                    failing_since=self._troubles[one.code].since if one.code in self._troubles else None,
                )
                for one in recipients
            ]

    def _open(self, agency: AgencyCode) -> bool:
        record = self._patience.record(agency)
        return record is not None and record.failures > FORGIVEN

    def _complain(self, agency: AgencyCode, verdict: Verdict, now: datetime) -> None:
        """At once about what somebody must mend, and again and again about whoever fails for long."""
        with self._lock:
            trouble = self._troubles.setdefault(agency, _Trouble(now, now, ""))
            fresh = verdict.lasting and trouble.code != verdict.code
            due = now - trouble.told_at >= self.alarm_every
            if fresh or due:
                trouble.told_at = now
            trouble.code = verdict.code
            since = trouble.since.isoformat()
        if fresh or due:
            log.error("push_recipient_failing", agency=agency, code=verdict.code, since=since)
