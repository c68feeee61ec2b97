"""No name at which a process can be killed is without a test that kills it there, and none is a name of nothing."""

from __future__ import annotations

import re
from pathlib import Path

from trunk.failpoints import NAMES

ROOT = Path(__file__).parents[2]
KILLED_IN = {
    "intake": ("tests/faults/test_crashes.py",),
    "dispatch": ("tests/faults/test_crashes.py",),
    "handover": ("tests/faults/test_crashes.py",),
    "recalls": ("tests/faults/test_crashes.py",),
    "receipts": ("tests/faults/test_crashes.py",),
    "push": ("tests/faults/test_push_crashes.py",),
    "uplink": ("tests/scenarios/test_two_trunks.py", "tests/faults/test_uplink_crashes.py"),
    "reconcile": ("tests/faults/test_reconciler_crashes.py",),
}
"""By the first half of the name: SQLite with the embedded broker, and PostgreSQL with RabbitMQ."""


def test_every_fail_point_is_killed_at_on_both_stacks() -> None:
    for name in NAMES:
        area, _, moment = name.partition(".")
        for file in KILLED_IN[area]:
            text = (ROOT / file).read_text(encoding="utf-8")
            composed = area == "recalls" and f'"{moment}"' in text and f'"{area}"' in text.replace("'", '"')
            assert f'"{name}"' in text or composed, f"{file} never dies at {name}"
        told = "".join((ROOT / file).read_text(encoding="utf-8") for file in KILLED_IN[area])
        assert "postgres_server" in told, area


def test_every_fail_point_is_reached_by_the_code() -> None:
    code = "".join(file.read_text(encoding="utf-8") for file in (ROOT / "trunk").rglob("*.py"))
    reached = re.findall(r"_?reach\(\"([a-z._]+)\"", code)
    assert sorted(reached) == sorted([*NAMES, "intake.committed"]), "in failpoints.py it is an example"
