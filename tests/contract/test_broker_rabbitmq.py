"""What RabbitMQ adds to the promises: it keeps what it confirmed, and its troubles are delays of bounded length."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from queues import names
from queues.broker import Disposition, FullError, Message, QueueError
from queues.rabbitmq import RabbitBroker, Tuning
from queues.rabbitmq.topology import DELIVERIES
from scripts.private_rabbitmq import RabbitServer
from tests.contract.test_broker import QUEUE, Inbox, eventually, messages

Maker = Callable[..., RabbitBroker]
QUICK = Tuning(connect_timeout_seconds=5, pause_most_seconds=0.5)


@pytest.fixture
def make_broker() -> Iterator[Maker]:
    made: list[RabbitBroker] = []

    def make(url: str, *, confirm_timeout_seconds: float = 30, window_octets: int = 8 << 20) -> RabbitBroker:
        broker = RabbitBroker(
            url, confirm_timeout_seconds=confirm_timeout_seconds, window_octets=window_octets, tuning=QUICK
        )
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.close()


@pytest.fixture
def broker(make_broker: Maker, rabbitmq_url: str) -> RabbitBroker:
    return make_broker(rabbitmq_url)


@pytest.fixture
def node(rabbitmq_server: RabbitServer) -> Iterator[RabbitServer]:
    """The node, for tests that do something to it; running and unblocked again afterwards."""
    yield rabbitmq_server
    rabbitmq_server.start()
    rabbitmq_server.ctl("set_vm_memory_high_watermark", "absolute", "1GB")


def vhost(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


def accepted(broker: RabbitBroker, message: Message) -> bool:
    return broker.publish([message])[0] is None


def all_refused(answers: object) -> bool:
    return isinstance(answers, list) and all(isinstance(answer, QueueError) for answer in answers)


def test_what_was_confirmed_survives_the_brokers_sigkill(
    make_broker: Maker, rabbitmq_url: str, node: RabbitServer
) -> None:
    broker = make_broker(rabbitmq_url)
    confirmed: set[str] = set()
    unresolved: set[str] = set()
    enough = threading.Event()

    def publish_until_it_breaks() -> None:
        for number in range(10_000):
            window = [Message(id=f"{number}.{i}", queue=f"A{i % 5}", body=b"x" * 300) for i in range(500)]
            for message, fault in zip(window, broker.publish(window), strict=True):
                (unresolved if fault else confirmed).add(message.id)
            if len(confirmed) >= 3_000:
                enough.set()
            if unresolved:
                return

    publishing = threading.Thread(target=publish_until_it_breaks)
    publishing.start()
    assert enough.wait(60)
    node.kill()
    publishing.join(60)
    assert not publishing.is_alive()
    assert unresolved
    node.start()
    inbox = Inbox()
    for number in range(5):
        broker.subscribe(f"A{number}", inbox)
    eventually(lambda: confirmed <= set(inbox.ids), seconds=60)


def test_a_killed_broker_gives_errors_and_recovers_without_a_new_object(
    make_broker: Maker, rabbitmq_url: str, node: RabbitServer
) -> None:
    broker = make_broker(rabbitmq_url, confirm_timeout_seconds=5)
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(1))
    inbox.await_count(1)
    node.kill()
    began = time.monotonic()
    assert all_refused(broker.publish(messages(20)))
    assert time.monotonic() - began < 6
    with pytest.raises(QueueError):
        broker.check()
    with pytest.raises(QueueError):
        broker.declare(["another"])
    node.start()
    eventually(lambda: accepted(broker, Message(id="after", queue=QUEUE, body=b"")))
    eventually(lambda: "after" in inbox.ids)  # the subscription came back too
    broker.check()


def test_an_orderly_restart_of_the_broker_is_survived_too(
    make_broker: Maker, rabbitmq_url: str, node: RabbitServer
) -> None:
    broker = make_broker(rabbitmq_url)
    broker.publish(messages(10))
    node.stop()
    node.start()
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    inbox.await_count(10)
    assert inbox.got[:10] == messages(10)


@pytest.mark.parametrize("mute", [False, True], ids=["nobody listens", "nobody answers"])
def test_an_unreachable_broker_gives_errors_in_time(make_broker: Maker, *, mute: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=8) as server:
        port = server.getsockname()[1]
        if not mute:
            server.close()
        broker = make_broker(f"amqp://127.0.0.1:{port}/", confirm_timeout_seconds=3)
        began = time.monotonic()
        assert all_refused(broker.publish(messages(5)))
        with pytest.raises(QueueError):
            broker.check()
        with pytest.raises(QueueError):
            broker.dead_letters()
        broker.subscribe(QUEUE, Inbox())  # registered, for the time when it is back
        broker.close()
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("mute", [False, True], ids=["nobody listens", "nobody answers"])
def test_closing_in_the_middle_of_dialling_leaves_no_socket_and_no_thread(*, mute: bool) -> None:
    before = set(threading.enumerate())
    hurry = Tuning(connect_timeout_seconds=0.05, pause_least_seconds=0.001, pause_most_seconds=0.002)
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        port = server.getsockname()[1] if mute else 9
        for number in range(20):
            broker = RabbitBroker(f"amqp://127.0.0.1:{port}/", tuning=hurry)
            broker.subscribe(QUEUE, Inbox())
            threading.Event().wait(number * 0.0007)
            broker.close()
    assert set(threading.enumerate()) <= before
    gc.collect()  # a socket that was left open would complain, and complaints are failures


def test_a_url_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"."):
        RabbitBroker("http://example.org/")


def test_a_memory_alarm_gives_errors_in_bounded_time_and_memory(
    make_broker: Maker, rabbitmq_url: str, node: RabbitServer
) -> None:
    broker = make_broker(rabbitmq_url, confirm_timeout_seconds=1, window_octets=1 << 20)
    broker.declare([QUEUE])
    node.ctl("set_vm_memory_high_watermark", "0.0000001")
    window = [Message(id=f"D{i}.0", queue=QUEUE, body=bytes(20_000)) for i in range(400)]
    before = _resident_octets()
    for _ in range(8):  # 64 MB in all
        began = time.monotonic()
        assert all_refused(broker.publish(window))
        assert time.monotonic() - began < 3
    assert _resident_octets() - before < 24_000_000
    node.ctl("set_vm_memory_high_watermark", "absolute", "1GB")
    eventually(lambda: accepted(broker, Message(id="after", queue=QUEUE, body=b"")))


def test_a_blocked_broker_is_seen_by_the_check_and_still_delivers(
    make_broker: Maker, rabbitmq_url: str, node: RabbitServer
) -> None:
    broker = make_broker(rabbitmq_url, confirm_timeout_seconds=3)
    release = threading.Event()

    def wait(_: Message) -> Disposition:
        release.wait(30)
        return Disposition.DONE

    inbox = Inbox(wait)
    broker.subscribe(QUEUE, inbox)
    assert list(broker.publish(messages(30))) == [None] * 30
    node.ctl("set_vm_memory_high_watermark", "0.0000001")
    blocked = threading.Thread(target=broker.publish, args=(messages(1, queue="A0"),))
    blocked.start()
    eventually(lambda: _refuses(broker))
    release.set()
    inbox.await_count(30)  # more than one prefetch: acknowledgements pass, on the other connection
    blocked.join(20)
    assert not blocked.is_alive()


def test_a_deleted_queue_is_missed_and_made_again(broker: RabbitBroker, rabbitmq_url: str, node: RabbitServer) -> None:
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(1))
    inbox.await_count(1)
    broker.publish(messages(1, queue="unread"))
    for queue in (QUEUE, "unread"):
        node.ctl("delete_queue", "-p", vhost(rabbitmq_url), names.encode(queue))
    answers = broker.publish([*messages(1, queue="unread"), *messages(1, queue="other")])
    assert isinstance(answers[0], QueueError)  # returned by the broker, which confirms it all the same
    assert answers[1] is None
    assert accepted(broker, Message(id="again", queue="unread", body=b""))
    eventually(lambda: accepted(broker, Message(id="again", queue=QUEUE, body=b"")))
    eventually(lambda: "again" in inbox.ids)


def test_messages_that_nobody_of_us_has_published_are_set_aside(broker: RabbitBroker, rabbitmq_url: str) -> None:
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    broker.publish(messages(1))
    forged = pika.BasicProperties(headers={"a": 1, "b": b"\xff"}, priority=3)
    numbered = pika.BasicProperties(message_id="numbered", headers={"a": 1, "b": "kept"})
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        channel = connection.channel()
        for properties in (forged, numbered):
            channel.basic_publish(DELIVERIES, names.encode(QUEUE), b"", properties)
    inbox.await_count(2)
    eventually(lambda: broker.dead_letters() == 1)
    assert inbox.got[1] == Message(id="numbered", queue=QUEUE, body=b"", headers={"b": "kept"})


@pytest.mark.parametrize(
    "bad",
    [
        Message(id="x" * 256, queue=QUEUE, body=b""),
        Message(id="\ud800", queue=QUEUE, body=b""),
        Message(id="D1.0", queue=QUEUE, body=b"", headers={"k" * 256: "v"}),
        Message(id="D1.0", queue=QUEUE, body=b"", headers={"k": "v" * 100_000}),
        Message(id="D1.0", queue=QUEUE, body=bytes(9 << 20)),
    ],
    ids=["long id", "no text", "long header name", "large headers", "large body"],
)
def test_a_message_that_amqp_cannot_carry_spoils_no_other(broker: RabbitBroker, bad: Message) -> None:
    good = messages(2)
    answers = broker.publish([good[0], bad, good[1]])
    assert [type(answer) for answer in answers] == [type(None), FullError, type(None)]


def test_a_queue_made_with_other_limits_is_used_as_it_is(rabbitmq_url: str, make_broker: Maker) -> None:
    make_broker(rabbitmq_url).declare([QUEUE])
    other = RabbitBroker(rabbitmq_url, delivery_limit=3)
    try:
        assert list(other.publish(messages(2))) == [None, None]
    finally:
        other.close()


def test_what_a_closed_consumer_had_not_handled_waits_for_the_next(rabbitmq_url: str, make_broker: Maker) -> None:
    first = make_broker(rabbitmq_url)
    first.publish(messages(40))
    some = Inbox()
    first.subscribe(QUEUE, some)
    some.await_count(3)
    first.close()
    rest = Inbox()
    make_broker(rabbitmq_url).subscribe(QUEUE, rest)
    eventually(lambda: set(some.ids) | set(rest.ids) == {f"D{i}.0" for i in range(40)})
    assert not set(some.ids) & set(rest.ids)  # an orderly end settles what it handled


def _refuses(broker: RabbitBroker) -> bool:
    try:
        broker.check()
    except QueueError as error:
        return "short of memory" in str(error)
    return False


def _resident_octets() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096
