"""Alarms and losses under the whole road: the outbox keeps what RabbitMQ does not take, and empties by itself."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pika
import pytest

from queues import names
from queues.broker import Message
from queues.rabbitmq import RabbitBroker, Tuning
from queues.rabbitmq.topology import DELIVERIES
from scripts.private_rabbitmq import RabbitServer
from tests.contract.test_broker import eventually
from tests.ledger_kit import AT, RECIPIENT, acceptance, entered
from trunk.application.dispatch import Dispatch
from trunk.application.notices import delivery_of
from trunk.domain.agency import Agency, Directory
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.workers.steps import Mailroom, dead_letter_step

QUEUE = names.encode(RECIPIENT)


@pytest.fixture
def broker(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    tuning = Tuning(connect_timeout_seconds=5, pause_most_seconds=0.5, newborn_seconds=0)
    broker = RabbitBroker(rabbitmq_url, confirm_timeout_seconds=2, tuning=tuning)
    yield broker
    broker.close()


@pytest.fixture
def node(rabbitmq_server: RabbitServer) -> Iterator[RabbitServer]:
    yield rabbitmq_server
    rabbitmq_server.start()
    rabbitmq_server.ctl("set_disk_free_limit", "50MB")
    rabbitmq_server.ctl("set_vm_memory_high_watermark", "absolute", "1GB")


@pytest.fixture(params=["sqlite"], autouse=True)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "ledger.db")
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def dispatch(ledger: Ledger, scribe: Scribe, broker: RabbitBroker) -> Dispatch:
    clock = iter(AT + timedelta(minutes=2 * i) for i in range(100_000))
    return Dispatch(
        ledger=ledger,
        scribe=scribe,
        broker=broker,
        directory=lambda: Directory(()),
        now=lambda: next(clock),
        owner="relay",
    )


ALARMS = {
    "memory": ("set_vm_memory_high_watermark", "0.0000001"),
    "disk": ("set_disk_free_limit", "100000GB"),
}
CALM = {"memory": ("set_vm_memory_high_watermark", "absolute", "1GB"), "disk": ("set_disk_free_limit", "50MB")}


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_stops_publishing_and_the_outbox_takes_the_rest(
    dispatch: Dispatch, ledger: Ledger, broker: RabbitBroker, node: RabbitServer, alarm: str
) -> None:
    broker.declare([RECIPIENT])
    node.ctl(*ALARMS[alarm])
    entered(ledger, *(acceptance(f"VB-{i}") for i in range(30)))
    total = waiting(ledger)
    first = dispatch.run_once()
    assert (first.published, first.returned) == (0, total)
    assert first.held_up
    assert waiting(ledger) == total
    node.ctl(*CALM[alarm])
    eventually(lambda: dispatch.run_once().idle and waiting(ledger) == 0)


def test_a_stopped_node_and_a_deleted_queue_are_survived_by_the_relay(
    dispatch: Dispatch, ledger: Ledger, broker: RabbitBroker, node: RabbitServer, rabbitmq_url: str
) -> None:
    entered(ledger, acceptance("VB-1"))
    eventually(lambda: dispatch.run_once().idle and waiting(ledger) == 0)
    node.ctl("delete_queue", "-p", urlsplit(rabbitmq_url).path.removeprefix("/"), QUEUE)
    entered(ledger, acceptance("VB-2"))
    eventually(lambda: dispatch.run_once().idle and waiting(ledger) == 0)
    node.stop()
    entered(ledger, acceptance("VB-3"))
    assert dispatch.run_once().held_up
    node.start()
    eventually(lambda: dispatch.run_once().idle and waiting(ledger) == 0, seconds=60)


def test_a_frozen_node_holds_up_the_relay_for_its_time_and_loses_nothing(
    dispatch: Dispatch, ledger: Ledger, broker: RabbitBroker, node: RabbitServer
) -> None:
    broker.declare([RECIPIENT])
    entered(ledger, *(acceptance(f"VB-{i}") for i in range(5)))
    total = waiting(ledger)
    os.kill(node.pid, signal.SIGSTOP)
    try:
        first = dispatch.run_once()
        assert (first.published, first.returned, first.held_up) == (0, total, True)
        assert waiting(ledger) == total
    finally:
        os.kill(node.pid, signal.SIGCONT)
    eventually(lambda: dispatch.run_once().idle and waiting(ledger) == 0, seconds=60)


def test_forged_notices_are_set_aside_and_told_and_true_ones_ring(
    broker: RabbitBroker, rabbitmq_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rung: list[str] = []
    directory = Directory([Agency(code=RECIPIENT, name="x")])
    mailroom = Mailroom(broker=broker, directory=lambda: directory, ring=rung.append)
    mailroom.step()
    watch = dead_letter_step(broker)
    watch()
    forged = [b"", b"[]", b"{", b'{"delivery_id": 1}', b'{"delivery_id": "other"}', b"[" * 100_000]
    with pika.BlockingConnection(pika.URLParameters(rabbitmq_url)) as connection:
        for body in forged:
            properties = pika.BasicProperties(message_id="D1.0")
            connection.channel().basic_publish(DELIVERIES, QUEUE, body, properties)
    assert broker.publish([Message(id="D1.0", queue=RECIPIENT, body=b'{"delivery_id": "D1"}')])[0] is None
    eventually(lambda: broker.dead_letters() == len(forged))
    eventually(lambda: rung == [RECIPIENT])
    watch()
    said = capsys.readouterr().out
    assert said.count("notice_forged") == len(forged)
    assert "dead_letters_waiting" in said


def test_a_notice_names_its_delivery_only_when_its_id_does() -> None:
    assert delivery_of("D1.0", b'{"delivery_id": "D1"}') == "D1"
    for message_id, body in (("D2.0", b'{"delivery_id": "D1"}'), ("D1", b'{"delivery_id": "D1"}'), ("", b"{}")):
        assert delivery_of(message_id, body) is None


def waiting(ledger: Ledger) -> int:
    """How many notices the outbox holds."""
    with ledger.read() as view:
        return view.depth()["outbox"]
