"""The relay and what listens at its other end: nothing is struck, swallowed or believed that was not confirmed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from queues.broker import Confirmation, Handler, Message, QueueError, SilentError
from queues.embedded import EmbeddedBroker
from scripts.province import make_province
from tests.ledger_kit import AT, RECIPIENT, SENDER, one_delivery
from tests.trunk_room import open_room
from trunk.application.dispatch import Dispatch
from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.delivery import DeliveryState
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.workers.steps import Mailroom, relay_step


class Refusing(EmbeddedBroker):
    """Takes nothing, or does worse."""

    fault: Exception | None = None
    answer = QueueError("not taken")

    def publish(self, window: Sequence[Message], /) -> Sequence[Confirmation]:
        if self.fault is not None:
            raise self.fault
        return [self.answer] * len(window)


class Noting(EmbeddedBroker):
    """Takes everything."""

    def publish(self, window: Sequence[Message], /) -> Sequence[Confirmation]:
        self.queues = [message.queue for message in window]
        return [None] * len(window)


def relay(
    ledger: Ledger, scribe: Scribe, broker: EmbeddedBroker, *, mode: DeliveryMode = DeliveryMode.PULL
) -> Dispatch:
    clock = iter(AT + timedelta(minutes=2 * n) for n in range(1000))
    return Dispatch(
        ledger=ledger,
        scribe=scribe,
        broker=broker,
        directory=lambda: Directory([Agency(code=RECIPIENT, name="x", mode=mode)]),
        now=lambda: next(clock),
        owner="relay",
    )


def test_what_the_broker_did_not_take_stays_in_the_outbox(ledger: Ledger, scribe: Scribe) -> None:
    delivery = one_delivery(ledger)
    broker = Refusing()
    done = relay(ledger, scribe, broker).run_once()
    broker.close()
    assert (done.published, done.returned) == (0, 2)  # the document and its acknowledgement
    with ledger.read() as view:
        assert view.depth()["outbox"] == 2
        found = view.delivery(delivery.id)
    assert found is not None
    assert found.state is DeliveryState.QUEUED


def test_no_notice_is_sent_to_those_whom_another_hub_serves(ledger: Ledger, scribe: Scribe) -> None:
    """Nobody would read it, and their queues would fill up."""
    delivery = one_delivery(ledger)
    broker = Noting()
    assert not relay(ledger, scribe, broker, mode=DeliveryMode.UPLINK).run_once().idle
    broker.close()
    assert broker.queues == [SENDER], "its acknowledgement"
    with ledger.read() as view:
        assert view.depth()["outbox"] == 0
        found = view.delivery(delivery.id)
    assert found is not None
    assert found.state is DeliveryState.DISPATCHED


def test_a_broker_that_says_nothing_is_away_and_not_full(ledger: Ledger, scribe: Scribe) -> None:
    """So what it left unanswered is sent again as soon as it answers, and does not wait its minute for a full queue."""
    one_delivery(ledger)
    broker = Refusing()
    broker.answer = SilentError("in time")
    done = relay(ledger, scribe, broker).run_once()
    broker.close()
    assert (done.returned, done.held_up) == (2, True)


def test_what_fails_in_the_relay_is_seen(ledger: Ledger, scribe: Scribe) -> None:
    """By the loop, which shows it at /readyz and tries again; and the notices wait for their lease to run out."""
    one_delivery(ledger)
    broker = Refusing()
    broker.fault = ZeroDivisionError()
    step = relay_step(relay(ledger, scribe, broker))
    with pytest.raises(ZeroDivisionError):
        step()
    broker.close()
    with ledger.read() as view:
        assert view.depth()["outbox"] == 2


class Listening(EmbeddedBroker):
    """Keeps the handler, so that a test can hand it a message as a broker would."""

    def declare(self, queues: Iterable[str], /) -> None:
        self.declared = list(queues)

    def subscribe(self, queue: str, handle: Handler, /) -> None:
        self.handle = handle


def test_a_notice_that_nobody_of_us_wrote_rings_nobody() -> None:
    """And one that is true only rings: what is delivered is read from the ledger."""
    rung: list[str] = []
    broker, directory = Listening(), Directory([Agency(code=RECIPIENT, name="x")])
    Mailroom(broker=broker, directory=lambda: directory, ring=rung.append).step()
    forged = (b"{", b"[]", b'{"delivery_id": "other"}', b'{"delivery_id": ["D1"]}', b'"D1"')
    for body in forged:
        assert broker.handle(Message(id="D1.0", queue=RECIPIENT, body=body)).name == "SET_ASIDE"
    assert rung == []
    assert broker.handle(Message(id="D1.0", queue=RECIPIENT, body=b'{"delivery_id": "D1"}')).name == "DONE"
    assert rung == [RECIPIENT]
    broker.close()


def test_who_is_beyond_another_hub_has_no_queue() -> None:
    broker, agency = Listening(), Agency(code=RECIPIENT, name="x", mode=DeliveryMode.UPLINK)
    broker.declared = []
    Mailroom(broker=broker, directory=lambda: Directory([agency]), ring=lambda _: None).step()
    assert broker.declared == []
    broker.close()


def test_every_loop_that_a_promise_needs_is_run(tmp_path: Path) -> None:
    with open_room(make_province(tmp_path / "province")) as room:
        names = {loop.name for loop in room.service.process.loops}
    assert {"relay", "sweep", "mailroom", "dead-letters", "reconciler", "push"} <= names
