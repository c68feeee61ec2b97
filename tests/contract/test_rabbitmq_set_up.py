"""From settings and a directory to a trunk that speaks to its RabbitMQ: the commands of docs/rabbitmq.md."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from queues.broker import Message, QueueError
from tests.estate_kit import SERVICE, Grounds
from tests.unit.cli.town import FIRST, SECOND, SENDER, Town
from trunk.bootstrap import wiring
from trunk.cli.exits import Exit
from trunk.cli.world import World
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger


@pytest.fixture
def town(grounds: Grounds, sqlite_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    monkeypatch.chdir(tmp_path)
    shutil.copyfile(sqlite_template, tmp_path / "ledger.db")
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    made = Town(ledger=Ledger(engine), folder=tmp_path)
    made.register()
    (tmp_path / "management.url").write_text(grounds.server.management_url + "\n")
    made.environment |= {
        "TRUNK_DATA_FOLDER": str(tmp_path),
        "TRUNK_BROKER__URL": grounds.address,
        "TRUNK_BROKER__PASSWORD_FILE": "rabbitmq/trunk.password",
        "TRUNK_BROKER__CA_FILE": str(grounds.tls.authority),
        "TRUNK_BROKER__MANAGEMENT_URL_FILE": "management.url",
    }
    yield made
    engine.dispose()


def test_set_up_in_three_commands(town: Town, grounds: Grounds) -> None:
    assert town.run("admin", "rabbitmq", "check").exit_code == Exit.REFUSED
    planned = town.json("admin", "rabbitmq", "plan", "--json")["steps"]
    assert {"act": "make", "kind": "user", "name": SERVICE, "what": "", "code": "", "remedy": ""} in planned
    applied = town.run("admin", "rabbitmq", "apply", "--passwords", "rabbitmq")
    assert applied.exit_code == 0, applied.output
    password = (town.folder / "rabbitmq/trunk.password").read_text().strip()
    assert password not in applied.output
    assert grounds.server._password not in applied.output
    assert town.run("admin", "rabbitmq", "check").exit_code == Exit.OK
    assert "Nothing to do" in town.run("admin", "rabbitmq", "plan").stderr

    settings = World(doors=town.made_doors()).settings
    broker = wiring.broker(settings)
    try:
        broker.check()
        window = [Message(id=f"{code}.0", queue=code, body=b"{}") for code in (SENDER, FIRST, SECOND)]
        assert list(broker.publish(window)) == [None] * 3
    finally:
        broker.close()
    assert town.run("admin", "rabbitmq", "check").exit_code == Exit.OK


def test_a_broker_that_is_no_longer_trusted_is_an_outage_not_a_leak(town: Town, grounds: Grounds) -> None:
    assert town.run("admin", "rabbitmq", "apply").exit_code == 0
    del town.environment["TRUNK_BROKER__CA_FILE"]
    result = town.run("admin", "rabbitmq", "check")
    assert result.exit_code == Exit.CONFIGURATION
    assert "RMQ-107" in result.stderr
    broker = wiring.broker(World(doors=town.made_doors()).settings)
    try:
        with pytest.raises(QueueError):
            broker.check()
    finally:
        broker.close()
