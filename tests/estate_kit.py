"""A virtual host of a test's own on a complete node, and the tool that keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any
from urllib.parse import quote

import pika
import pytest

from queues.estate import EstateError, Plan
from queues.rabbitmq import Administrator, Estate, RabbitBroker, Tuning, verifying
from queues.rabbitmq.management import Management
from scripts.private_rabbitmq import RabbitServer
from scripts.private_tls import TlsFiles
from tests.contract.test_broker import eventually

SERVICE = "edoc"


class Grounds:
    """One virtual host, with users of its own names where the tool lets us choose them."""

    def __init__(self, server: RabbitServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.vhost = f"office-{token_hex(4)}"
        self.tuning = Tuning(tls=verifying(self.tls.authority), connect_timeout_seconds=5, pause_most_seconds=0.5)
        self.brokers: list[RabbitBroker] = []

    @property
    def tls(self) -> TlsFiles:
        assert self.server.tls is not None
        return self.server.tls

    @property
    def address(self) -> str:
        return f"amqps://{SERVICE}@127.0.0.1:{self.server.tls_port}/{self.vhost}"

    @property
    def password_file(self) -> Path:
        return self.folder / "trunk.password"

    @property
    def management(self) -> Management:
        assert self.tuning.tls is not None
        return Management(self.server.management_url, tls=self.tuning.tls)

    def tool(self, *agencies: str, consumers: tuple[str, ...] = (), **tuning: Any) -> Administrator:
        return Administrator(
            Estate(
                address=self.address,
                management_url=self.server.management_url,
                tuning=replace(self.tuning, **tuning),
                agencies=agencies,
                consumers=consumers,
                password_files={SERVICE: self.password_file},
                settle_seconds=2,
            )
        )

    def url(self, user: str, password: str) -> str:
        place = f"127.0.0.1:{self.server.tls_port}/{quote(self.vhost, safe='')}"
        return f"amqps://{quote(user, safe='')}:{quote(password, safe='')}@{place}"

    def broker(self, **tuning: Any) -> RabbitBroker:
        """As the service, with the password that apply wrote."""
        password = self.password_file.read_text().strip()
        made = RabbitBroker(self.url(SERVICE, password), tuning=replace(self.tuning, **tuning))
        self.brokers.append(made)
        return made

    def channel(self, user: str, password: str) -> Any:
        """A channel of a blocking connection, as whoever that is."""
        parameters = pika.URLParameters(self.url(user, password))
        assert self.tuning.tls is not None
        parameters.ssl_options = pika.SSLOptions(self.tuning.tls, "127.0.0.1")
        return pika.BlockingConnection(parameters).channel()

    def counted(self, queue: str) -> int:
        there = self.management.get("queues", self.vhost, queue) or {}
        return int(there.get("messages", -1))

    def await_api(self) -> None:
        """The management API is up a while after AMQP is."""

        def answers() -> bool:
            try:
                self.management.get("overview")
            except EstateError:
                return False
            return True

        eventually(answers, seconds=60)

    def close(self) -> None:
        for broker in self.brokers:
            broker.close()
        self.management.delete("vhosts", self.vhost)
        for user in self.management.get("users") or []:
            if user["name"].startswith((SERVICE, "trunk.")):
                self.management.delete("users", user["name"])


def acts(plan: Plan) -> list[tuple[str, str, str]]:
    return [(step.act.value, step.kind, step.name) for step in plan.differences]


@pytest.fixture
def grounds(complete_rabbitmq: RabbitServer, tmp_path: Path) -> Iterator[Grounds]:
    complete_rabbitmq.start()
    made = Grounds(complete_rabbitmq, tmp_path)
    made.await_api()
    yield made
    complete_rabbitmq.start()
    made.await_api()
    made.close()
