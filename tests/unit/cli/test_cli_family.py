"""One name for a document and what changed it: the family, and what is chosen of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.cli.town import FIRST, SECOND, SENDER, Town
from trunk.cli.exits import Exit
from trunk.domain.business_status import Standing
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import Delivery, EnvelopeId
from trunk.domain.delivery import DeliveryEvent as E
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.domain.relation import Relation, RelationKind, Spoken

RECALL = {"standing": Standing.REQUESTS, "addressee": SENDER}
ID = "H41.01,2026/11/22,7816/STN-VP"


def speaks(town: Town, kind: RelationKind, number: str, **more: object) -> EnvelopeId:
    """A later document that speaks of 7816; ``number`` may be the same."""
    town.now += timedelta(hours=1)
    spoken = Spoken(organ_id="000.00.01.H41", document_id=ID)
    (delivery,) = town.accept(number, to=(FIRST,), relations=(Relation(kind=kind, spoken=spoken),), **more)
    return delivery.envelope_id


def asks(town: Town, delivery: Delivery, kind: RequestKind, state: RequestState = RequestState.OPEN) -> None:
    """A request of ten minutes ago; answered now unless it is open."""
    answered = state is not RequestState.OPEN
    request = ChangeRequest(
        id=f"R{next(town.numbers)}",
        kind=kind,
        state=state,
        delivery_id=delivery.id,
        envelope_id=delivery.envelope_id,
        asked_by=delivery.envelope_id,
        asked_at=town.now - timedelta(minutes=10),
        reason="nhầm nơi nhận",
        answered_at=town.now if answered else None,
        answered_by=delivery.envelope_id if answered else None,
    )
    with town.ledger.begin() as book:
        book.enter_requests([request])


def test_one_number_means_the_document_and_its_story_names_what_changed_it(town: Town) -> None:
    first = town.accept()[0].envelope_id
    update = speaks(town, RelationKind.UPDATES, "7816", business=2)
    replacement = speaks(town, RelationKind.REPLACES, "7816", business=3)
    for reference in ("7816/STN-VP", ID):
        told = town.json("status", reference, "--json")
        assert told["envelope_id"] == first
        assert [(one["kind"], one["by_this_document"], one["envelope_id"]) for one in told["related"]] == [
            ("updates", False, update),
            ("replaces", False, replacement),
        ]
    assert told["related"][0]["spoken_of"]["organ_id"] == "000.00.01.H41"
    shown = " ".join(town.run("status", "7816/STN-VP").stdout.split())
    assert f"updated by 7816/STN-VP {update}" in shown
    assert f"replaced by 7816/STN-VP {replacement}" in shown


def test_what_changes_a_document_has_a_story_of_its_own(town: Town) -> None:
    first = town.accept()[0].envelope_id
    revocation = speaks(town, RelationKind.REVOKES, "99", business=1)
    for reference in ("99/STN-VP", revocation):
        shown = " ".join(town.run("status", reference).stdout.split())
        assert f"revokes 7816/STN-VP {first} {ID}" in shown
    assert "Bị thu hồi bởi" in town.run("--language", "vi", "status", "7816/STN-VP").stdout


def test_a_document_that_never_came_this_way_is_named_as_it_was_spoken_of(town: Town) -> None:
    answer = speaks(town, RelationKind.ANSWERS, "12")
    shown = " ".join(town.run("status", answer).stdout.split())
    assert f"answers {ID} not known here" in shown


@pytest.mark.parametrize("different", [{"business": 0}, {"business": 2, "sender": SECOND}])
def test_really_different_documents_of_one_number_are_asked_for(town: Town, different: dict[str, object]) -> None:
    town.accept()
    town.accept(**different)
    assert town.run("status", "7816/STN-VP").exit_code == Exit.USAGE


def test_an_update_of_a_document_that_never_came_is_no_family(town: Town) -> None:
    speaks(town, RelationKind.UPDATES, "7816", business=2)
    speaks(town, RelationKind.UPDATES, "7816", business=2, subject="lần hai")
    assert town.run("status", "7816/STN-VP").exit_code == Exit.USAGE


def test_requests_and_their_answers_stand_with_the_recipient(town: Town) -> None:
    first, second = town.accept()
    town.happens(first, E.HANDED_OVER)
    town.happens(second, E.HANDED_OVER)
    asks(town, first, RequestKind.RECALL)
    asks(town, second, RequestKind.UPDATE, RequestState.REFUSED)
    shown = " ".join(town.run("status", "7816/STN-VP", width=160).stdout.split())
    assert f"⚑ recall asked (not answered yet): nhầm nơi nhận {first.envelope_id}" in shown
    assert "⚑ update asked: nhầm nơi nhận" in shown
    assert "⚑ update refused" in shown
    parts = town.json("status", "7816/STN-VP", "--json")["deliveries"]
    (request,) = parts[0]["requests"]
    assert (request["kind"], request["state"], request["answered_at"]) == ("recall", "open", None)
    assert parts[1]["requests"][0]["answered_at"] == "2026-11-22T09:10:00+07:00"


def test_a_document_that_was_recalled_everywhere_says_so_and_is_settled(town: Town) -> None:
    (first,) = town.accept(to=(FIRST,))
    town.happens(first, E.HELD_BACK)
    asks(town, first, RequestKind.RECALL, RequestState.HELD_BACK)
    told = town.json("status", "7816/STN-VP", "--json")
    assert (told["progress"], told["settled"]) == ("recalled", True)
    shown = " ".join(town.run("status", "7816/STN-VP", width=160).stdout.split())
    assert "recalled everywhere" in shown
    assert "held back here" in shown


def test_what_is_with_another_hub_is_not_settled_and_shows_both_ids(town: Town) -> None:
    (first,) = town.accept(to=(FIRST,))
    town.happens(first, E.RELAYED)
    link = HubLink(
        id="L1",
        hub="national",
        direction=Direction.UP,
        remote_id="778899",
        state=LinkState.OPEN,
        at=town.now,
        envelope_id=first.envelope_id,
        delivery_id=first.id,
    )
    with town.ledger.begin() as book:
        book.hub_links.put(link)
    told = town.json("status", "7816/STN-VP", "--json")
    assert (told["progress"], told["settled"]) == ("relayed", False)
    assert [(one["hub"], one["remote_id"]) for one in told["deliveries"][0]["links"]] == [("national", "778899")]
    shown = " ".join(town.run("status", "7816/STN-VP").stdout.split())
    assert "with another hub" in shown
    assert "to national: 778899 (open)" in shown


def test_times_and_standings_are_told(town: Town) -> None:
    (first,) = town.accept(to=(FIRST,))
    town.now += timedelta(minutes=5)
    with town.ledger.begin() as book:
        book.fetched([first.id], at=town.now)
    town.happens(first, E.HANDED_OVER, E.RECEIPTED)
    town.reports(first, "03", standing=Standing.LATE)
    town.reports(first, "15", standing=Standing.UNASKED)
    part = town.json("status", "7816/STN-VP", "--json")["deliveries"][0]
    assert (part["fetched_at"], part["taken_at"], part["settled_at"]) == (
        "2026-11-22T09:05:00+07:00",
        "2026-11-22T09:10:00+07:00",
        "2026-11-22T09:15:00+07:00",
    )
    assert [status["standing"] for status in part["statuses"]] == ["late", "unasked"]
    shown = " ".join(town.run("status", "7816/STN-VP", width=160).stdout.split())
    for expected in (
        "fetched 22/11/2026 09:05; taken whole 22/11/2026 09:10; settled 22/11/2026 09:15",
        "Status 03 accepted (late)",
        "(nobody asked)",
    ):
        assert expected in shown


@pytest.mark.parametrize("width", [80, 120])
def test_the_whole_story_fits(town: Town, width: int) -> None:
    first, second = town.accept()
    town.happens(first, E.HANDED_OVER)
    asks(town, first, RequestKind.RECALL)
    speaks(town, RelationKind.UPDATES, "7816", business=2)
    told = town.says("7816", "13", reporter=SENDER, about=second, delivery_id=None, **RECALL)
    shown = town.run("--language", "vi", "status", "7816/STN-VP", width=width).stdout
    assert max(map(len, shown.splitlines())) <= width
    assert "H41.01 → mọi nơi nhận" in shown
    assert told in shown
