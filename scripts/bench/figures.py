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

_STACKS: Final = {"embedded": "sqlite_embedded", "production": "postgres_rabbitmq"}


def percentiles(result: Result) -> dict[str, float]:
    """Milliseconds."""
    return {name: round(result.percentile(share), 2) for name, share in SHARES.items()}


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
    """Submissions of one kind."""

    kind: str
    recipients: int
    per_second: list[float]
    cpu_ms: list[float]  #: of trunk and servers for each


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """A process that nobody asks anything of."""

    resident: float  #: MiB of the serving process
    proportional: float  #: the same, what several processes share counted once
    beside: float  #: MiB, proportional, of nursery and examiners
    cpu: float  #: processor milliseconds a second, all of them


@dataclass(slots=True)
class Figures:
    """All that a run has measured."""

    accepting: list[Accepting] = field(default_factory=list)
    carrying: list[Carrying] = field(default_factory=list)
    holding: Holding | None = None
    mixed: list[Mixed] = field(default_factory=list)
    idle: Idle | None = None
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
    told |= {name: value for name, value in figures.signatures.items() if "_to_floor_" in name}
    if figures.holding is not None:
        told["memory_above_idle_100m_mib"] = round(max(figures.holding.one_in, figures.holding.one_out), 1)
    if figures.idle is not None:
        told |= {
            "idle_resident_mib": round(figures.idle.resident, 1),
            "idle_cpu_ms_per_s": round(figures.idle.cpu, 1),
        }
    if figures.mixed:
        by_kind = {one.kind: statistics.median(one.cpu_ms) for one in figures.mixed}
        told["circular_63_to_single"] = round(by_kind["63 recipients"] / by_kind["one recipient"], 2)
    return {
        **told,
        "fdatasync_ms": dict(figures.sync_ms),
        "command": command,
        "seconds": round(seconds),
        "machine": machine(),
        "all": {
            "accepting": [asdict(one) for one in figures.accepting],
            "carrying": [asdict(one) for one in figures.carrying],
            "holding": None if figures.holding is None else asdict(figures.holding),
            "mixed": [asdict(one) for one in figures.mixed],
            "idle": None if figures.idle is None else asdict(figures.idle),
            "signatures": dict(figures.signatures),
        },
    }


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
