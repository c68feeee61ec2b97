"""merkle: proofs of transparency logs. There is no such log here, so nothing can drive them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from scripts.vectors_check.frame import NOT_DRIVEN, Answer, Case, Stated, VectorSet


def sets(folder: Path) -> Iterator[VectorSet]:
    names = [name for file in sorted(folder.glob("*.json")) for name in json.loads(file.read_text(encoding="utf-8"))]
    reason = "no Merkle log in this trunk"
    cases = [Case(name=name, stated=Stated.ACCEPT, run=_nothing, unsupported=reason) for name in names]
    yield VectorSet(name="merkle", kind="core", cases=cases, note="nothing here proves inclusion or consistency")


def _nothing() -> Answer:
    return NOT_DRIVEN
