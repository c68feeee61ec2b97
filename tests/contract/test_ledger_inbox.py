"""What the ledger promises of an inbox: each item once, nothing skipped, the most urgent first."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from tests.ledger_kit import OTHER, RECIPIENT, SENDER, acceptance, entered, move
from trunk.domain.delivery import AgencyCode, DeliveryEvent
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import InboxCursor, InboxPage
from trunk.storage.ledger import Ledger

BOTH = (RECIPIENT, OTHER)


def fill(ledger: Ledger, *urgencies: int, prefix: str = "VB", to: Collection[AgencyCode] = (RECIPIENT,)) -> None:
    for n, urgency in enumerate(urgencies):
        entered(ledger, acceptance(f"{prefix}{n}/{urgency}", f"{prefix}{n}".encode(), urgency=urgency, to=to))


def page(
    ledger: Ledger,
    after: InboxCursor | None = None,
    *,
    limit: int = 100,
    agencies: Collection[AgencyCode] = (RECIPIENT,),
) -> InboxPage:
    with ledger.read() as view:
        return view.inbox(agencies, after=after, limit=limit)


def names(page: InboxPage) -> list[str]:
    return [item.envelope.document_id for item in page.items]


def walk(ledger: Ledger, *, limit: int, agencies: Collection[AgencyCode] = (RECIPIENT,)) -> list[str]:
    found: list[str] = []
    part = page(ledger, limit=limit, agencies=agencies)
    while part.items:
        assert len(part.items) <= limit
        found += names(part)
        part = page(ledger, part.next, limit=limit, agencies=agencies)
    return found


def test_the_most_urgent_come_first_then_the_oldest(ledger: Ledger) -> None:
    fill(ledger, 0, 4, 1, 0, 1)
    expected = ["VB1/4", "VB2/1", "VB4/1", "VB0/0", "VB3/0"]
    assert names(page(ledger)) == expected
    for limit in (1, 5, 6):
        assert walk(ledger, limit=limit) == expected
    for limit in (2, 3, 4):  # the oldest has a place of its own on the first page
        assert sorted(walk(ledger, limit=limit)) == sorted(expected)


def test_a_fifth_of_a_first_page_is_for_the_oldest(ledger: Ledger) -> None:
    fill(ledger, 0, 2, 0, *([4] * 12), 0)
    first = page(ledger, limit=10)
    assert names(first) == [*(f"VB{n}/4" for n in range(3, 11)), "VB0/0", "VB1/2"]
    assert names(page(ledger, first.next, limit=10)) == ["VB11/4", "VB12/4", "VB13/4", "VB14/4", "VB2/0", "VB15/0"]


@pytest.mark.parametrize("limit", [2, 4, 5, 7])
def test_nobody_without_a_cursor_waits_behind_endless_urgent_mail(ledger: Ledger, limit: int) -> None:
    """A client of a façade asks for its list, takes all of it, and asks again; urgent mail fills each list."""
    fill(ledger, 0, 0, 0, prefix="letter")
    seen: list[str] = []
    for round_ in range(3):
        fill(ledger, *([3] * (limit + 1)), prefix=f"r{round_}-")
        shown = page(ledger, limit=limit)
        assert shown.items[0].delivery.urgency == 3  # they still overtake
        with ledger.begin() as book:
            for item in shown.items:
                move(book, item.delivery.id, DeliveryEvent.HANDED_OVER)
        seen += [name for name in names(shown) if name.startswith("letter")]
    assert seen == ["letter0/0", "letter1/0", "letter2/0"]


def test_following_cursors_shows_each_item_once_whatever_the_page(ledger: Ledger) -> None:
    for urgencies in ((4, 0, 0, 4, 1, 1, 0, 4), (0, 1, 2, 3, 4), (4, 3, 2, 1, 0, 4), (0,) * 7 + (4,) * 7):
        fill(ledger, *urgencies, prefix=f"{len(urgencies)}{urgencies[0]}-")
        for limit in range(1, 12):
            found = walk(ledger, limit=limit)
            assert len(found) == len(set(found)) == len(names(page(ledger)))


def test_an_item_says_where_it_stands_and_what_it_carries(ledger: Ledger) -> None:
    (accepted,) = entered(ledger, acceptance("VB-1"))
    (item,) = page(ledger).items
    assert (item.envelope, item.delivery) == (accepted.envelope, accepted.deliveries[0])
    with ledger.read() as view:
        track = view.track(accepted.envelope.id)
        assert track is not None
        assert item.position == track.deliveries[0].position == view.newest_position([RECIPIENT])[RECIPIENT]


def test_acknowledgements_stand_in_the_senders_inbox(ledger: Ledger) -> None:
    fill(ledger, 0)
    (item,) = page(ledger, agencies=[SENDER]).items
    assert item.envelope.kind is EnvelopeKind.ACKNOWLEDGEMENT


def test_a_system_of_several_agencies_reads_them_in_one_order(ledger: Ledger) -> None:
    fill(ledger, 0, 1, prefix="a")
    fill(ledger, 0, 1, prefix="b", to=(OTHER,))
    fill(ledger, 0, prefix="c", to=BOTH)
    expected = ["a1/1", "b1/1", "a0/0", "b0/0", "c0/0", "c0/0"]
    assert names(page(ledger, agencies=BOTH)) == expected
    assert walk(ledger, limit=1, agencies=BOTH) == expected
    assert sorted(walk(ledger, limit=2, agencies=BOTH)) == sorted(expected)
    assert names(page(ledger, agencies=[])) == []


def test_what_arrives_meanwhile_belongs_to_the_following_window(ledger: Ledger) -> None:
    fill(ledger, 0, 0, 0)
    first = page(ledger, limit=2)
    fill(ledger, 0, 4, prefix="new")
    rest = page(ledger, first.next, limit=2)
    following = page(ledger, rest.next, limit=2)
    assert names(first) + names(rest) == ["VB0/0", "VB1/0", "VB2/0"]
    assert names(following) == ["new1/4", "new0/0"]
    assert names(page(ledger)) == ["new1/4", "VB0/0", "VB1/0", "VB2/0", "new0/0"]  # without a cursor: the whole backlog


def test_a_client_that_follows_cursors_sees_each_item_once_and_misses_none(ledger: Ledger) -> None:
    seen: list[str] = []
    cursor: InboxCursor | None = None
    for round_ in range(12):
        fill(ledger, *((round_ + n) % 5 for n in range(round_ % 4)), prefix=f"r{round_}-")
        part = page(ledger, cursor, limit=2)
        seen += names(part)
        cursor = part.next
    while (part := page(ledger, cursor, limit=2)).items:
        seen += names(part)
        cursor = part.next
    assert len(seen) == len(set(seen)) == 18


def test_an_empty_inbox_has_a_cursor_from_which_the_next_item_is_seen(ledger: Ledger) -> None:
    empty = page(ledger)
    assert names(empty) == []
    again = page(ledger, empty.next)
    fill(ledger, 0)
    assert names(page(ledger, again.next)) == ["VB0/0"]


def test_a_window_whose_rest_was_taken_meanwhile_leads_to_the_following_one(ledger: Ledger) -> None:
    fill(ledger, 0, 0, 0)
    first = page(ledger, limit=2)
    (last,) = page(ledger, first.next, limit=2).items
    with ledger.begin() as book:
        move(book, last.delivery.id, DeliveryEvent.HANDED_OVER)
    fill(ledger, 0, prefix="new")
    assert names(page(ledger, first.next, limit=2)) == ["new0/0"]


def test_a_replayed_item_is_seen_again_behind_the_cursor(ledger: Ledger) -> None:
    fill(ledger, 0)
    seen = page(ledger)
    with ledger.begin() as book:
        move(book, seen.items[0].delivery.id, DeliveryEvent.HANDED_OVER, DeliveryEvent.REPLAY_ORDERED)
    assert names(page(ledger, seen.next)) == ["VB0/0"]


def test_the_newest_places_are_those_of_waiting_items(ledger: Ledger) -> None:
    fill(ledger, 0, 3, 1)
    fill(ledger, 0, prefix="b", to=(OTHER,))
    with ledger.begin() as book:
        items = sorted(book.view.inbox([RECIPIENT], after=None, limit=9).items, key=lambda item: item.position)
        nobody = AgencyCode("nobody")
        assert book.view.newest_position([RECIPIENT, nobody]) == {RECIPIENT: items[-1].position}
        move(book, items[-1].delivery.id, DeliveryEvent.HANDED_OVER)
        newest = book.view.newest_position([OTHER, RECIPIENT])
        assert newest[RECIPIENT] == items[-2].position
        assert newest[OTHER] > newest[RECIPIENT]
        assert book.view.newest_position([]) == {}


def test_what_is_offered_now_are_the_first_of_every_urgency_without_what_is_put_off(ledger: Ledger) -> None:
    fill(ledger, 0, 1, 0, 0, 4, 1)
    fill(ledger, 4, prefix="KHAC", to=(OTHER,))
    with ledger.read() as view:
        everything = view.offered(RECIPIENT, each=9, without=())
        first = view.offered(RECIPIENT, each=1, without=())
    assert [one.urgency for one, _ in everything] == [4, 1, 1, 0, 0, 0]
    assert [one.id for one, _ in first] == [everything[place][0].id for place in (0, 1, 3)]
    places = [place for _, place in everything]
    assert places[3] < places[1] < places[4] < places[5] < places[0] < places[2]
    urgent, plain = everything[0][0], everything[3][0]
    with ledger.begin() as book:
        move(book, plain.id, DeliveryEvent.ATTEMPT_FAILED)
        move(book, everything[1][0].id, DeliveryEvent.HANDED_OVER)
    with ledger.read() as view:
        left = view.offered(RECIPIENT, each=9, without=(urgent.id,))
    assert [one.id for one, _ in left] == [everything[place][0].id for place in (2, 4, 5)]
