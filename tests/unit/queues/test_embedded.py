"""What the embedded broker does beyond the contract of all brokers (tests/contract/test_broker.py)."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from queues.broker import Disposition, Message
from queues.embedded import EmbeddedBroker


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    made = EmbeddedBroker()
    yield made
    made.close()


def test_it_says_that_it_forgets() -> None:
    assert EmbeddedBroker.durable is False


def test_urgent_messages_overtake(broker: EmbeddedBroker) -> None:
    seen: list[str] = []
    done = threading.Semaphore(0)

    def handle(message: Message) -> Disposition:
        seen.append(message.id)
        done.release()
        return Disposition.DONE

    broker.publish([Message(id=str(i), queue="q", body=b"", urgent=i >= 2) for i in range(4)])
    broker.subscribe("q", handle)
    assert all(done.acquire(timeout=10) for _ in range(4))
    assert seen == ["2", "3", "0", "1"]


def test_urgent_messages_starve_nobody(broker: EmbeddedBroker) -> None:
    seen: list[str] = []
    done = threading.Semaphore(0)

    def handle(message: Message) -> Disposition:
        seen.append(message.id)
        if message.urgent and len(seen) < 50:  # another urgent one for each
            broker.publish([Message(id=f"u{len(seen)}", queue="q", body=b"", urgent=True)])
        done.release()
        return Disposition.DONE

    plain = [Message(id=f"p{n}", queue="q", body=b"") for n in range(3)]
    urgent = [Message(id=f"u-{n}", queue="q", body=b"", urgent=True) for n in range(5)]
    broker.publish([*plain, *urgent])
    broker.subscribe("q", handle)
    assert all(done.acquire(timeout=10) for _ in range(40))
    assert [seen.index(message.id) for message in plain] == [4, 9, 14]


def test_dead_letters_are_kept_to_look_at_within_bounds(broker: EmbeddedBroker) -> None:
    done = threading.Semaphore(0)

    def handle(_: Message) -> Disposition:
        done.release()
        return Disposition.SET_ASIDE

    broker.subscribe("q", handle)
    broker.publish([Message(id=str(i), queue="q", body=b"") for i in range(1_200)])
    assert all(done.acquire(timeout=10) for _ in range(1_200))
    broker.close()
    assert broker.dead_letters() == 1_200
    assert [message.id for message in broker.kept_dead_letters()] == [str(i) for i in range(200, 1_200)]


def test_thousands_of_subscriptions_start_no_thread(broker: EmbeddedBroker) -> None:
    before = threading.active_count()
    for number in range(3_000):
        broker.subscribe(f"A{number}", lambda _: Disposition.DONE)
    assert threading.active_count() == before
