"""What verdicts lack is fetched while their submissions wait: a few of them, not long, and in nobody's way.

Law: who waits here holds neither a thread nor an examiner, so a responder that hangs keeps up the mail of those who
depend on it and nobody else's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Protocol

from signing.evidence import Wanted
from signing.report import Report
from signing.verdict import Indication
from trunk.application.responders import Responders
from trunk.errors import OverloadedError


class Fetcher(Protocol):
    """Gets lists, answers and authorities from the network."""

    def want(self, items: Iterable[Wanted], *, caller: str) -> None:
        """Fetch these when there is a chance. Returns at once."""
        ...

    async def settled(
        self,
        items: Iterable[Wanted],
        *,
        timeout: float,  # noqa: ASYNC109 - waits for others
        caller: str,
    ) -> bool:
        """Wait until everything of these was fetched or given up, ``timeout`` seconds at most."""
        ...

    def status(self) -> Responders:
        """How the hosts do that were asked."""
        ...


class Errands:
    """``places`` submissions at most wait, a quarter of them at most for one caller, each for ``seconds`` at most."""

    def __init__(self, fetcher: Fetcher, *, seconds: float, places: int = 128) -> None:
        self._fetcher = fetcher
        self._seconds = seconds
        self._places = places
        self._share = max(places // 4, 1)
        self._taken: Counter[str] = Counter()

    @property
    def taken(self) -> int:
        """How many wait."""
        return self._taken.total()

    @property
    def responders(self) -> Responders:
        """How the hosts do that were asked."""
        return self._fetcher.status()

    async def run(self, report: Report, *, caller: str) -> bool:
        """Have fetched what ``report`` lacks; whether it was waited for, so that looking again may tell more.

        Raises ``OverloadedError`` where too many wait already, or too many for this caller. What is only for freshness
        is waited for by nobody.
        """
        if not report.wanted:
            return False
        self._fetcher.want(report.wanted, caller=caller)
        lacking = [item for one in report.verdicts if one.indication is Indication.INDETERMINATE for item in one.wanted]
        if not lacking or not self._seconds:
            return False
        if self.taken >= self._places or self._taken[caller] >= self._share:
            raise OverloadedError("too many wait for revocation answers", retry_after=5)
        self._taken[caller] += 1
        try:
            await self._fetcher.settled(lacking, timeout=self._seconds, caller=caller)
        finally:
            self._taken -= Counter((caller,))
        return True
