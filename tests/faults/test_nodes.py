"""Several nodes on one PostgreSQL and one RabbitMQ: killed, frozen, stopped, and upgraded one after the other.

Senders do as integrators do: what is not answered, or answered with 503, goes again, to whichever node is there.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from scripts.agency_system import AgencySystem
from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from scripts.trunk_process import TrunkProcess
from tests.faults.test_crashes import Oracle, crash_at

pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
PACKAGES = ("trunk", "queues", "envelopes", "signing", "edxml_schemas")
BRIEF = {"TRUNK_BROKER__LEASE_SECONDS": "2"}
LATER = '''"""A table that the next release needs."""

import sqlalchemy as sa
from alembic import op

revision = "9001"
down_revision = "{newest}"
branch_labels = None
depends_on = None
oldest_program = "{newest}"


def upgrade() -> None:
    op.create_table("of_the_next_release", sa.Column("id", sa.Integer(), primary_key=True))
    op.add_column("delivery", sa.Column("of_the_next_release", sa.String(), nullable=True))
'''


@pytest.fixture
def province(postgres_server: PostgresServer, rabbitmq_server: RabbitServer, tmp_path: Path) -> Province:
    return make_province(tmp_path, database_url=postgres_server.new_database(), broker_url=rabbitmq_server.new_vhost())


@dataclass
class Senders:
    """Sends letters until it is told to stop; ``urls`` are the nodes that the balancer knows."""

    province: Province
    urls: list[str]
    oracle: Oracle = field(default_factory=Oracle)
    surprises: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def at_work(self) -> Iterator[Senders]:
        threads = [threading.Thread(target=self._send, args=(number,), daemon=True) for number in range(2)]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self._over.set()
            for thread in threads:
                thread.join(120)
        assert not any(thread.is_alive() for thread in threads), "a letter was never answered"

    def more(self, letters: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted = len(self.oracle.acknowledged) + letters
        until(lambda: len(self.oracle.acknowledged) >= wanted)

    def _send(self, sender: int) -> None:
        letter = 0
        while not self._over.is_set():
            letter += 1
            octets, tries = self.province.signed(f"{sender}-{letter}"), 0
            while not self._submitted(octets, self.urls[(letter + tries) % len(self.urls)]):
                tries += 1
                time.sleep(0.1)
            time.sleep(0.2)  # every letter is fetched and confirmed in the end

    def _submitted(self, octets: bytes, url: str) -> bool:
        system = AgencySystem(base_url=url, key=self.province.keys[SENDER], timeout_seconds=5)
        try:
            answer = system.submit(octets)
        except OSError:
            return False
        if answer.status == 201:
            self.oracle.told(octets, answer)
        elif answer.status != 503:
            self.surprises.append(f"{answer.status} {answer.octets[:200]!r}")
        return answer.status == 201


def until(true: Callable[[], object], *, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.1)


@contextmanager
def nodes(province: Province, count: int = 2) -> Iterator[list[TrunkProcess]]:
    running = [TrunkProcess(province.config, environment=BRIEF) for _ in range(count)]
    try:
        yield running
    finally:
        for node in running:
            if node.running:
                os.killpg(node.pid, signal.SIGCONT)
            node.__exit__()


def settle(province: Province, oracle: Oracle, url: str) -> None:
    """Every acknowledged letter at both recipients, octet for octet and once; each fact told once; a whole journal."""
    agencies = {code: AgencySystem(base_url=url, key=key) for code, key in province.keys.items()}
    for code in (FIRST, SECOND):
        found = {}
        for item in agencies[code].mail(kind="document"):
            assert item["envelope_id"] not in found, "two deliveries of one envelope"
            found[item["envelope_id"]] = agencies[code].fetch(item["delivery_id"]).octets
            assert agencies[code].confirm(item["delivery_id"], found[item["envelope_id"]]).status == 200
        assert found == oracle.acknowledged
    told = [item for item in agencies[SENDER].mail() if item["kind"] == "acknowledgement"]
    expected = [("accepted", e) for e in oracle.acknowledged] + [("delivered", e) for e in oracle.acknowledged] * 2
    assert sorted((item["acknowledges"], item["about"]) for item in told) == sorted(expected)
    done = trunk(province, "admin", "journal", "verify")
    assert done.returncode == 0, done.stdout + done.stderr


def trunk(province: Province, *words: str, tree: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command line of the release in ``tree``."""
    return subprocess.run(
        [sys.executable, "-m", "trunk", "--config", str(province.config), *words],
        cwd=tree, env=of(tree), capture_output=True, text=True, check=False, timeout=200,
    )  # fmt: skip


