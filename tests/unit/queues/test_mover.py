"""The road to the broker may be bad in ways that no exception of AMQP names."""

from __future__ import annotations

import socket
import threading

import pika
import pytest

from queues.estate import EstateError
from queues.rabbitmq.mover import Mover


def _mover(port: int) -> Mover:
    parameters = pika.ConnectionParameters("127.0.0.1", port, stack_timeout=0.3, socket_timeout=0.3)
    return Mover(parameters, newborn_seconds=0, settle_seconds=0)


def _insist_on_trouble(port: int) -> None:
    with pytest.raises(EstateError) as refused:
        _mover(port)
    assert refused.value.code == "RMQ-106"
    assert refused.value.temporary


def test_a_broker_that_takes_the_connection_and_says_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        _insist_on_trouble(silent.getsockname()[1])


def test_a_broker_that_hangs_up_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as rude:

        def hang_up() -> None:
            while True:
                try:
                    connection, _ = rude.accept()
                except OSError:
                    return
                connection.close()

        threading.Thread(target=hang_up, daemon=True).start()
        _insist_on_trouble(rude.getsockname()[1])
        rude.shutdown(socket.SHUT_RDWR)


def test_a_broker_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    _insist_on_trouble(port)
