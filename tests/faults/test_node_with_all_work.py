"""One node holds all the work there is (relay, reconciler, posts to an agency) and dies or freezes in the middle."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import sqlalchemy as sa

from scripts.agency_system import AgencySystem
from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from scripts.province import Province
from scripts.trunk_process import TrunkProcess
from tests.faults.test_nodes import BRIEF, trunk, until
from tests.push_kit import FIRST, SECOND, SENDER, posts_to, push_province
from tests.push_receiver import Receiver, receiver
from trunk.storage.engine import open_engine
from trunk.storage.tables import LEASE

pytestmark = pytest.mark.timeout(600)

SHORT = BRIEF | {"TRUNK_RECONCILER__EVERY_SECONDS": "1"}
ALL_WORK = {"reconciler", f"push:{FIRST}"}
LETTERS = 3


def owners(province: Province) -> dict[str, str]:
    """Whose work each piece is."""
    engine = open_engine(province.settings().database_url)
    with engine.connect() as connection:
        held = {row.name: row.owner for row in connection.execute(sa.select(LEASE))}
    engine.dispose()
    return held


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_all_its_work_is_taken_over_and_what_it_does_late_changes_nothing(
    postgres_server: PostgresServer, rabbitmq_server: RabbitServer, tmp_path: Path, fault: signal.Signals
) -> None:
    province = push_province(
        tmp_path, database_url=postgres_server.new_database(), broker_url=rabbitmq_server.new_vhost()
    )
    letters = [province.signed(str(number)) for number in range(LETTERS)]
    with receiver() as there, TrunkProcess(province.config, environment=SHORT) as first:
        posts_to(province, **{FIRST.replace(".", "_"): there.url})
        there.moods.append("gate")  # the answer to the first post comes when all is over
        sent = [submitted(province, first.url(timeout=180), octets) for octets in letters[:-1]]
        until(lambda: there.posts and owners(province).keys() >= ALL_WORK)
        before = owners(province)
        with TrunkProcess(province.config, environment=SHORT) as second:
            url = second.url(timeout=180)
            os.killpg(first.pid, fault)
            sent.append(submitted(province, url, letters[-1]))
            until(lambda: all(owners(province).get(name) not in (None, before[name]) for name in ALL_WORK))
            until(lambda: facts(province, url).count("delivered") == LETTERS)
            there.open_gate.set()
            if fault is signal.SIGSTOP:
                os.killpg(first.pid, signal.SIGCONT)
                until(lambda: any(one.get("event") == "push_tried" for one in late(first, there)))
                assert submitted(province, first.url(), letters[-1]) == sent[-1], "it serves again"
            settled(province, url, sent, there)
            assert second.stop() == 0


def submitted(province: Province, url: str, octets: bytes) -> str:
    answer = AgencySystem(base_url=url, key=province.keys[SENDER]).submit(octets)
    assert answer.status in (200, 201), answer.octets
    return str(answer.json["envelope_id"])


def facts(province: Province, url: str) -> list[str]:
    told = AgencySystem(base_url=url, key=province.keys[SENDER]).mail(kind="acknowledgement")
    return sorted(item["acknowledges"] for item in told)


def late(first: TrunkProcess, there: Receiver) -> list[dict]:
    """What it says of the post that it had in hand."""
    return [one for one in first.log if one.get("delivery") == there.posts[0].delivery]


def settled(province: Province, url: str, sent: list[str], there: Receiver) -> None:
    """Everybody has everything, each fact was told once, and the journal is whole."""
    second = AgencySystem(base_url=url, key=province.keys[SECOND])
    for item in second.mail(kind="document"):
        assert second.confirm(item["delivery_id"], second.fetch(item["delivery_id"]).octets).status == 200
    assert facts(province, url) == ["accepted"] * LETTERS + ["delivered"] * 2 * LETTERS
    assert len(set(sent)) == LETTERS == len({post.delivery for post in there.mail})
    assert {post.headers["trunk-envelope-id"] for post in there.mail} == set(sent)
    assert sum(post.delivery == there.posts[0].delivery for post in there.posts) == 2, "posted by both, under one id"
    done = trunk(province, "admin", "journal", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
