"""Every broker keeps the same promises."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from queues.broker import Broker, Disposition, Message, QueueError
from queues.embedded import EmbeddedBroker
from queues.rabbitmq import RabbitBroker, Tuning

QUEUE = "000.00.00.G22"
Maker = Callable[..., Broker]


def eventually(condition: Callable[[], object], *, seconds: float = 20) -> None:
    """Fail unless the condition comes true; it is looked at, not slept for."""
    never = threading.Event()
    for _ in range(int(seconds / 0.02)):
        if condition():
            return
        never.wait(0.02)
    pytest.fail(f"it did not come true in {seconds} s")


class Inbox:
    """A handler that keeps what it gets."""

    def __init__(self, answer: Callable[[Message], Disposition] = lambda _: Disposition.DONE) -> None:
        self.got: list[Message] = []
        self._answer = answer

    def __call__(self, message: Message) -> Disposition:
        self.got.append(message)
        return self._answer(message)

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.got]

    def await_count(self, number: int) -> None:
        eventually(lambda: len(self.got) >= number)


@pytest.fixture(params=["embedded", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def make_broker(request: pytest.FixtureRequest) -> Iterator[Maker]:
    """Makes brokers of one kind; all see the same queues if the kind can do that. Closed at the end."""
    made: list[Broker] = []
    url = request.getfixturevalue("rabbitmq_url") if request.param == "rabbitmq" else ""

    def make(*, queue_limit: int = 10_000, delivery_limit: int = 10) -> Broker:
        broker: Broker
        if url:
            tuning = Tuning(queue_limit=queue_limit, newborn_seconds=0)
            broker = RabbitBroker(url, delivery_limit=delivery_limit, tuning=tuning)
        else:
            broker = EmbeddedBroker(window=queue_limit, delivery_limit=delivery_limit)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def broker(make_broker: Maker) -> Broker:
    return make_broker()


def messages(number: int, *, queue: str = QUEUE, **more: Any) -> list[Message]:
    return [Message(id=f"D{i}.0", queue=queue, body=b"{}", **more) for i in range(number)]


def test_a_published_message_arrives_whole(broker: Broker) -> None:
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    sent = Message(id="D1.0", queue=QUEUE, body=bytes(range(256)) * 1000, headers={"agency": "Bộ Nội vụ"}, urgent=True)
    assert list(broker.publish([sent])) == [None]
    inbox.await_count(1)
    assert inbox.got == [sent]


@pytest.mark.parametrize("queue", ["*.#", "", "Ủy ban nhân dân/xã", "x" * 5000, "a b%20c", "amq.gen", "\x00", "\ud800"])
def test_any_text_names_a_queue(broker: Broker, queue: str) -> None:
    inbox, other = Inbox(), Inbox()
    broker.subscribe(queue, inbox)
    broker.subscribe(QUEUE, other)
    assert list(broker.publish(messages(1, queue=queue))) == [None]
    inbox.await_count(1)
    assert inbox.got == messages(1, queue=queue)
    assert other.got == []


def test_urgent_messages_starve_nobody(broker: Broker) -> None:
    """Whether they overtake is the broker's affair; that the others come through is a promise."""
    last: list[str] = []

    def answer(message: Message) -> Disposition:
        last.append(message.id)
        if message.urgent and "D0.0" not in last:
            broker.publish([Message(id=f"U{len(last)}.0", queue=QUEUE, body=b"{}", urgent=True)])
        return Disposition.DONE

    inbox = Inbox(answer)
    urgent = [Message(id=f"U-{n}.0", queue=QUEUE, body=b"{}", urgent=True) for n in range(3)]
    broker.publish([*urgent, *messages(1)])
    broker.subscribe(QUEUE, inbox)
    eventually(lambda: "D0.0" in inbox.ids)


def test_messages_of_one_queue_keep_their_order(broker: Broker) -> None:
    inbox = Inbox()
    broker.publish(messages(150))
    broker.subscribe(QUEUE, inbox)
    broker.publish([Message(id=f"later.{i}", queue=QUEUE, body=b"") for i in range(150)])
    inbox.await_count(300)
    assert inbox.ids == [f"D{i}.0" for i in range(150)] + [f"later.{i}" for i in range(150)]


def test_a_handler_sees_one_message_at_a_time(broker: Broker) -> None:
    at_work, most = [0], [0]

    def answer(_: Message) -> Disposition:
        at_work[0] += 1
        most[0] = max(most[0], at_work[0])
        threading.Event().wait(0.001)
        at_work[0] -= 1
        return Disposition.DONE

    inbox = Inbox(answer)
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(60))
    inbox.await_count(60)
    assert most == [1]


def test_a_busy_queue_does_not_hold_up_another(broker: Broker) -> None:
    release = threading.Event()

    def wait(_: Message) -> Disposition:
        release.wait(30)
        return Disposition.DONE

    quick = Inbox()
    broker.subscribe("slow", wait)
    broker.subscribe("quick", quick)
    broker.publish(messages(3, queue="slow"))
    broker.publish(messages(3, queue="quick"))
    try:
        quick.await_count(3)
    finally:
        release.set()


def test_a_message_sent_back_comes_again(broker: Broker) -> None:
    seen = count()
    inbox = Inbox(lambda _: Disposition.REDELIVER if next(seen) == 0 else Disposition.DONE)
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(1))
    inbox.await_count(2)
    assert inbox.got == messages(1) * 2


