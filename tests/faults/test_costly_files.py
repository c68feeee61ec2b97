"""Files that would cost minutes, through the whole trunk: refused with their code, and in nobody's way."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.unit.http.serving import Answer, Client, serving
from tests.unit.workers import hostile_trunk
from trunk.bootstrap import Service, open_service, signatures

ROOT = Path(__file__).parents[2]
PATH = "/api/v1/envelopes"
SETTINGS = """
[examination]
seconds = 0.3
memory_mib = 64
"""


@dataclass(frozen=True)
class Stage:
    province: Province
    service: Service
    client: Client

    def submit(self, octets: bytes, *, by: str = SENDER) -> Answer:
        return self.client.using(self.province.keys[by]).post(PATH, octets)

    def costly(self, number: str, order: str, *, by: str = SENDER) -> bytes:
        signed = self.province.signed(number, sender=by, recipients=(SECOND,), signer=self.province.signer(by))
        return signed.rstrip() + f"<!--hostile {order}-->".encode()


@pytest.fixture(scope="module")
def province(tmp_path_factory: pytest.TempPathFactory) -> Province:
    return make_province(tmp_path_factory.mktemp("province"), settings=SETTINGS)


@pytest.fixture
def order() -> str:
    """What examiners do with every message."""
    return ""


@pytest.fixture
def stage(province: Province, order: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stage]:
    """A trunk whose examiners also do what the tests' messages ask of them."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv(hostile_trunk.ORDER, order)
    monkeypatch.setattr(signatures, "examiners_work", hostile_trunk.work)
    with (
        structlog.testing.capture_logs(),
        open_service(province.settings()) as service,
        serving(service.app) as client,
    ):
        yield Stage(province, service, client)


def test_a_costly_file_is_refused_with_its_code_and_the_next_letter_is_taken(stage: Stage) -> None:
    for wish, cause in (("spin", "time"), ("spin-in-c", "time"), ("eat 4000", "memory"), ("die", "death")):
        answer = stage.submit(stage.costly(wish, wish))
        assert (answer.status, answer.codes) == (422, ["ENV-012"])
        assert "Retry-After" not in answer.headers
        assert stage.submit(stage.province.signed(f"after {wish}", recipients=(FIRST,))).status == 201
        metrics = stage.client.get("/metrics").octets.decode()
        assert f'trunk_examiners_ended{{cause="{cause}"}}' in metrics
        assert 'trunk_rejections_total{code="ENV-012"}' in metrics


def test_a_hundred_costly_files_at_once_and_good_letters_between_them_are_all_answered(stage: Stage) -> None:
    costly = [stage.costly(f"bad {n}", ("spin", "eat 4000", "die")[n % 3], by=FIRST) for n in range(100)]
    good = [stage.province.signed(f"good {n}", recipients=(SECOND,)) for n in range(25)]
    with ThreadPoolExecutor(60) as senders:
        bad_answers = [senders.submit(stage.submit, octets, by=FIRST) for octets in costly]
        good_answers = [stage.submit(octets) for octets in good]
        ends = [answer.result() for answer in bad_answers]
    assert [answer.status for answer in good_answers] == [201] * 25
    assert {(answer.status, *answer.codes) for answer in ends} <= {(422, "ENV-012"), (503, "TRK-106")}
    assert (422, "ENV-012") in {(answer.status, *answer.codes) for answer in ends}


@pytest.fixture
def door() -> Iterator[socket.socket]:
    """Where an examiner tells who it is."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(60)
        yield listening


class TestOneOfThemIsKilled:
    @pytest.fixture
    def order(self, door: socket.socket, tmp_path: Path) -> str:
        return f"announce-once {door.getsockname()[1]} {tmp_path / 'mark'}"

    def test_in_the_middle_of_a_submission_nothing_is_lost(self, stage: Stage, door: socket.socket) -> None:
        """The letter is examined by another one; the ledger has it once."""
        octets = stage.province.signed("killed", recipients=(FIRST,))
        answers: list[Answer] = []
        sender = threading.Thread(target=lambda: answers.append(stage.submit(octets)))
        sender.start()
        with door.accept()[0] as heard:
            os.kill(int(heard.makefile().read().split()[0]), signal.SIGKILL)
        sender.join(60)
        again = stage.submit(octets)
        assert [answer.status for answer in (*answers, again)] == [201, 201]
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json["envelope_id"] == answers[0].json["envelope_id"]


def test_the_orderly_stop_ends_every_examiner(province: Province) -> None:
    with structlog.testing.capture_logs(), open_service(province.settings()) as service:
        pool = service.intake.examiners
        assert pool.apart
        (nursery,) = [child for child in _children(os.getpid()) if b"trunk.workers.nursery" in _command(child)]
        handles = [os.pidfd_open(pid) for pid in (nursery, *_children(nursery))]
    for handle in handles:
        assert _gone(handle)
        os.close(handle)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


def _command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def _gone(handle: int) -> bool:
    import select

    waiting = select.poll()
    waiting.register(handle, select.POLLIN)
    return bool(waiting.poll(60_000))
