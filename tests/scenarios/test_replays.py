"""Replays, through the whole trunk and on both databases: no fact is acknowledged twice, whoever is faster."""

from __future__ import annotations

import hashlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from scripts.province import make_province
from tests.trunk_room import FIRST, SENDER, Room, caller, open_room
from trunk.application.handover import Confirmed, Content, Failed, Taken
from trunk.application.replay import Order, Replay, Replayed
from trunk.domain.delivery import Delivery
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import DeliveryTrack

ORDER = Order(operator="operator/binh", reason="their disk was full")
ROUNDS = 4


@pytest.fixture(params=["sqlite", "postgresql"])
def room(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    url = "" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with open_room(make_province(tmp_path_factory.mktemp("province"), database_url=url)) as room:
        yield room


def sent(room: Room, number: str) -> Delivery:
    return room.accepted(room.province.signed(number, recipients=(FIRST,))).accepted.deliveries[0]


def replay(room: Room, delivery: Delivery) -> Replayed | Rejected:
    replay = Replay(ledger=room.service.ledger, now=room.clock, lifetime=timedelta(days=7))
    return replay.one(delivery.id, ORDER)


def taken(room: Room, delivery: Delivery) -> None:
    content = room.service.handover.fetch(caller(FIRST), delivery.id)
    assert isinstance(content, Content)
    octets = content.octets if isinstance(content.octets, bytes) else content.octets.read_bytes()
    word = Taken(hashlib.sha256(octets).hexdigest())
    assert isinstance(room.service.handover.confirm(caller(FIRST), delivery.id, word), Confirmed)


def failed(room: Room, delivery: Delivery) -> None:
    assert isinstance(room.service.handover.confirm(caller(FIRST), delivery.id, Failed("no room")), Confirmed)


def dispatched(room: Room, _: Delivery) -> None:
    room.service.dispatch.run_once()


def outlived(room: Room, _: Delivery) -> None:
    room.clock.pass_by(timedelta(days=30))
    room.service.sweep.run_once()


def expired(room: Room, delivery: Delivery) -> None:
    """It alone: what is made afterwards is made in the present, in which its signature can be verified."""
    outlived(room, delivery)
    room.clock.pass_by(-timedelta(days=30))


def says(code: str) -> Callable[[Room, Delivery], None]:
    def say(room: Room, delivery: Delivery) -> None:
        taken(room, delivery)
        room.accepted(room.province.status(NUMBERS[f"says {code}"], code, reporter=FIRST, description="vì"), by=FIRST)

    return say


def recalled(room: Room, _: Delivery) -> None:
    recall = room.province.status(NUMBERS["recalled"], "13", reporter=SENDER, sender=SENDER, description="nhầm")
    room.accepted(recall, by=SENDER)


# Time passes for everybody, so what expires comes first.
STORIES: dict[str, tuple[Callable[[Room, Delivery], None], list[str]]] = {
    "expired": (expired, ["accepted", "delivered", "undeliverable"]),
    "deferred": (failed, ["accepted", "delivered"]),
    "dispatched": (dispatched, ["accepted", "delivered"]),
    "delivered": (taken, ["accepted", "delivered"]),
    "says 03": (says("03"), ["accepted", "delivered", "received"]),
    "says 02": (says("02"), ["accepted", "delivered", "refused"]),
    "recalled": (recalled, ["accepted", "recalled"]),
}
NUMBERS = {name: str(number) for number, name in enumerate(STORIES, 1)}
SETTLED = {"says 03": "received", "says 02": "refused", "recalled": "recalled"}


def told(room: Room) -> Counter[tuple[str, str]]:
    """What the trunk has told the sender: by the envelope and the fact."""
    facts = [item.envelope for item in room.inbox(SENDER) if item.envelope.kind == "acknowledgement"]
    return Counter((str(one.about), str(one.acknowledges)) for one in facts)


def track(room: Room, delivery: Delivery) -> DeliveryTrack:
    found = room.service.tracking.track(delivery.envelope_id)
    assert found is not None
    return found.deliveries[0]


def test_whatever_is_replayed_each_fact_is_acknowledged_once(room: Room) -> None:
    made: dict[str, Delivery] = {}
    for name, (story, _) in STORIES.items():
        made[name] = sent(room, NUMBERS[name])
        story(room, made[name])
    for _ in range(2):
        for name, delivery in made.items():
            done = replay(room, delivery)
            if name in SETTLED:
                assert isinstance(done, Rejected)
                assert (done.code, done.flaws[0].got) == (Code.ALREADY_SETTLED, SETTLED[name])
                continue
            assert isinstance(done, Replayed)
            assert done.outcome == "queued"
            assert track(room, delivery).delivery.replayed_at == room.clock()
            again = replay(room, delivery)
            assert isinstance(again, Replayed)
            assert again.outcome == "already_queued"
            dispatched(room, delivery)
            taken(room, delivery)
            taken(room, delivery)
            replay(room, delivery)
        outlived(room, made["expired"])
    counted = told(room)
    assert set(counted.values()) == {1}
    for name, delivery in made.items():
        facts = sorted(fact for about, fact in counted if about == delivery.envelope_id)
        assert facts == STORIES[name][1], name


def test_what_expires_after_a_replay_is_told_once(room: Room) -> None:
    delivery = sent(room, "1")
    for _ in range(3):
        outlived(room, delivery)
        assert track(room, delivery).delivery.state == "expired"
        assert isinstance(replay(room, delivery), Replayed)
    assert sorted(fact for _, fact in told(room).elements()) == ["accepted", "undeliverable"]


def test_a_replay_while_the_agency_confirms_owes_one_fact(room: Room) -> None:
    for number in range(ROUNDS):
        delivery = sent(room, str(number))
        together(lambda d=delivery: taken(room, d), lambda d=delivery: replay(room, d))
        taken(room, delivery)
    assert set(told(room).values()) == {1}
    assert sum(fact == "delivered" for _, fact in told(room).elements()) == ROUNDS


def test_two_replays_at_once_put_it_back_once(room: Room) -> None:
    for number in range(ROUNDS):
        delivery = sent(room, str(number))
        taken(room, delivery)
        done = together(*[lambda d=delivery: replay(room, d)] * 2)
        assert sorted(one.outcome for one in done) == ["already_queued", "queued"]
        lines = [event for event in track(room, delivery).timeline if event.event == "replay_ordered"]
        assert [(line.actor, line.reason) for line in lines] == [(ORDER.operator, ORDER.reason)]
    assert set(told(room).values()) == {1}


def together(*works: Callable[[], object]) -> list:
    """All of them at once; what each gave."""
    gate = threading.Barrier(len(works))

    def start(work: Callable[[], object]) -> object:
        gate.wait(60)
        return work()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(start, works))