def of(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree)}  # noqa: TID251  ours, for another tree


def dispatched(province: Province, oracle: Oracle, url: str) -> bool:
    """Whether RabbitMQ has a notice of every letter."""
    system = AgencySystem(base_url=url, key=province.keys[SENDER])
    tracks: Sequence[dict] = [system.track(one).json for one in list(oracle.acknowledged)]
    return all(one["state"] == "dispatched" for track in tracks for one in track["deliveries"])


@pytest.mark.parametrize("point", ["dispatch.leased", "dispatch.published", "intake.before_commit"])
def test_a_node_that_dies_with_everything_in_hand_is_replaced_by_the_others(province: Province, point: str) -> None:
    with (
        TrunkProcess(province.config, environment=BRIEF | crash_at(f"{point}:6")) as doomed,
        nodes(province, 1) as others,
    ):
        doomed_url, url = doomed.url(), others[0].url()
        with Senders(province, [doomed_url, url]).at_work() as senders:
            until(lambda: not doomed.running)
            senders.urls.remove(doomed_url)
            senders.more(10)
        assert senders.surprises == []
        until(lambda: dispatched(province, senders.oracle, url), seconds=30)
        settle(province, senders.oracle, url)


def test_a_node_that_was_frozen_beyond_its_leases_undoes_and_doubles_nothing(province: Province) -> None:
    with nodes(province) as (sleeper, other):
        sleeping, url = sleeper.url(), other.url()
        with Senders(province, [sleeping, url]).at_work() as senders:
            for _ in range(2):
                senders.more(4)
                os.killpg(sleeper.pid, signal.SIGSTOP)
                senders.more(4)  # twice 5 s of patience and more: the leases have run out, and others had them
                until(lambda: dispatched(province, senders.oracle, url), seconds=60)
                os.killpg(sleeper.pid, signal.SIGCONT)
            senders.more(4)
        assert senders.surprises == []
        until(lambda: dispatched(province, senders.oracle, url), seconds=30)
        settle(province, senders.oracle, url)


def test_nodes_are_upgraded_one_after_the_other_while_mail_flows(province: Province, tmp_path: Path) -> None:
    later = release_of_the_future(tmp_path / "later")
    with nodes(province) as running:
        with Senders(province, [node.url() for node in running]).at_work() as senders:
            senders.more(5)
            done = trunk(province, "admin", "upgrade", tree=later)
            assert (done.returncode, "9001" in done.stdout + done.stderr) == (0, True), done.stdout + done.stderr
            senders.more(5)
            for number, tree in enumerate((later, ROOT)):  # the second one is of the old release still: a way back
                senders.urls[number] = senders.urls[1 - number]
                assert running[number].stop() == 0
                running[number] = TrunkProcess(province.config, environment=BRIEF | of(tree), folder=tree)
                senders.urls[number] = running[number].url()
                senders.more(5)
        assert senders.surprises == []
        url = running[0].url()
        until(lambda: dispatched(province, senders.oracle, url), seconds=30)
        settle(province, senders.oracle, url)


def release_of_the_future(tree: Path) -> Path:
    """This one with a revision more."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tree / name)
    versions = tree / "trunk" / "storage" / "migrations" / "versions"
    newest = max(file.name[1:5] for file in versions.glob("r[0-9]*.py"))
    (versions / "r9001_of_the_next_release.py").write_text(LATER.format(newest=newest), encoding="utf-8")
    return tree
