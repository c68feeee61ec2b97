"""A run's record becomes a page; what people wrote around the tables stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scripts.bench import report
from scripts.bench.figures import Accepting, Compared, Figures, Holding, Turn, as_data

TURN = Turn(per_second=100.0, parties_ms={"trunk, serving": 2.0, "PostgreSQL": 1.0})
FIGURES = Figures(
    accepting=[
        Accepting(
            stack="production",
            size="25k",
            octets=25_000,
            recipients=1,
            per_second=[300.0, 310.0, 290.0],
            cpu_ms=[2.0, 2.5, 3.0],
            parties_ms=TURN.parties_ms,
            stages_ms={"ledger": 1.0},
            floor_ms=0.1,
            written=3.0,
        )
    ],
    compared=[Compared(key="full", what="a full ledger", states=("empty", "full"), pairs=[(TURN, TURN)])],
    holding=Holding(idle=1, idle_resident=2, one_in=3, one_out=4, ten_in=5, ten_out=6, octets=7),
    sync_ms={"production": 0.2},
)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    told = as_data(FIGURES, command="python -m scripts.bench", seconds=60)
    (tmp_path / "figures.json").write_text(json.dumps(told), encoding="utf-8")
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter\n", encoding="utf-8")
    return page


def _write(page: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("sys.argv", ["report", str(page.parent / "figures.json"), str(page)])
    assert report.main() == 0
    return page.read_text(encoding="utf-8")


def test_tables_stand_between_the_marks(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _write(page, monkeypatch)
    assert text.startswith(f"# Before\n\n{report.BEGIN}\n")
    assert text.endswith(f"{report.END}\n\nAfter\n")
    assert "old" not in text
    assert "| PostgreSQL, RabbitMQ; 25k; 1 | 300 (290-310) | 2.50 (2.00-3.00) | 25.0 |" in text
    assert "| a full ledger | empty | 100 (100-100) |" in text
    assert {file.suffix for file in page.parent.iterdir()} == {".json", ".md", ".png"}


def test_what_was_promised_stands_beside_what_was_measured(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _write(page, monkeypatch)
    assert "| accepted a second, PostgreSQL + RabbitMQ | ≥ 1,500 | 300 | 20% |" in text
    assert "| accept path, CPU to floor, 25 KB | ≤ 5 | 25 | 20% |" in text
    assert "| 100 MB: MiB above idle | ≤ 16 | 4 | 400% |" in text


def test_it_can_be_written_again(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _write(page, monkeypatch) == _write(page, monkeypatch)
