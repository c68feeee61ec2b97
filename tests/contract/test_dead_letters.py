"""Dead letters as the service's own account sees them: looked at they stay, one is removed and no other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from queues.broker import Broker, Disposition, Message, QueueError
from queues.embedded import EmbeddedBroker
from queues.rabbitmq import DeadLetterBox, RabbitBroker, Tuning
from tests.contract.test_broker import QUEUE, Inbox, eventually
from trunk.application.dead_letters import Letters
from trunk.bootstrap.control import KeptLetters

QUICK = Tuning(connect_timeout_seconds=5, pause_most_seconds=0.5)


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def parts(request: pytest.FixtureRequest) -> Iterator[tuple[Broker, Letters]]:
    if request.param == "embedded":
        embedded = EmbeddedBroker()
        yield embedded, KeptLetters(embedded)
        embedded.close()
        return
    url = request.getfixturevalue("rabbitmq_url")
    rabbit = RabbitBroker(url, tuning=QUICK)
    yield rabbit, DeadLetterBox(url, QUICK)
    rabbit.close()


def test_looked_at_they_stay_and_one_is_removed_and_no_other(parts: tuple[Broker, Letters]) -> None:
    broker, letters = parts
    broker.subscribe(QUEUE, Inbox(lambda _: Disposition.SET_ASIDE))
    broker.publish([Message(id=name, queue=QUEUE, body=name.encode()) for name in ("a", "b", "c")])
    eventually(lambda: broker.dead_letters() == 3, seconds=60)
    for _ in range(3):
        assert [(one.id, one.body, one.queue) for one in letters.dead_letters(10)] == [
            (name, name.encode(), QUEUE) for name in ("a", "b", "c")
        ]
    assert len(letters.dead_letters(2)) == 2
    assert letters.settle(lambda one: one.id == "b", 10) == 1
    assert letters.settle(lambda one: one.id == "b", 10) == 0
    assert {one.id for one in letters.dead_letters(10)} == {"a", "c"}
    eventually(lambda: broker.dead_letters() == 2, seconds=60)


def test_a_broker_that_is_away_is_said_so() -> None:
    with pytest.raises(QueueError):
        DeadLetterBox("amqp://127.0.0.1:1/none", QUICK).dead_letters(1)
