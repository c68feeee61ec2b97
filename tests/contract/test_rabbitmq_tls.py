"""TLS to RabbitMQ: only a broker that proves its name by the authority we named gets our password."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from ssl import SSLContext

import pytest

from queues.broker import Message, QueueError
from queues.rabbitmq import RabbitBroker, Tuning, verifying
from tests.contract.test_broker import QUEUE, Inbox
from tests.estate_kit import SERVICE, Grounds

Maker = Callable[..., RabbitBroker]


@pytest.fixture
def make_broker(grounds: Grounds) -> Iterator[Maker]:
    grounds.tool().apply()
    made: list[RabbitBroker] = []

    def make(tls: SSLContext | None, *, host: str = "127.0.0.1", port: int = 0, query: str = "") -> RabbitBroker:
        url = grounds.url(SERVICE, grounds.password_file.read_text().strip())
        url = url.replace("@127.0.0.1", f"@{host}")
        if port:
            url = url.replace(f":{grounds.server.tls_port}/", f":{port}/")
        tuning = Tuning(tls=tls, connect_timeout_seconds=5, pause_most_seconds=0.5)
        made.append(RabbitBroker(url + query, confirm_timeout_seconds=5, tuning=tuning))
        return made[-1]

    yield make
    for broker in made:
        broker.close()


def refused(broker: RabbitBroker) -> bool:
    try:
        broker.check()
    except QueueError:
        return isinstance(broker.publish([Message(id="1", queue=QUEUE, body=b"")])[0], QueueError)
    return False


def test_messages_pass_over_tls_both_ways(grounds: Grounds, make_broker: Maker) -> None:
    broker = make_broker(verifying(grounds.tls.authority))
    assert (
        list(broker.publish([Message(id=str(i), queue=QUEUE, body=bytes(1_000)) for i in range(300)])) == [None] * 300
    )
    inbox = Inbox()
    broker.subscribe(QUEUE, inbox)
    inbox.await_count(300)


def test_a_broker_of_another_authority_is_refused(make_broker: Maker) -> None:
    assert refused(make_broker(verifying()))
    assert refused(make_broker(None))  # amqps without a word about authorities: those of the system


def test_a_broker_of_another_name_is_refused(grounds: Grounds, make_broker: Maker) -> None:
    assert refused(make_broker(verifying(grounds.tls.authority), host="localhost"))


def test_a_port_that_speaks_no_tls_gets_nothing(grounds: Grounds, make_broker: Maker) -> None:
    assert refused(make_broker(verifying(grounds.tls.authority), port=grounds.server.port))


def test_the_url_cannot_switch_the_verifying_off(make_broker: Maker) -> None:
    with pytest.raises(ValueError, match="ca_file"):
        make_broker(None, query="?ssl_options=%7B%27verify%27%3A+0%7D")


def test_a_client_certificate_is_shown_when_there_is_one(grounds: Grounds, make_broker: Maker) -> None:
    tls = verifying(grounds.tls.authority, certificate_file=grounds.tls.client, key_file=grounds.tls.client_key)
    make_broker(tls).check()
    listed = grounds.server.ctl("list_connections", "peer_cert_subject")
    assert "CN=edoc-trunk" in listed


def test_files_that_are_no_certificates_are_an_error_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.touch()
    for file in (empty, tmp_path / "none.pem"):
        with pytest.raises(OSError, match=r"."):
            verifying(file)
