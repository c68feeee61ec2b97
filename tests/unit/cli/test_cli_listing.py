"""trunk list: many deliveries at a glance."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.cli.town import FIRST, Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import DeliveryEvent as E


def codes(town: Town, *arguments: str) -> list[str]:
    items = town.json("list", "--json", *arguments)["items"]
    return [item["envelope"]["document_code"].partition("/")[0] for item in items]


@pytest.fixture
def mail(town: Town) -> Town:
    """One of three days ago that was delivered, an urgent one of two hours ago, one of now."""
    town.happens(town.accept("1", to=(FIRST,), subject="Kế hoạch")[0], E.HANDED_OVER)
    town.now += timedelta(days=3)
    town.accept("2", to=("G12",), urgency=2)
    town.now += timedelta(hours=2)
    town.accept("3", to=(FIRST,))
    return town


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ["3", "2", "1"]),
        (("--agency", "G12"), ["2"]),
        (("--agency", "000.00.17.H36"), ["3", "1"]),
        (("--state", "delivered"), ["1"]),
        (("--state", "waiting"), ["3", "2"]),
        (("--state", "delivered", "--state", "queued", "--agency", "H36.17"), ["3", "1"]),
        (("--state", "settled"), ["1"]),
        (("--older-than", "1h"), ["2", "1"]),
        (("--older-than", "2d"), ["1"]),
        (("--since", "1d"), ["3", "2"]),
        (("--since", "25/11/2026 10:00"), ["3"]),
        (("--since", "2026-11-25"), ["3", "2"]),
        (("--urgent",), ["2"]),
        (("--text", "kế hoạch"), ["1"]),
        (("--limit", "1"), ["3"]),
    ],
)
def test_a_list_is_narrowed_by(mail: Town, arguments: tuple[str, ...], expected: list[str]) -> None:
    assert codes(mail, *arguments) == expected


def test_a_cut_list_says_so(mail: Town) -> None:
    assert "1 shown; see --limit" in mail.run("list", "--limit", "1").stderr
    assert mail.run("list", "--limit", "5").stderr == ""


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(mail: Town, width: int) -> None:
    shown = mail.run("list", width=width).stdout
    assert max(map(len, shown.splitlines())) <= width
    assert "VERY URGENT" in shown
    assert "OVERDUE" in shown


def test_ids_can_be_piped(mail: Town) -> None:
    found = mail.run("list", "--state", "waiting", "--ids").stdout.split()
    assert found == [item["delivery_id"] for item in mail.json("list", "--state", "waiting", "--json")["items"]]


def test_an_unknown_agency_is_exit_code_3_and_a_wrong_word_2(town: Town) -> None:
    result = town.run("list", "--agency", "Z99")
    assert result.exit_code == Exit.NOT_FOUND
    assert "trunk admin agency list" in result.stderr
    for wrong in (("--state", "lost"), ("--older-than", "2 days"), ("--since", "yesterday"), ("--limit", "0")):
        assert town.run("list", *wrong).exit_code == Exit.USAGE
