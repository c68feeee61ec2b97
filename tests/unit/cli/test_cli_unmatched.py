"""trunk unmatched: statuses that speak of nothing that is known here are seen, with why."""

from __future__ import annotations

import pytest

from tests.unit.cli.town import FIRST, SECOND, SENDER, Town
from trunk.cli.exits import Exit
from trunk.domain.business_status import Standing
from trunk.domain.delivery import AgencyCode


@pytest.fixture
def lost(town: Town) -> Town:
    """A status of H36.17 about a document that never came, and one of G12 about one that was not for it."""
    town.accept("7816", to=(FIRST,))
    _reports(town, FIRST, "404")
    _reports(town, SECOND, "7816")
    return town


def _reports(town: Town, reporter: AgencyCode, number: str) -> None:
    town.says(
        number,
        "03",
        reporter=reporter,
        addressee=SENDER,
        about=None,
        standing=Standing.UNMATCHED,
        description="đã vào sổ",
    )


def test_each_is_told_with_who_said_it_to_whom_of_what_and_why(lost: Town) -> None:
    items = lost.json("unmatched", "--json")["items"]
    assert [(item["reporter"], item["document_code"], item["why"]) for item in items] == [
        ("G12", "7816/STN-VP", "others"),
        ("H36.17", "404/STN-VP", "unknown"),
    ]
    assert {key: items[0][key] for key in ("code", "addressee", "standing", "description")} == {
        "code": "03",
        "addressee": "H41.01",
        "standing": "unmatched",
        "description": "đã vào sổ",
    }


@pytest.mark.parametrize(
    ("agency", "expected"),
    [("H36.17", ["404/STN-VP"]), ("000.00.00.G12", ["7816/STN-VP"]), ("H41.01", ["7816/STN-VP", "404/STN-VP"])],
)
def test_one_agencys_are_those_it_reported_and_was_told(lost: Town, agency: str, expected: list[str]) -> None:
    items = lost.json("unmatched", "--agency", agency, "--json")["items"]
    assert [item["document_code"] for item in items] == expected


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_is_for_people_and_fits(lost: Town, width: int) -> None:
    result = lost.run("unmatched", width=width)
    assert result.exit_code == 0
    assert max(map(len, result.stdout.splitlines())) <= width
    flat = " ".join(result.stdout.split())
    for expected in ("→ H41.01", "404/STN-VP", "03 accepted", "no such document came", "22/11/2026"):
        assert expected in flat
    assert "văn bản này" in " ".join(lost.run("--language", "vi", "unmatched", width=width).stdout.split())


def test_a_cut_list_says_so_and_an_empty_one_too(lost: Town) -> None:
    assert "1 shown; see --limit" in lost.run("unmatched", "--limit", "1").stderr
    assert lost.run("unmatched", "--limit", "3").stderr == ""


def test_nothing_unmatched_is_said_on_standard_error(town: Town) -> None:
    result = town.run("unmatched")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "Every status matches" in result.stderr
    assert town.json("unmatched", "--json") == {"items": []}


def test_an_unknown_agency_is_exit_code_3(town: Town) -> None:
    result = town.run("unmatched", "--agency", "Z99")
    assert result.exit_code == Exit.NOT_FOUND
    assert "no agency has the code Z99" in result.stderr
