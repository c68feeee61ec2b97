"""The figures of a run. Times are milliseconds; where nothing was measured there is no figure, not a zero."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from trunk.load.answers import Answer, Judgement, Surprise, Verdict
from trunk.load.open_model import Timing

SHARES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
_TOO_LATE_MS: Final = 10.0

Quantiles = Mapping[str, float]


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which ``share`` of them lie; 0 where there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


def quantiles(seconds: Iterable[float]) -> Quantiles:
    """In milliseconds, with the largest; empty where nothing was measured."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    told = {name: round(percentile(ordered, share) * 1000, 2) for name, share in SHARES.items()}
    return {**told, "max": round(ordered[-1] * 1000, 2)}


@dataclass(frozen=True, slots=True)
class Seen:
    """A submission: what it was, and what became of it."""

    size: str
    octets: int
    answer: Answer
    timing: Timing
    judgement: Judgement


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One size, or all."""

    size: str
    submitted: int
    accepted: int
    repeated: int
    refused_as_wanted: int
    unexpected: int
    accepted_per_second: float
    octets_per_second: float  #: of what was accepted
    latency_ms: Quantiles  #: of what was accepted, from when it was due


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexpected:
    """Answers that are wrong in the same way."""

    surprise: Surprise
    status: int
    code: str
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Punctuality:
    """Of the client itself."""

    late_ms: Quantiles
    waited_for_connection_ms: Quantiles
    connections: int

    @property
    def fell_behind(self) -> bool:
        """One of a hundred was late enough to be seen in the other figures."""
        return self.late_ms.get("p99", 0.0) > _TOO_LATE_MS

    @property
    def too_few_connections(self) -> bool:
        return self.waited_for_connection_ms.get("p99", 0.0) > _TOO_LATE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """What became of the accepted ones."""

    documents: int
    ended: int
    ended_per_second: float
    to_confirmation_ms: Quantiles
    to_last_acknowledgement_ms: Quantiles
    troubles: Mapping[str, int]

    @property
    def complete(self) -> bool:
        return self.ended == self.documents and not self.troubles


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All of it."""

    planned: int
    lasted_seconds: float  #: from the first submission's time to the last answer
    rows: Sequence[Row]
    total: Row
    unexpected: Sequence[Unexpected]
    client: Punctuality
    followed: Followed | None = None

    @property
    def as_expected(self) -> bool:
        whole = self.planned == self.total.submitted and not self.unexpected
        return whole and (self.followed is None or self.followed.complete)


def rows(seen: Sequence[Seen], sizes: Sequence[str], *, seconds: float) -> tuple[list[Row], Row]:
    """One for each size, and of all together."""
    of_each = [_row(size, [one for one in seen if one.size == size], seconds) for size in sizes]
    return of_each, _row("", seen, seconds)


def unexpected(seen: Iterable[Seen]) -> list[Unexpected]:
    """The most frequent first."""
    counted = Counter(
        (surprise, one.answer.status, one.answer.code)
        for one in seen
        if (surprise := one.judgement.surprise) is not None
    )
    return [
        Unexpected(surprise=surprise, status=status, code=code, times=times)
        for (surprise, status, code), times in counted.most_common()
    ]


def punctuality(timings: Sequence[Timing], *, connections: int) -> Punctuality:
    return Punctuality(
        late_ms=quantiles(one.late for one in timings),
        waited_for_connection_ms=quantiles(one.waited for one in timings),
        connections=connections,
    )


def _row(size: str, seen: Sequence[Seen], seconds: float) -> Row:
    verdicts = Counter(one.judgement.verdict for one in seen)
    accepted = [one for one in seen if one.judgement.verdict is Verdict.ACCEPTED]
    return Row(
        size=size,
        submitted=len(seen),
        accepted=len(accepted),
        repeated=verdicts[Verdict.REPEATED],
        refused_as_wanted=verdicts[Verdict.REFUSED],
        unexpected=verdicts[Verdict.UNEXPECTED],
        accepted_per_second=round(len(accepted) / seconds, 2) if seconds else 0.0,
        octets_per_second=round(sum(one.octets for one in accepted) / seconds) if seconds else 0.0,
        latency_ms=quantiles(one.timing.latency for one in accepted),
    )
