"""How we stand with the other hub: whether it may be asked now, what ails it, and what the exchanges came to."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from trunk.workers.patience import Patience
from trunk.workers.uplink.exchange import HubFaultError

log = structlog.get_logger()

_HUB: Final = "hub"
_LONGEST: Final = timedelta(minutes=30)
_SECONDS: Final = 60.0


class Standing:
    """One for each direction: a hub that takes our mail may still give none. Thread-safe."""

    def __init__(
        self, name: str, *, now: Callable[[], datetime], chance: Callable[[], float], poll_seconds: float
    ) -> None:
        self._name = name
        self._now = now
        first, longest = min(1.0, poll_seconds), min(max(poll_seconds * 8, 1.0), 5 * _SECONDS)
        self._whole = Patience(
            forgiven=1, chance=chance, first=timedelta(seconds=first), longest=timedelta(seconds=longest)
        )
        self._each = Patience(forgiven=0, chance=chance, first=timedelta(seconds=first), longest=_LONGEST)
        self._lock = threading.Lock()
        self._ails: tuple[str, datetime] | None = None
        self.tally: Counter[str] = Counter()

    @property
    def open(self) -> bool:
        """Whether the hub may be asked now; it is left alone after failures, longer each time."""
        return self._whole.has(_HUB, now=self._now())

    def may(self, message: str) -> bool:
        """Whether this message may be tried (again) now."""
        return self._each.has(message, now=self._now())

    def failures(self, message: str) -> int:
        record = self._each.record(message)
        return 0 if record is None else record.failures

    def answered(self, outcome: str) -> None:
        """The hub works."""
        self._whole.answered(_HUB)
        with self._lock:
            self._ails = None
            self.tally[outcome] += 1

    def settled(self, message: str) -> None:
        self._each.answered(message)

    def put_off(self, message: str) -> None:
        """It is no use for now; others may go on."""
        self._each.failed(message, now=self._now())

    def failed(self, fault: HubFaultError, *, about: str = "") -> None:
        """No answer that counts."""
        now = self._now()
        with self._lock:
            self.tally[f"fault_{fault.reason}"] += 1
            since = self._ails[1] if self._ails else now
            if fault.whole:
                self._ails = (fault.reason, since)
        if about:
            self._each.failed(about, now=now)
        if fault.whole:
            self._whole.failed(_HUB, now=now)
        say = log.error if fault.told else log.warning
        say("uplink_fault", hub=self._name, reason=fault.reason, about=about, whole=fault.whole)

    def check(self) -> None:
        """Raise ``RuntimeError`` that says what ails the hub, or return."""
        with self._lock:
            ails = self._ails
        if ails is not None:
            raise RuntimeError(f"the hub {self._name} does not answer since {ails[1]:%H:%M:%S} UTC: {ails[0]}")
