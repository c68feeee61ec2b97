"""Recipients can tell a replay from a repetition of the road, through every door, and deployed clients read on."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from tests.ledger_kit import AT, lease, move, one_delivery
from tests.unit.http.fakes import House, delivery, envelope
from tests.unit.http.operators_room import open_operators_room
from tests.unit.http.serving import Client
from trunk.application.dispatch import _notice
from trunk.application.replay import Order, Replay, Replayed
from trunk.domain.delivery import Delivery, DeliveryEvent
from trunk.domain.tracking import InboxItem
from trunk.http.lgsp import receiving as lgsp
from trunk.http.vxp import receiving as vxp
from trunk.storage.outbox import OutboxEntry

ROAD = delivery()
REPLAYED = dataclasses.replace(ROAD, replayed_at=AT, version=3)


def item(one: Delivery) -> InboxItem:
    return InboxItem(delivery=one, envelope=envelope(), position=4)


@pytest.mark.parametrize(("one", "told"), [(ROAD, None), (REPLAYED, {"at": "2026-11-22T15:30:00.000+07:00"})])
def test_the_inbox_says_so(house: House, recipient: Client, one: Delivery, told: object) -> None:
    house.handover.items = [item(one)]
    (shown,) = recipient.get("/api/v1/inbox").json["items"]
    assert shown["replayed"] == told


@pytest.mark.parametrize(("one", "told"), [(ROAD, None), (REPLAYED, "2026-11-22T08:30:00.000+00:00")])
def test_the_notice_says_so(one: Delivery, told: str | None) -> None:
    entry = OutboxEntry(
        id=1, delivery=one, message_id="D1.0", kind=envelope().kind, envelope_sha256="", envelope_size=0
    )
    assert orjson.loads(_notice(entry).body)["replayed_at"] == told


@pytest.mark.parametrize("door", [vxp, lgsp])
def test_deployed_clients_get_the_fields_they_know_with_other_words(door: object) -> None:
    road, replayed = door._item(item(ROAD)), door._item(item(REPLAYED))
    assert set(road) == set(replayed)
    assert {name for name in road if road[name] != replayed[name]} == {
        *({"status_desc", "updated_time"} if door is vxp else {"statusDesc", "updatedTime"})
    }
    assert road["status"] == replayed["status"] == "initial"


def test_only_a_replay_says_so(tmp_path: Path) -> None:
    ledger = open_operators_room(tmp_path).ledger
    one = one_delivery(ledger)
    with ledger.begin() as book:
        lease(book)
        moved = move(book, one.id, DeliveryEvent.ATTEMPT_FAILED, DeliveryEvent.FELL_DUE, DeliveryEvent.PUBLISHED)
        forgotten = move(book, one.id, DeliveryEvent.BROKER_FORGOT, DeliveryEvent.PUBLISHED)
    assert (moved.replayed_at, forgotten.replayed_at) == (None, None)
    for days in (1, 2):
        now = AT + timedelta(days=days)
        replay = Replay(ledger=ledger, now=lambda at=now: at, lifetime=timedelta(days=7))
        done = replay.one(one.id, Order(operator="an", reason="x"))
        assert isinstance(done, Replayed)
        assert done.delivery.replayed_at == now
        with ledger.begin() as book:
            again = move(book, one.id, DeliveryEvent.PUBLISHED, DeliveryEvent.BROKER_FORGOT, DeliveryEvent.PUBLISHED)
        assert again.replayed_at == now
