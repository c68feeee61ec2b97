"""An acknowledgement is sealed before the transaction of its fact, and is nothing without it."""

from __future__ import annotations

from concurrent.futures import Future
from pathlib import Path

from scripts.province import FIRST, make_province
from tests.ledger_kit import step
from tests.trunk_room import Room, caller, open_room
from trunk.application.handover import Taken
from trunk.domain.delivery import Delivery, DeliveryEvent
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.storage.book import Book
from trunk.storage.moving import Movement


def test_who_lost_the_race_acknowledges_nothing(tmp_path: Path) -> None:
    """Between the plan (with its sealed "delivered") and its transaction the delivery is recalled."""
    with open_room(make_province(tmp_path / "province")) as room:
        room.accepted(room.province.signed("1", recipients=(FIRST,)))
        (item,) = room.inbox(FIRST)
        handover = room.service.handover
        move = handover.scribe.move
        raced: list[Delivery] = []

        def recalled_first(movement: Movement) -> Future[bool]:
            if not raced:
                raced.append(item.delivery)
                handover.scribe.perform(lambda book: _recall(room, book, item.delivery)).result()
            return move(movement)

        vars(handover.scribe)["move"] = recalled_first
        answer = handover.confirm(caller(FIRST), item.delivery.id, Taken(item.envelope.sha256))
        assert raced
        assert isinstance(answer, Rejected)
        assert [flaw.code for flaw in answer.flaws] == [Code.RECALLED]
        assert room.facts() == ["accepted"]


def _recall(room: Room, book: Book, delivery: Delivery) -> bool:
    return book.write(step(delivery, DeliveryEvent.HELD_BACK), at=room.clock(), actor="test")
