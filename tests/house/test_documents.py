"""The documents do not lie: what they name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from scripts.write_docs import DOCUMENTS

ROOT = Path(__file__).parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_and_every_file_named_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text)
    named = re.findall(r"`((?:tests|docs|scripts|trunk|envelopes|signing|queues|edxml_schemas)/[\w/.-]+)`", text)
    missing = [link for link in links if not (page.parent / link).exists()]
    missing += [name for name in named if not (ROOT / name).exists()]
    assert not missing


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_drawn_from_the_code_is_fresh(name: str) -> None:
    assert (ROOT / name).read_text(encoding="utf-8") == "\n".join(DOCUMENTS[name]()) + "\n", "run `make docs`"


def test_the_readme_fits_a_screen() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 50


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(file.name[:4]) for file in (ROOT / "docs/adr").glob("[0-9]*.md"))
    assert numbers == list(range(1, len(numbers) + 1))
