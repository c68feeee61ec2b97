"""What goes up to another hub: taken, given, refused, and what is learnt of it, over a ledger of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.ledger_kit import AT, OTHER, RECIPIENT, acceptance, entered, move, new_id
from trunk.application.advancing import Cause, Move
from trunk.application.uplink import FAIL, Outward, Parcel, tiers
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import Delivery, DeliveryEvent, DeliveryState, EnvelopeId, advance
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import LinkState
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe


class Planner:
    """Without seals. ``meanwhile`` happens once, between a plan and its writing."""

    def __init__(self) -> None:
        self.meanwhile: Any = None

    def plan(self, delivery: Delivery, _: EnvelopeRecord, event: DeliveryEvent, cause: Cause) -> Move | None:
        step = advance(delivery, event)
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()
        return None if step is None else Move(step=step, cause=cause, acknowledgement=None)


@dataclass
class House:
    """The use case and its ledger."""

    ledger: Ledger
    outward: Outward
    planner: Planner = field(default_factory=Planner)

    def put(self, *, to: tuple[Any, ...] = (RECIPIENT,), **values: Any) -> EnvelopeId:
        (accepted,) = entered(self.ledger, acceptance(f"VB-{new_id()}", new_id().encode(), to=to, **values))
        return accepted.envelope.id

    def parcel(self, **values: Any) -> Parcel:
        parcel = self.outward.take(self.put(**values))
        assert parcel is not None
        return parcel

    def track(self, envelope_id: EnvelopeId) -> Any:
        with self.ledger.read() as view:
            return view.track(envelope_id)

    def later(self, outward: timedelta) -> Outward:
        return replace(self.outward, now=lambda: AT + outward)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate.upgrade(engine)
    ledger, planner = Ledger(engine), Planner()
    with ledger.begin() as book:
        book.change_directory()
        book.put_agency(Agency(code=RECIPIENT, name="Beyond", old_code="old", mode=DeliveryMode.UPLINK))
        book.put_agency(Agency(code=OTHER, name="Beyond too", mode=DeliveryMode.UPLINK))
    scribe = Scribe(ledger)
    with ledger.read() as view:
        directory = view.directory()
    outward = Outward(
        ledger=ledger,
        scribe=scribe,
        payloads=PayloadStore(tmp_path / "objects"),
        planner=planner,
        directory=lambda: directory,
        hub="national",
        carriers=frozenset({"uplink:national"}),
        now=lambda: AT,
        new_id=new_id,
        tiers=tiers(15),
    )
    yield House(ledger, outward, planner)
    scribe.close()
    ledger.close()


def test_what_came_from_the_hub_never_goes_back_up(house: House) -> None:
    envelope = house.put(system="uplink:national")
    assert house.outward.take(envelope) is None
    (one,) = house.track(envelope).deliveries
    assert one.delivery.state is DeliveryState.EXPIRED
    assert one.timeline[-1].reason.startswith("ADR-107")


def test_what_is_taken_counts_as_fetched_and_what_was_held_back_is_not_taken(house: House) -> None:
    parcel = house.parcel()
    (one,) = house.track(parcel.envelope.id).deliveries
    assert one.fetched_at == AT
    held = house.put(to=(RECIPIENT, OTHER))
    first, second = (one.delivery.id for one in house.track(held).deliveries)
    with house.ledger.begin() as book:
        move(book, first, DeliveryEvent.HELD_BACK)
    taken = house.outward.take(held)
    assert taken is not None
    assert [one.id for one in taken.deliveries] == [second]
    with house.ledger.begin() as book:
        move(book, second, DeliveryEvent.LIFETIME_ENDED)
    assert house.outward.take(held) is None


def test_the_hub_s_id_and_the_state_are_written_together_and_again(house: House) -> None:
    parcel = house.parcel(to=(RECIPIENT, OTHER))
    for _ in range(2):  # a crash before we knew repeats it
        house.outward.relayed(parcel, "theirs")
    track = house.track(parcel.envelope.id)
    assert [one.delivery.state for one in track.deliveries] == [DeliveryState.RELAYED] * 2
    assert [[(link.remote_id, link.state) for link in one.links] for one in track.deliveries] == [
        [("theirs", LinkState.OPEN)]
    ] * 2


def test_a_refusal_that_comes_after_another_process_s_success_ends_nothing(house: House) -> None:
    parcel = house.parcel(to=(RECIPIENT, OTHER))
    house.outward.relayed(parcel.without({OTHER}), "theirs")  # while we were asleep
    house.outward.given_up(parcel, reason="19 received before")
    states = [one.delivery.state for one in house.track(parcel.envelope.id).deliveries]
    assert states == [DeliveryState.RELAYED, DeliveryState.EXPIRED]


def test_who_moved_a_delivery_first_is_not_overruled(house: House) -> None:
    parcel = house.parcel()
    (one,) = parcel.deliveries

    def hand_over() -> None:
        with house.ledger.begin() as book:
            move(book, one.id, DeliveryEvent.HANDED_OVER)

    house.planner.meanwhile = hand_over
    house.outward.relayed(parcel, "theirs")
    (track,) = house.track(parcel.envelope.id).deliveries
    assert track.delivery.state is DeliveryState.DELIVERED
    assert [link.remote_id for link in track.links] == ["theirs"]


def test_a_status_is_delivered_when_the_hub_has_it(house: House) -> None:
    parcel = house.parcel(kind=EnvelopeKind.STATUS)
    house.outward.relayed(parcel, "theirs")
    (one,) = house.track(parcel.envelope.id).deliveries
    assert (one.delivery.state, one.links[0].state) == (DeliveryState.DELIVERED, LinkState.CLOSED)
    assert house.later(timedelta(days=1)).to_ask() == []


@pytest.mark.parametrize(
    ("said", "after", "state"),
    [
        ("delivered", 1, DeliveryState.DELIVERED),
        ("received", 1, DeliveryState.DELIVERED),  # how its people took it, their status says
        ("refused", 1, DeliveryState.DELIVERED),
        ("expired", 1, DeliveryState.EXPIRED),
        ("deferred", 9_999, DeliveryState.RELAYED),
        ("relayed", 9_999, DeliveryState.RELAYED),
        ("", 9_999, DeliveryState.RELAYED),
        ("nonsense", 9_999, DeliveryState.RELAYED),
        (FAIL, 59, DeliveryState.RELAYED),
        (FAIL, 60, DeliveryState.EXPIRED),
        ("recalled", 1, DeliveryState.RELAYED),
    ],
)
def test_what_the_hub_says_of_it_moves_it_as_far_as_it_is_final(
    house: House, said: str, after: int, state: DeliveryState
) -> None:
    parcel = house.parcel()
    house.outward.relayed(parcel, "theirs")
    assert house.outward.to_ask() == []
    later = house.later(timedelta(minutes=after))
    assert later.to_ask() == ["theirs"]
    later.answered("theirs", {"old": (said, "words")})
    assert later.to_ask() == [], "not at once again"
    (one,) = house.track(parcel.envelope.id).deliveries
    assert one.delivery.state is state
    assert one.links[0].state is (LinkState.OPEN if state is DeliveryState.RELAYED else LinkState.CLOSED)


def test_a_recall_is_believed_when_it_is_said_twice(house: House) -> None:
    parcel = house.parcel()
    house.outward.relayed(parcel, "theirs")
    for minutes in (1, 2):
        house.later(timedelta(minutes=minutes)).answered("theirs", {RECIPIENT: ("recalled", "")})
    (one,) = house.track(parcel.envelope.id).deliveries
    assert one.delivery.state is DeliveryState.RECALLED


def test_what_its_people_said_first_closes_the_link(house: House) -> None:
    parcel = house.parcel()
    house.outward.relayed(parcel, "theirs")
    with house.ledger.begin() as book:
        move(book, parcel.deliveries[0].id, DeliveryEvent.RETURNED)
    house.outward.answered("theirs", {RECIPIENT: ("delivered", "")})
    (one,) = house.track(parcel.envelope.id).deliveries
    assert (one.delivery.state, one.links[0].state) == (DeliveryState.REFUSED, LinkState.CLOSED)
