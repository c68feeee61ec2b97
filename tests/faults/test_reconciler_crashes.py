"""``kill -9`` while the reconciler mends: what was lost is mended by the next one, once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from scripts.agency_system import AgencySystem
from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from scripts.province import FIRST, SENDER, Province, make_province
from scripts.trunk_process import TrunkProcess
from trunk.storage.engine import open_engine
from trunk.storage.tables import OUTBOX

KILLED = (137, -9)
SETTINGS = "[reconciler]\nevery_seconds = 0.2\n"


@pytest.fixture(params=["sqlite-embedded", "postgresql-rabbitmq"])
def province(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Province]:
    if request.param == "sqlite-embedded":
        yield make_province(tmp_path, settings=SETTINGS)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    rabbit: RabbitServer = request.getfixturevalue("rabbitmq_server")
    urls = {"database_url": postgres.new_database(), "broker_url": rabbit.new_vhost()}
    yield make_province(tmp_path, settings=SETTINGS, **urls)


def started(province: Province, crash_at: str = "") -> TrunkProcess:
    return TrunkProcess(province.config, environment={"TRUNK_TESTING__CRASH_AT": crash_at} if crash_at else {})


def lose_the_notices(province: Province) -> int:
    """What no crash of ours does: a hand that edits."""
    engine = open_engine(province.settings().database_url)
    with engine.begin() as connection:
        lost = connection.execute(sa.delete(OUTBOX)).rowcount
    engine.dispose()
    return lost


@pytest.mark.parametrize("point", ["reconcile.found", "reconcile.mended"])
def test_a_repair_that_was_cut_off_is_made_once(province: Province, point: str) -> None:
    octets = province.signed("1", recipients=(FIRST,))
    with started(province, "dispatch.leased") as trunk:
        sender = AgencySystem(base_url=trunk.url(), key=province.keys[SENDER])
        envelope_id = sender.submit(octets).json["envelope_id"]
        assert trunk.wait() in KILLED
    assert lose_the_notices(province) == 2  # of the document, and of its acknowledgement
    with started(province, point) as trunk:
        assert trunk.wait() in KILLED
    with started(province) as trunk:
        sender, first = (AgencySystem(base_url=trunk.url(), key=province.keys[code]) for code in (SENDER, FIRST))
        until = time.monotonic() + 60
        while (delivery := sender.track(envelope_id).json["deliveries"][0])["state"] != "dispatched":
            assert time.monotonic() < until, delivery
            time.sleep(0.2)
        (item,) = first.mail(kind="document")
        assert first.fetch(item["delivery_id"]).octets == octets
        assert first.confirm(item["delivery_id"], octets).status == 200
        facts = sorted(one["acknowledges"] for one in sender.mail(kind="acknowledgement"))
        assert facts == ["accepted", "delivered"]
        events = [one["event"] for one in sender.track(envelope_id).json["deliveries"][0]["timeline"]]
        assert events.count("broker_forgot") == 1, events
        assert trunk.stop() == 0
