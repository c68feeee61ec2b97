"""``kill -9`` between the post and the note of it: the recipient gets the same ids again, the sender one word."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.agency_system import AgencySystem
from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from scripts.province import Province
from scripts.trunk_process import TrunkProcess
from tests.push_kit import FIRST, SENDER, posts_to, push_province
from tests.push_receiver import Receiver, receiver

KILLED = (137, -9)


@pytest.fixture(params=["sqlite-embedded", "postgresql-rabbitmq"])
def province(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Province]:
    if request.param == "sqlite-embedded":
        yield push_province(tmp_path)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    rabbit: RabbitServer = request.getfixturevalue("rabbitmq_server")
    yield push_province(tmp_path, database_url=postgres.new_database(), broker_url=rabbit.new_vhost())


@pytest.mark.parametrize(("point", "posts"), [("push.sent", 2), ("push.settled", 1)])
def test_what_was_posted_and_not_written_down_comes_again_under_the_same_ids(
    province: Province, point: str, posts: int
) -> None:
    with receiver() as there:
        posts_to(province, **{FIRST.replace(".", "_"): there.url})
        octets = province.signed("1", recipients=(FIRST,))
        with TrunkProcess(province.config, environment={"TRUNK_TESTING__CRASH_AT": point}) as trunk:
            answer = AgencySystem(base_url=trunk.url(), key=province.keys[SENDER]).submit(octets)
            assert answer.status == 201
            assert trunk.wait() in KILLED
        with TrunkProcess(province.config) as trunk:
            sender = AgencySystem(base_url=trunk.url(), key=province.keys[SENDER])
            _until_told(sender)
            assert trunk.stop() == 0
        assert len(there.posts) == posts
        _the_same(there, octets, answer.json["envelope_id"])


def _until_told(sender: AgencySystem) -> None:
    """The lease of a process that was killed runs out first."""
    until = time.monotonic() + 60
    while True:
        facts = sorted(item["acknowledges"] for item in sender.mail(kind="acknowledgement"))
        if len(facts) == 2:
            assert facts == ["accepted", "delivered"]
            return
        assert time.monotonic() < until, facts
        time.sleep(0.2)


def _the_same(there: Receiver, octets: bytes, envelope_id: str) -> None:
    assert {post.body for post in there.posts} == {octets}
    assert {post.headers["trunk-envelope-id"] for post in there.posts} == {envelope_id}
    assert len({post.delivery for post in there.posts}) == 1
