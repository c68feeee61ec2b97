"""``trunk admin set-aside``: listed, closed once with a reason, and gone from the list."""

from __future__ import annotations

from tests.unit.cli.town import Town
from trunk.domain.ailment import Ailment


def test_it_is_listed_and_closed_once_with_a_reason(town: Town) -> None:
    with town.ledger.begin() as book:
        book.mending.lay_aside(Ailment.ORPHAN, "gone", "no such delivery", at=town.now)
    (item,) = town.json("admin", "set-aside", "list", "--json")["items"]
    assert (item["number"], item["code"], item["what"]) == (1, "DOC-107", "gone")
    assert "DOC-107" in town.run("admin", "set-aside", "list").stdout
    assert town.run("admin", "set-aside", "close", "1").exit_code == 2
    assert town.run("admin", "set-aside", "close", "1", "--reason", "looked at").exit_code == 0
    assert town.run("admin", "set-aside", "close", "1", "--reason", "again").exit_code == 3
    assert town.json("admin", "set-aside", "list", "--json") == {"items": []}
