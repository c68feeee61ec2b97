"""Every mistake of ``planted.py`` is noticed by the test that is named for it, and the tree without them passes.

The four worst in every run; all with ``make faults``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.planted import MISTAKES, ROOT, WORST, Mistake, copy_tree, is_noticed, plant, run_tests


def _often(mistake: Mistake) -> pytest.MarkDecorator | tuple[()]:
    return () if mistake.name in WORST else pytest.mark.full


ALL = [pytest.param(one, id=one.name, marks=_often(one)) for one in MISTAKES]


def test_the_tree_as_it_is_passes(pytestconfig: pytest.Config) -> None:
    full = pytestconfig.getoption("--faults") == "full"
    named = [one.noticed_by for one in MISTAKES if full or one.name in WORST]
    code, said = run_tests(sorted(set(named)), Path(__file__).parents[2])
    assert code == 0, said


@pytest.mark.parametrize("mistake", ALL)
def test_a_planted_mistake_is_noticed(mistake: Mistake, tmp_path: Path) -> None:
    tree = copy_tree(tmp_path)
    plant(mistake, tree)
    noticed, said = is_noticed(mistake, tree)
    assert noticed, f"{mistake.name} was not noticed:\n{said}"


def test_every_mistake_is_planted_under_a_name_of_its_own() -> None:
    names = [one.name for one in MISTAKES]
    assert len(set(names)) == len(names)
    assert set(WORST) <= set(names)


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda one: one.name)
def test_every_mistake_can_still_be_made(mistake: Mistake) -> None:
    """Looked at in every run: else it would show only in ``make faults`` that the code has moved on."""
    for edit in mistake.edits:
        assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.right) == 1, edit.file
