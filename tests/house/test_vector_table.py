"""The table of threats in tests/vectors/README.md names every vector once, and only what exists."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

VECTORS = Path(__file__).parents[1] / "vectors"
ROW = re.compile(r"\| (?P<threat>[^|]+) \| (?:`(?P<code>[A-Z]{3}-\d{3})`|any|) \| (?P<cells>[^|]+) \|")


def rows() -> Iterator[tuple[str, str, list[str]]]:
    """Threat, code, and what shows it."""
    text = (VECTORS / "README.md").read_text(encoding="utf-8")
    for line in text[text.index("\n## ") :].splitlines():
        if line.startswith("| ") and not line.startswith("| threat |"):
            row = ROW.fullmatch(line)
            assert row is not None, line
            yield row["threat"], row["code"] or "", [cell.strip("` ") for cell in row["cells"].split(", ")]


def test_every_vector_stands_in_the_table_once_and_every_one_named_exists() -> None:
    vectors = [f"{code}/{cell}" for _, code, cells in rows() for cell in cells if "/" not in cell and cell != "issue 5"]
    on_disk = {f"{file.parent.name}/{file.stem}" for file in (VECTORS / "rejected").glob("*/*")}
    assert set(vectors) == on_disk
    assert [name for name, times in Counter(vectors).items() if times > 1] == []


def test_every_test_named_exists() -> None:
    named = {cell for _, _, cells in rows() for cell in cells if "/" in cell}
    assert named
    assert [name for name in named if not (VECTORS.parents[1] / name).is_file()] == []


def test_every_threat_has_something() -> None:
    for threat, _, cells in rows():
        assert threat.strip()
        assert all(cells)
