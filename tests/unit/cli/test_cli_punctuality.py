"""trunk overdue and trunk punctuality: who is late with what, how quick everybody is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.cli.town import FIRST, SECOND, Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import DeliveryEvent as E

WEDNESDAY = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # nine o'clock in Vietnam; the day before is a holiday
MINUTE = timedelta(minutes=1)


@pytest.fixture
def mail(town: Town) -> Town:
    """One taken and not received since Wednesday, an urgent one that nobody fetched, one received, one of now."""
    town.now = WEDNESDAY
    town.happens(town.accept("1", to=(FIRST,), subject="Kế hoạch")[0], E.HANDED_OVER)
    town.happens(town.accept("2", to=(FIRST,))[0], E.HANDED_OVER, E.RECEIPTED)
    town.now = WEDNESDAY + timedelta(days=1)
    town.accept("3", to=(SECOND,), urgency=2)
    town.now += timedelta(minutes=45)
    town.accept("4", to=(FIRST,))
    return town


def late(found: dict[str, Any]) -> list[tuple[str, list[str]]]:
    return [
        (item["envelope"]["document_code"].partition("/")[0], [one["kind"] for one in item["late"]])
        for item in found["items"]
    ]


def test_overdue_says_who_is_late_with_what_the_longest_first(mail: Town) -> None:
    found = mail.json("overdue", "--json", exit_code=Exit.REFUSED)
    assert late(found) == [("1", ["not_received"]), ("3", ["not_fetched"])]
    assert [item["late"][0]["due_at"] for item in found["items"]] == [
        "2026-11-25T17:00:00+07:00",
        "2026-11-26T09:30:00+07:00",
    ]
    assert found["items"][1]["late"][0]["late_seconds"] == 15 * 60
    assert found["agencies"] == [
        {"agency": SECOND, "name": "Bộ Mẫu", "late": {"not_fetched": 1, "not_received": 0, "not_answered": 0}},
        {"agency": FIRST, "name": "Sở Nhận", "late": {"not_fetched": 0, "not_received": 1, "not_answered": 0}},
    ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--agency", "000.00.17.H36"), ["1"]),
        (("--agency", "H41.01"), []),
        (("--kind", "not_fetched"), ["3"]),
        (("--kind", "not_fetched", "--kind", "not_received"), ["1", "3"]),
        (("--limit", "1"), ["1"]),
    ],
)
def test_overdue_is_narrowed_by(mail: Town, arguments: tuple[str, ...], expected: list[str]) -> None:
    result = mail.json("overdue", "--json", *arguments, exit_code=Exit.REFUSED if expected else 0)
    assert [code for code, _ in late(result)] == expected


@pytest.mark.parametrize("command", ["overdue", "punctuality"])
@pytest.mark.parametrize("width", [80, 120])
def test_tables_fit_and_show_bars(mail: Town, command: str, width: int) -> None:
    shown = mail.run(command, width=width).stdout
    assert max(map(len, shown.splitlines())) <= width
    assert "█" in shown
    assert "not received" in " ".join(shown.replace("│", " ").split()) or width == 80


@pytest.mark.parametrize("command", ["overdue", "punctuality"])
def test_tables_speak_vietnamese(mail: Town, command: str) -> None:
    assert "chưa tiếp nhận" in mail.run("--language", "vi", command, width=160).stdout


def test_nothing_overdue_is_exit_code_0(town: Town) -> None:
    assert town.run("overdue").exit_code == 0
    assert town.json("overdue", "--json") == {"items": [], "agencies": []}


def test_a_list_and_a_story_show_the_same(mail: Town) -> None:
    items = mail.json("list", "--json")["items"]
    assert [item["overdue"] for item in items] == [False, True, False, True]


def test_a_status_06_answers(mail: Town) -> None:
    (delivery,) = mail.accept("5", to=(SECOND,), due_date="2026/11/27")
    mail.now = datetime(2026, 11, 28, 2, 0, tzinfo=UTC)
    assert ("5", ["not_fetched", "not_received", "not_answered"]) in late(mail.json("overdue", "--json", exit_code=1))
    mail.reports(delivery, "06")
    assert ("5", ["not_fetched", "not_received"]) in late(mail.json("overdue", "--json", exit_code=1))


def test_punctuality_says_how_quick_each_is(mail: Town) -> None:
    found = mail.json("punctuality", "--json", "--from", "2026-11-25", "--to", "2026-11-27")
    second, first = found["agencies"]
    assert (first["agency"], first["documents"]) == (FIRST, 3)
    assert first["fetched"] == {"count": 2, "median_seconds": 300.0, "p90_seconds": 300.0}
    assert first["received"] == {"count": 1, "median_seconds": 600.0, "p90_seconds": 600.0}
    assert first["late_in_period"] == {"not_fetched": 0, "not_received": 1, "not_answered": 0}
    assert (second["fetched"], second["late_now"]["not_fetched"]) == (None, 1)


def test_punctuality_of_one_agency_and_of_no_time(mail: Town) -> None:
    assert [one["agency"] for one in mail.json("punctuality", "--json", "--agency", "G12")["agencies"]] == [SECOND]
    assert mail.run("punctuality", "--agency", "Z99").exit_code == Exit.NOT_FOUND
    assert mail.run("punctuality", "--from", "2026-11-26", "--to", "2026-11-25").exit_code == Exit.USAGE
