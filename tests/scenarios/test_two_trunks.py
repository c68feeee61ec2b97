"""Two trunks of ours, the upper one the uplink of the lower: mail, statuses and recalls across both, and every hop cut.

Nothing is lost, and nobody gets the same mail twice.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.hub_town import FIRST, NEAR, SECOND, SENDER, HubTown, Trunk, hub_town

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubTown]:
    with hub_town(tmp_path_factory.mktemp("two")) as town:
        yield town


@pytest.fixture(autouse=True)
def _empty(town: HubTown) -> Iterator[None]:
    """Every test leaves its mail behind; the next one finds empty inboxes and a whole road."""
    yield
    town.upper.road.down, town.upper.road.cuts = False, 0
    for trunk, codes in ((town.lower, (SENDER, NEAR)), (town.upper, (FIRST, SECOND))):
        for code in codes:
            for kind in ("document", "status", "acknowledgement"):
                trunk.take(code, kind)


def links(trunk: Trunk, envelope: str, *, by: str) -> list[dict[str, Any]]:
    return [link for one in trunk.track(envelope, by=by)["deliveries"] for link in one["links"]]


def acknowledged(trunk: Trunk, agency: str, envelope: str) -> set[str]:
    waiting = trunk.waiting(agency, "acknowledgement")
    return {one["envelope"]["acknowledges"] for one in waiting if one["envelope"]["about"] == envelope}


def said(trunk: Trunk, agency: str) -> list[str]:
    return [one["envelope"]["status_code"] for one in trunk.waiting(agency, "status")]


def status(town: HubTown, number: int, code: str, *, reporter: str, to: str, of: str = "") -> bytes:
    return town.lower.province.status(str(number), code, reporter=reporter, sender=to, of=of, description="vì sao")


def numbered(town: HubTown, **wish: Any) -> tuple[int, bytes]:
    """A letter and the number of its code."""
    number = next(town.numbers)
    octets = town.lower.province.signed(str(number), sender=wish.pop("sender", SENDER), **wish)
    return number, octets


def test_a_document_for_here_and_there_and_every_status_back_to_the_end(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(NEAR, FIRST, SECOND))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST) and town.upper.waiting(SECOND))
    assert [town.lower.take(NEAR), town.upper.take(FIRST), town.upper.take(SECOND)] == [[letter]] * 3
    delivered = {NEAR: "delivered", FIRST: "delivered", SECOND: "delivered"}
    town.until(lambda: town.lower.states(ours, by=SENDER) == delivered)
    theirs = {link["remote_id"] for link in links(town.lower, ours, by=SENDER)}
    assert len(theirs) == 1
    for code in ("01", "03", "06"):
        town.upper.send(status(town, number, code, reporter=FIRST, to=SENDER), by=FIRST)
        town.until(lambda code=code: code in said(town.lower, SENDER))
    town.upper.send(status(town, number, "02", reporter=SECOND, to=SENDER), by=SECOND)
    ended = {NEAR: "delivered", FIRST: "received", SECOND: "refused"}
    town.until(lambda: town.lower.states(ours, by=SENDER) == ended)
    assert sorted(said(town.lower, SENDER)) == ["01", "02", "03", "06"]
    assert {"accepted", "delivered", "received", "refused"} == acknowledged(town.lower, SENDER, ours)


def test_an_answer_comes_down_and_both_ids_are_known_on_both_sides(town: HubTown) -> None:
    number, letter = numbered(town, sender=FIRST, recipients=(SENDER, NEAR))
    theirs = town.upper.send(letter, by=FIRST)
    town.until(lambda: town.lower.waiting(SENDER) and town.lower.waiting(NEAR))
    assert town.upper.states(theirs, by=FIRST) == {SENDER: "relayed", NEAR: "relayed"}
    (item,) = town.lower.waiting(SENDER)
    assert town.lower.take(SENDER) == [letter]
    town.until(lambda: town.upper.states(theirs, by=FIRST) == {SENDER: "delivered", NEAR: "relayed"})
    remote = {one["agency"]: one["delivery_id"] for one in town.upper.track(theirs, by=FIRST)["deliveries"]}
    link = next(one for one in links(town.lower, item["envelope"]["envelope_id"], by=SENDER))
    assert (link["direction"], link["remote_id"], link["state"]) == ("down", remote[SENDER], "closed")
    town.lower.send(status(town, number, "03", reporter=SENDER, to=FIRST), by=SENDER)
    town.until(lambda: town.upper.states(theirs, by=FIRST)[SENDER] == "received")
    assert said(town.upper, FIRST) == ["03"]


def test_a_recall_before_anybody_fetched_it_comes_true_across_the_hubs(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST,))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST))
    town.lower.send(status(town, number, "13", reporter=SENDER, to=FIRST, of=SENDER), by=SENDER)
    town.until(lambda: not town.upper.waiting(FIRST))
    town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "recalled"})
    assert "recalled" in acknowledged(town.lower, SENDER, ours)


def test_a_recall_after_it_was_fetched_is_asked_and_agreed_across_the_hubs(town: HubTown) -> None:
    number, letter = numbered(town, recipients=(FIRST,))
    ours = town.lower.send(letter, by=SENDER)
    town.until(lambda: town.upper.waiting(FIRST))
    town.upper.take(FIRST)
    town.lower.send(status(town, number, "13", reporter=SENDER, to=FIRST, of=SENDER), by=SENDER)
    town.until(lambda: said(town.upper, FIRST) == ["13"])
    town.upper.send(status(town, number, "15", reporter=FIRST, to=SENDER), by=FIRST)
    town.until(lambda: town.lower.states(ours, by=SENDER) == {FIRST: "recalled"})
    assert said(town.lower, SENDER) == ["15"]


def test_what_waits_while_the_hub_is_down_goes_up_when_it_is_back(town: HubTown) -> None:
    town.upper.road.down = True
    letters = [town.letter(recipients=(FIRST,)) for _ in range(5)]
    sent = [town.lower.send(letter, by=SENDER) for letter in letters]
    checks = "/readyz"
    town.until(lambda: not town.lower.client(SENDER).get(checks).json["checks"]["uplink-up"]["ok"])
    ready = town.lower.client(SENDER).get(checks)
    assert (ready.status, ready.json["ready"]) == (200, True)
    asked = town.upper.road.connections
    town.until(lambda: town.upper.road.connections > asked, seconds=20)
    assert all(town.lower.states(one, by=SENDER)[FIRST] != "relayed" for one in sent)
    town.upper.road.down = False
    town.until(lambda: all(town.lower.states(one, by=SENDER)[FIRST] == "relayed" for one in sent))
    assert sorted(town.upper.take(FIRST)) == sorted(letters)
    town.until(lambda: town.lower.client(SENDER).get(checks).json["checks"]["uplink-up"]["ok"])


def test_answers_that_get_lost_double_nothing(town: HubTown) -> None:
    letters = [town.letter(recipients=(FIRST, SECOND)) for _ in range(4)]
    down = [town.letter(sender=FIRST, recipients=(NEAR,)) for _ in range(4)]
    town.upper.road.cuts = 12
    sent = [town.lower.send(letter, by=SENDER) for letter in letters]
    brought = [town.upper.send(letter, by=FIRST) for letter in down]
    town.until(lambda: all(set(town.lower.states(one, by=SENDER).values()) == {"relayed"} for one in sent))
    town.until(lambda: all(set(town.upper.states(one, by=FIRST).values()) == {"relayed"} for one in brought))
    assert sorted(town.upper.take(FIRST)) == sorted(town.upper.take(SECOND)) == sorted(letters)
    assert sorted(town.lower.take(NEAR)) == sorted(down)
    assert all(len(links(town.lower, one, by=SENDER)) == 2 for one in sent)