def test_a_handler_that_raises_gets_the_message_again(broker: Broker) -> None:
    seen = count()

    def answer(_: Message) -> Disposition:
        if next(seen) == 0:
            raise RuntimeError("a mistake in the handler")
        return Disposition.DONE

    inbox = Inbox(answer)
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(2))
    inbox.await_count(3)
    assert sorted(inbox.ids) == ["D0.0", "D0.0", "D1.0"]


def test_a_message_set_aside_waits_for_a_person_and_does_not_come_again(broker: Broker) -> None:
    inbox = Inbox(lambda m: Disposition.SET_ASIDE if m.id == "bad" else Disposition.DONE)
    broker.subscribe(QUEUE, inbox)
    assert broker.dead_letters() == 0
    broker.publish([Message(id=i, queue=QUEUE, body=b"") for i in ("bad", "good")])
    inbox.await_count(2)
    eventually(lambda: broker.dead_letters() == 1)
    assert inbox.ids == ["bad", "good"]


def test_a_message_sent_back_too_often_is_set_aside_and_not_dropped(make_broker: Maker) -> None:
    broker = make_broker(delivery_limit=2)
    inbox = Inbox(lambda _: Disposition.REDELIVER)
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(1))
    eventually(lambda: broker.dead_letters() == 1)
    assert inbox.ids == ["D0.0"] * 3


def test_every_message_of_a_full_window_is_confirmed(broker: Broker) -> None:
    queues = [f"A{i}" for i in range(20)]
    broker.declare(queues)
    window = [Message(id=str(i), queue=queues[i % 20], body=b"x" * 300) for i in range(500)]
    assert list(broker.publish(window)) == [None] * 500


def test_a_window_larger_than_the_brokers_own_is_confirmed_too(broker: Broker) -> None:
    assert list(broker.publish(messages(2_000))) == [None] * 2_000


def test_an_empty_window_is_no_trouble(broker: Broker) -> None:
    assert list(broker.publish([])) == []


def test_many_threads_may_publish_and_nothing_is_lost(broker: Broker) -> None:
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    faults: list[QueueError | None] = []

    def publish(who: int) -> None:
        for i in range(10):
            window = [Message(id=f"{who}.{i}.{j}", queue=QUEUE, body=b"") for j in range(20)]
            faults.extend(broker.publish(window))

    threads = [threading.Thread(target=publish, args=(who,)) for who in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    inbox.await_count(1_200)
    assert faults == [None] * 1_200
    assert len(set(inbox.ids)) == 1_200


def test_a_queue_that_nobody_declared_is_declared(broker: Broker) -> None:
    assert list(broker.publish(messages(1, queue="new"))) == [None]
    inbox = Inbox()
    broker.subscribe("new", inbox)
    inbox.await_count(1)


def test_declaring_twice_is_no_trouble(broker: Broker) -> None:
    broker.declare([QUEUE, QUEUE])
    broker.publish(messages(1))
    broker.declare([QUEUE])
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    inbox.await_count(1)


def test_a_full_queue_refuses_and_keeps_what_it_took(make_broker: Maker) -> None:
    broker = make_broker(queue_limit=5)
    taken = 0
    while taken < 100 and broker.publish([Message(id=str(taken), queue=QUEUE, body=b"")])[0] is None:
        taken += 1
    assert 5 <= taken < 100
    assert isinstance(broker.publish(messages(1))[0], QueueError)
    assert list(broker.publish(messages(1, queue="another"))) == [None]
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    inbox.await_count(taken)
    assert inbox.ids == [str(i) for i in range(taken)]


def test_a_queue_has_one_handler(broker: Broker) -> None:
    broker.subscribe(QUEUE, Inbox())
    with pytest.raises(ValueError, match="handler"):
        broker.subscribe(QUEUE, Inbox())


def test_a_handler_may_publish(broker: Broker) -> None:
    inbox = Inbox()

    def forward(message: Message) -> Disposition:
        answer = broker.publish([Message(id=message.id, queue="next", body=b"")])[0]
        return Disposition.DONE if answer is None else Disposition.REDELIVER

    broker.subscribe("next", inbox)
    broker.subscribe(QUEUE, forward)
    broker.publish(messages(20))
    inbox.await_count(20)
    assert sorted(inbox.ids) == sorted(f"D{i}.0" for i in range(20))


def test_a_broker_that_works_says_so(broker: Broker) -> None:
    broker.check()


def test_closing_lets_a_handler_finish_its_message_and_begins_no_other(make_broker: Maker) -> None:
    broker: Any = make_broker()
    begun, release, finished = threading.Event(), threading.Event(), threading.Event()

    def answer(_: Message) -> Disposition:
        begun.set()
        release.wait(30)
        finished.set()
        return Disposition.DONE

    inbox = Inbox(answer)
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(5))
    assert begun.wait(15)
    closing = threading.Thread(target=broker.close)
    closing.start()
    eventually(lambda: broker._lanes._closed)
    release.set()
    closing.join(30)
    assert finished.is_set()
    assert not closing.is_alive()
    assert inbox.ids == ["D0.0"]


def test_a_closed_broker_takes_nothing_and_leaves_no_thread(make_broker: Maker) -> None:
    before = set(threading.enumerate())
    broker = make_broker()
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(50))
    inbox.await_count(50)
    broker.close()
    broker.close()
    assert set(threading.enumerate()) <= before
    assert all(isinstance(answer, QueueError) for answer in broker.publish(messages(3)))
    with pytest.raises(QueueError):
        broker.check()
