"""docs/guarantees.md promises nothing that no test holds, and names no test that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.faults.planted import MISTAKES

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/guarantees.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(?P<file>[\w/]+(?:\.py)?)(?:::(?P<test>\w+))?`")


def rows(header: str) -> list[list[str]]:
    """The cells of the table that begins with ``header``."""
    _, _, table = TEXT.partition(f"| {header} |")
    lines = table.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


PROMISES, FAULTS, PLANTED = rows("promise"), rows("fault"), rows("known as")


@pytest.mark.parametrize("row", [*PROMISES, *FAULTS], ids=lambda row: row[0][:60])
def test_every_promise_and_every_fault_names_tests_that_exist(row: list[str]) -> None:
    named = list(NAMED.finditer(row[2]))
    assert named, row
    folder = Path()
    for one in named:
        file = Path(one["file"])
        if file.parts[0] == "tests":
            folder = file.parent
        else:
            file = folder / file  # a neighbour of the one before it
        assert (ROOT / file).exists(), one[0]
        if one["test"]:
            text = (ROOT / file).read_text(encoding="utf-8")
            assert re.search(rf"^(?:async )?def {one['test']}\(", text, re.MULTILINE), one[0]


def test_every_fault_names_the_very_test() -> None:
    assert len(FAULTS) >= 26
    assert [row[0] for row in FAULTS if "::test_" not in row[2]] == []


def test_the_table_of_planted_mistakes_names_each() -> None:
    told = " ".join(row[1] for row in PLANTED)
    assert [one.name for one in MISTAKES if one.name not in told] == []
    assert len(PLANTED) >= 14
