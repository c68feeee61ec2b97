"""``python -m scripts.soak.together RUN.json RUN.json … SOAK.json``: what several runs showed, as one record.

Counts are added up, and every run's own record (without its rounds) is kept below ``runs``; a run on another machine or
of another commit stands there under its own name.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from scripts.soak.run import WELL_AGAIN_SECONDS

Record = Mapping[str, Any]

_ADDED: Final = (
    "lost",
    "deliveries",
    "submissions",
    "refused",
    "offered_again",
    "final_acknowledgements",
    "seconds",
    "trunk_processes_started",
)
_ADDED_BY_NAME: Final = ("faults", "in_flight", "missed", "processor_seconds", "journal")
_CHAINED: Final = ("violations", "stuck", "rounds")
_OF_EACH: Final = ("command", "seed", "commit", "machine", "versions", *_ADDED, "faults", "recovery_seconds", "journal")


def main() -> int:
    *sources, target = map(Path, sys.argv[1:])
    told = together([json.loads(source.read_text(encoding="utf-8")) for source in sources])
    target.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 0


def together(runs: Sequence[Record]) -> dict[str, Any]:
    """One record of all ``runs``; of a single one, that one."""
    if len(runs) == 1:
        return dict(runs[0])
    first = runs[0]
    added: dict[str, Any] = {name: sum(run[name] for run in runs) for name in _ADDED}
    by_name = {name: _sums([run[name] for run in runs]) for name in _ADDED_BY_NAME}
    chained = {name: [one for run in runs for one in run[name]] for name in _CHAINED}
    return {
        **{name: added[name] for name in ("lost", "deliveries")},
        "faults": by_name["faults"],
        "seed": [run["seed"] for run in runs],
        "command": [run["command"] for run in runs],
        **added,
        **by_name,
        **chained,
        "recovery_seconds": {name: _recovery(name, chained["rounds"]) for name in by_name["faults"]},
        "commit": first["commit"],
        "machine": first["machine"],
        "versions": first["versions"],
        "runs": [{name: run[name] for name in _OF_EACH} for run in runs],
    }


def _sums(counts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for one in counts for name in one)
    return {name: sum(one.get(name, 0) for one in counts) for name in names}


def _recovery(fault: str, rounds: Sequence[Mapping[str, Any]]) -> dict[str, float | int]:
    """Of all rounds in which it was ordered."""
    seconds = [one["well_again"] for one in rounds if fault in one["faults"]] or [0.0]
    return {
        "median": round(statistics.median(seconds), 1),
        "longest": round(max(seconds), 1),
        "slow": sum(one > WELL_AGAIN_SECONDS for one in seconds),
    }


if __name__ == "__main__":
    sys.exit(main())
