"""Mail that crosses hubs, and work that one process at a time does: on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, entered, move, one_delivery
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import DeliveryEvent, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.storage.hub_links import Tier
from trunk.storage.ledger import Ledger

MINUTE = timedelta(minutes=1)
TIERS = (
    Tier(younger_than=timedelta(hours=1), every=MINUTE),
    Tier(younger_than=timedelta(days=99), every=10 * MINUTE),
)


def link(number: int = 1, **values: Any) -> HubLink:
    given = {"hub": "national", "direction": Direction.UP, "state": LinkState.OPEN, "at": AT, "envelope_id": None}
    return HubLink(**{"id": f"link{number}", "remote_id": f"remote{number}", **given, **values})


@pytest.fixture
def beyond(ledger: Ledger) -> Ledger:
    with ledger.begin() as book:
        book.change_directory()
        book.put_agency(Agency(code=RECIPIENT, name="Beyond", mode=DeliveryMode.UPLINK))
        book.put_agency(Agency(code=OTHER, name="Here"))
        book.put_agency(Agency(code=SENDER, name="Here too"))
    return ledger


def waiting(ledger: Ledger, *, limit: int = 10, oldest: int = 1, without: tuple[EnvelopeId, ...] = ()) -> list[str]:
    with ledger.read() as view:
        ids = view.hub_links.waiting(limit=limit, oldest=oldest, without=without)
        return [found.document_id for one in ids if (found := view.envelope(one)) is not None]


def test_what_waits_beyond_is_what_waits_for_agencies_of_that_mode(beyond: Ledger) -> None:
    (accepted,) = entered(beyond, acceptance("VB-1", b"1", to=(RECIPIENT, OTHER)))
    entered(beyond, acceptance("VB-2", b"2", to=(OTHER,)))
    assert waiting(beyond) == ["VB-1"]
    with beyond.read() as view:
        found = view.hub_links.waiting_of(accepted.envelope.id)
    assert [one.addressee for one in found] == [RECIPIENT]
    with beyond.begin() as book:
        move(book, found[0].id, DeliveryEvent.RELAYED)
    assert waiting(beyond) == []


def test_acknowledgements_of_ours_never_go_up(beyond: Ledger) -> None:
    entered(beyond, acceptance("VB-1", b"1", to=(OTHER,), sender=RECIPIENT))
    with beyond.read() as view:
        (page,) = view.inbox([RECIPIENT], after=None, limit=9).items
    assert page.envelope.kind is EnvelopeKind.ACKNOWLEDGEMENT
    assert waiting(beyond) == []


def test_the_most_urgent_go_first_and_the_oldest_is_always_among_them(beyond: Ledger) -> None:
    entered(beyond, acceptance("old", b"old"))
    for number in range(4):
        entered(beyond, acceptance(f"urgent{number}", b"%d" % number, urgency=3))
    assert waiting(beyond) == ["urgent0", "urgent1", "urgent2", "urgent3", "old"]
    assert waiting(beyond, limit=3) == ["urgent0", "urgent1", "old"]
    assert waiting(beyond, limit=2) == ["urgent0", "old"]


def test_what_is_put_off_hides_no_others(beyond: Ledger) -> None:
    first, _ = entered(beyond, acceptance("a", b"a"), acceptance("b", b"b"))
    assert waiting(beyond, limit=1, oldest=0, without=(first.envelope.id,)) == ["b"]


def test_links_are_found_by_the_id_of_the_other_hub(ledger: Ledger) -> None:
    down = link(1, direction=Direction.DOWN, state=LinkState.REFUSED, reason="SIG-101", checked_at=AT)
    with ledger.begin() as book:
        for one in (down, link(2), link(3, direction=Direction.DOWN, hub="other")):
            book.hub_links.put(one)
    with ledger.read() as view:
        assert view.hub_links.known("national", ["remote1", "remote2", "remote3"]) == {"remote1": down}


def test_the_same_mail_to_the_same_recipient_has_one_link(ledger: Ledger) -> None:
    delivery = one_delivery(ledger)
    told = link(1, delivery_id=delivery.id, envelope_id=delivery.envelope_id)
    with ledger.begin() as book:
        book.hub_links.put(told)
        book.hub_links.settle("link1", LinkState.CLOSED, at=AT)
        book.hub_links.put(replace(told, id="link2"))
        book.hub_links.put(replace(told, id="link3", delivery_id=DeliveryId("another")))
    with ledger.read() as view:
        found = view.hub_links.sent_under("national", "remote1")
        track = view.track(delivery.envelope_id)
    assert [(one.id, one.state, state) for one, state in found] == [
        ("link1", LinkState.OPEN, DeliveryState.QUEUED),
        ("link3", LinkState.OPEN, None),
    ]
    assert track is not None
    assert [one.id for one in track.deliveries[0].links] == ["link1"]


@pytest.mark.parametrize("event", [DeliveryEvent.HANDED_OVER, DeliveryEvent.RETURNED, DeliveryEvent.LIFETIME_ENDED])
def test_the_hub_is_told_of_its_mail_when_its_fate_is_known(ledger: Ledger, event: DeliveryEvent) -> None:
    delivery = one_delivery(ledger)
    came = link(1, direction=Direction.DOWN, delivery_id=delivery.id, envelope_id=delivery.envelope_id)
    with ledger.begin() as book:
        book.hub_links.put(came)
    with ledger.read() as view:
        assert view.hub_links.to_tell("national", limit=9) == []
    with ledger.begin() as book:
        moved = move(book, delivery.id, event)
    with ledger.read() as view:
        assert view.hub_links.to_tell("national", limit=9) == [(came, moved.state)]
    with ledger.begin() as book:
        book.hub_links.settle("link1", LinkState.CLOSED, at=AT)
        assert book.view.hub_links.to_tell("national", limit=9) == []


def test_what_came_down_to_no_delivery_is_told_at_once(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.hub_links.put(link(1, direction=Direction.DOWN))
        ((found, fate),) = book.view.hub_links.to_tell("national", limit=9)
    assert (found.id, fate) == ("link1", None)


def test_the_hub_is_asked_at_growing_intervals(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.hub_links.put(link(1))
        book.hub_links.put(link(2, direction=Direction.DOWN))
        book.hub_links.put(link(3, state=LinkState.CLOSED))

    def due(minutes: int) -> list[str]:
        with ledger.read() as view:
            return [
                one.id for one in view.hub_links.to_ask("national", tiers=TIERS, now=AT + minutes * MINUTE, limit=9)
            ]

    assert due(0) == []
    assert due(1) == ["link1"]
    for checked, quiet, again in ((1, 1, 2), (59, 59, 69), (200, 209, 210)):
        with ledger.begin() as book:
            book.hub_links.checked(["link1"], at=AT + checked * MINUTE)
        assert (due(quiet), due(again)) == ([], ["link1"])
    with ledger.begin() as book:
        book.hub_links.checked(["link1"], at=AT + 300 * MINUTE)
    assert due(240) == ["link1"], "asked before the clock was set back"
    assert due(-60) == ["link1"], "and sent before it was"


def test_one_process_at_a_time_has_the_work(ledger: Ledger) -> None:
    with ledger.begin() as book:
        assert book.take_work("uplink", owner="a", now=AT, until=AT + MINUTE)
        assert book.take_work("uplink", owner="a", now=AT, until=AT + 2 * MINUTE), "renewed"
        assert not book.take_work("uplink", owner="b", now=AT + MINUTE, until=AT + 9 * MINUTE)
        assert book.take_work("other", owner="b", now=AT, until=AT + MINUTE)
    with ledger.begin() as book:
        assert book.take_work("uplink", owner="b", now=AT + 2 * MINUTE, until=AT + 3 * MINUTE), "it ran out"
        assert not book.take_work("uplink", owner="a", now=AT + 2 * MINUTE, until=AT + 3 * MINUTE)
        book.release_work("uplink", owner="a")
        assert not book.take_work("uplink", owner="a", now=AT + 2 * MINUTE, until=AT + 3 * MINUTE)
        book.release_work("uplink", owner="b")
        assert book.take_work("uplink", owner="a", now=AT + 2 * MINUTE, until=AT + 3 * MINUTE)
