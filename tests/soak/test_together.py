from __future__ import annotations

from typing import Any

from scripts.soak.report import page
from scripts.soak.together import together


def _run(seed: int, *, deliveries: int, well_again: float, **changes: Any) -> dict[str, Any]:
    told = {
        "lost": 0,
        "deliveries": deliveries,
        "faults": {"trunk killed": 2, "broker killed": 1},
        "seed": seed,
        "command": f"python -m scripts.soak --seed {seed}",
        "violations": [],
        "submissions": 10,
        "refused": 1,
        "offered_again": 3,
        "final_acknowledgements": deliveries,
        "in_flight": {"trunk killed": 5, "broker killed": 7},
        "missed": {},
        "recovery_seconds": {},
        "journal": {"lines": 100, "chains": 4, "faults": 0},
        "stuck": [],
        "seconds": 60.0,
        "processor_seconds": {"trunk": 30.0},
        "trunk_processes_started": 5,
        "rounds": [{"faults": ["trunk killed"], "lasted": 1.0, "well_again": well_again}],
        "commit": "c" * 40,
        "machine": {"processors": 2, "model": "M", "memory_mib": 1024, "kernel": "6"},
        "versions": {"python": "3.11"},
    }
    return {**told, **changes}


def test_several_runs_are_added_up_and_each_is_named() -> None:
    both = together(
        [
            _run(1, deliveries=100, well_again=31.0, violations=["a letter is nowhere"], lost=1),
            _run(2, deliveries=50, well_again=9.0),
        ]
    )
    assert (both["lost"], both["deliveries"], both["seed"]) == (1, 150, [1, 2])
    assert both["faults"] == {"trunk killed": 4, "broker killed": 2}
    assert both["recovery_seconds"]["trunk killed"] == {"median": 20.0, "longest": 31.0, "slow": 1}
    assert both["violations"] == ["a letter is nowhere"]
    assert both["journal"] == {"lines": 200, "chains": 8, "faults": 0}
    assert [run["command"] for run in both["runs"]] == both["command"]


def test_the_page_says_every_run_and_their_sum() -> None:
    lines = "\n".join(page(together([_run(1, deliveries=100, well_again=5.0), _run(2, deliveries=50, well_again=9.0)])))
    for said in ("--seed 1", "--seed 2", "| deliveries of them | 150 |", "| trunk killed | 4 | 10 | 7.0 | 9.0 | 0 |"):
        assert said in lines


def test_one_run_alone_is_what_it_was() -> None:
    alone = _run(1, deliveries=100, well_again=5.0)
    assert together([alone]) == alone
