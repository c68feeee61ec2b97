"""The kills of ``tests/scenarios/test_two_trunks.py`` again, where the trunk that dies has PostgreSQL and RabbitMQ."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from tests.hub_town import HubTown, hub_town
from tests.scenarios import test_two_trunks as on_sqlite


@pytest.fixture(scope="module")
def town(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, rabbitmq_server: RabbitServer
) -> Iterator[HubTown]:
    stack = f"""
[database]
url = "{postgres_server.new_database()}"

[broker]
url = "{rabbitmq_server.new_vhost()}"
"""
    with hub_town(tmp_path_factory.mktemp("two"), settings=stack) as town:
        yield town


@pytest.mark.full
@pytest.mark.parametrize("point", ["uplink.taken", "uplink.sent", "uplink.settled"])
def test_a_trunk_that_is_killed_while_it_sends_loses_and_doubles_nothing(town: HubTown, point: str) -> None:
    on_sqlite.test_a_trunk_that_is_killed_while_it_sends_loses_and_doubles_nothing(town, point)
