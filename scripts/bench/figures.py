"""What was measured, and the one JSON object that a run leaves."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from scripts.load import Result
from trunk.load.figures import SHARES

CLIENT: Final = "load client"
"""The party that is none of the trunk's."""
FRESH: Final = "fresh"
"""The kind of submissions that are new and right."""
_STACKS: Final = {"embedded": "sqlite_embedded", "production": "postgres_rabbitmq"}


def percentiles(result: Result) -> dict[str, float]:
    """Milliseconds."""
    return {name: round(result.percentile(share), 2) for name, share in SHARES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One run: how quick it was, and what each party took for each envelope."""

    per_second: float
    parties_ms: Mapping[str, float]

    @property
    def trunk_ms(self) -> float:
        return sum(ms for party, ms in self.parties_ms.items() if party.startswith("trunk"))

    @property
    def postgres_ms(self) -> float:
        return self.parties_ms.get("PostgreSQL", 0.0)

    @property
    def cost_ms(self) -> float:
        """Of the trunk and its ledger."""
        return self.trunk_ms + self.postgres_ms

    @property
    def whole_ms(self) -> float:
        """Of the trunk and all that it stands on; not of who sends and receives."""
        return sum(ms for party, ms in self.parties_ms.items() if party != CLIENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepting:
    """How envelopes of one size were accepted: durably, sealed, queued."""

    stack: str
    size: str
    octets: int
    recipients: int
    per_second: list[float]  #: of each closed run
    cpu_ms: list[float]  #: of the trunk's processes per envelope, each run
    parties_ms: Mapping[str, float]  #: processor milliseconds per envelope, medians of the runs
    stages_ms: Mapping[str, float]  #: the same of the serving processes by stage, all runs together
    floor_ms: float
    written: float  #: octets written to disks for each octet received
    paced_at: float = 0.0  #: envelopes a second of the open run
    open: Mapping[str, float] = field(default_factory=dict)  #: its percentiles, ms
    queued_after: float = 0.0  #: seconds from its last answer until nothing waits to be queued

    @property
    def to_floor(self) -> float:
        return statistics.median(self.cpu_ms) / self.floor_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """Documents from submission to the recipient's confirmation and the sender's last acknowledgement."""

    stack: str
    mode: str  #: of the recipients
    octets: int
    per_second: list[float]
    latency: Mapping[str, float]  #: ms from submission to the sender's confirmation of the last acknowledgement
    cpu_ms: float
    parties_ms: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """Memory of the trunk's processes while large envelopes are under way, MiB above idle."""

    idle: float  #: anonymous, all processes together
    idle_resident: float
    one_in: float
    one_out: float
    ten_in: float
    ten_out: float
    octets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """Submissions of one kind among others; every kind in each round, so that rounds can be compared."""

    kind: str
    recipients: int
    turns: list[Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The same runs in two states that stand side by side, in turns."""

    key: str  #: in ``BENCH_JSON``
    what: str
    states: tuple[str, str]
    pairs: list[tuple[Turn, Turn]]
    note: str = ""

    @property
    def ratios(self) -> list[float]:
        """Cost in the second state over cost in the first, pair by pair."""
        return [second.cost_ms / first.cost_ms for first, second in self.pairs]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A trunk that was started and left alone."""

    stack: str
    workers: int
    processes: list[tuple[str, float]]  #: of each what it is for, and MiB resident
    resident_mib: float  #: all together
    cpu_ms_per_s: float
    servers_ms_per_s: float


@dataclass(slots=True)
class Figures:
    """All that a run has measured."""

    accepting: list[Accepting] = field(default_factory=list)
    carrying: list[Carrying] = field(default_factory=list)
    delivering: list[Carrying] = field(default_factory=list)  #: by mode of the recipients
    mixed: list[Mixed] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    idle: list[Idle] = field(default_factory=list)
    holding: Holding | None = None
    signatures: Mapping[str, Any] = field(default_factory=dict)
    sync_ms: Mapping[str, float] = field(default_factory=dict)  #: a bare fdatasync beside each stack


def as_data(figures: Figures, *, command: str, seconds: float) -> dict[str, Any]:
    """For ``BENCH_JSON``: the promised keys first, everything else below ``all``."""
    told: dict[str, Any] = {}
    for accepted in figures.accepting:
        if accepted.size == "25k":
            told[f"accept_25k_{_STACKS[accepted.stack]}_per_s"] = round(statistics.median(accepted.per_second), 1)
        if accepted.stack == "production":
            told[f"cpu_to_floor_{accepted.size}"] = round(accepted.to_floor, 2)
    for one in figures.carrying:
        if one.stack == "production":
            told["end_to_end_25k_per_s"] = round(statistics.median(one.per_second), 1)
    told |= {f"delivery_{one.mode}_25k_per_s": _middle(one.per_second, 1) for one in figures.delivering}
    told |= _mixed(figures.mixed) | _compared(figures.compared) | _idle(figures.idle)
    told |= {name: value for name, value in figures.signatures.items() if "_to_floor_" in name}
    if figures.holding is not None:
        told["memory_above_idle_100m_mib"] = round(max(figures.holding.one_in, figures.holding.one_out), 1)
    return {
        **told,
        "fdatasync_ms": dict(figures.sync_ms),
        "command": command,
        "seconds": round(seconds),
        "machine": machine(),
        "all": {
            "accepting": [asdict(one) for one in figures.accepting],
            "carrying": [asdict(one) for one in figures.carrying],
            "delivering": [asdict(one) for one in figures.delivering],
            "mixed": [asdict(one) for one in figures.mixed],
            "compared": [{**asdict(one), "ratios": one.ratios} for one in figures.compared],
            "idle": [asdict(one) for one in figures.idle],
            "holding": None if figures.holding is None else asdict(figures.holding),
            "signatures": dict(figures.signatures),
        },
    }


def circular_ratios(mixed: Sequence[Mixed], *, servers: bool = False) -> list[float]:
    """A circular to 63 over one to a single recipient, round by round: the trunk's cost, or with its servers'."""
    turns = {(one.kind, one.recipients): one.turns for one in mixed}
    pairs = zip(turns.get((FRESH, 63), ()), turns.get((FRESH, 1), ()), strict=True)
    if servers:
        return [circular.whole_ms / single.whole_ms for circular, single in pairs]
    return [circular.trunk_ms / single.trunk_ms for circular, single in pairs]


def _mixed(mixed: Sequence[Mixed]) -> dict[str, float]:
    told = {}
    if ratios := circular_ratios(mixed):
        told["circular_63_to_single"] = _middle(ratios, 2)
        told["circular_63_to_single_with_servers"] = _middle(circular_ratios(mixed, servers=True), 2)
    for one in mixed:
        if one.kind != FRESH:
            told[f"{one.kind.lower()}_25k_per_s"] = _middle([turn.per_second for turn in one.turns], 1)
            told[f"{one.kind.lower()}_25k_trunk_ms"] = _middle([turn.trunk_ms for turn in one.turns], 2)
    return told


def _compared(compared: Sequence[Compared]) -> dict[str, float]:
    """Of several that go by one key the worst."""
    told: dict[str, float] = {}
    for one in compared:
        told[one.key] = max(told.get(one.key, 0.0), round(one.ratio, 3))
    return told


def _idle(idle: Sequence[Idle]) -> dict[str, float]:
    """Of one process, with the stack that holds more."""
    single = [one for one in idle if one.workers == 1]
    if not single:
        return {}
    return {
        "idle_resident_mib": round(max(one.resident_mib for one in single), 1),
        "idle_largest_process_mib": round(max(mib for one in single for _, mib in one.processes), 1),
        "idle_cpu_ms_per_s": round(max(one.cpu_ms_per_s for one in single), 2),
    }


def _middle(values: Sequence[float], digits: int) -> float:
    return round(statistics.median(values), digits)


def machine() -> dict[str, Any]:
    """What the figures are of."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    return {
        "processors": os.cpu_count(),
        "model": model,
        "memory_mib": memory,
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def spread(values: Sequence[float], digits: int = 0) -> str:
    """Median, and the least and the most."""
    middle = statistics.median(values)
    return f"{middle:,.{digits}f} ({min(values):,.{digits}f}-{max(values):,.{digits}f})"
