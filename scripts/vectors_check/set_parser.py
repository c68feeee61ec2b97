"""xml-parser: documents that make parsers fetch, swell or loop. A message that begins like them must be refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scripts.vectors_check.frame import VectorSet
from scripts.vectors_check.trunk_answer import trunk_set


def sets(folder: Path) -> Iterator[VectorSet]:
    files = sorted(file for file in folder.rglob("*.x*") if file.is_file())
    yield trunk_set("xml-parser/defusedxml", files, below=folder / "defusedxml", seconds=1.0, mebibytes=200)
