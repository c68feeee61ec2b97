"""``kill -9`` at every step of acceptance, dispatch, hand-over and receipt; then a restart.

The oracle knows only what the agencies' systems were told: every acknowledged envelope is at every recipient, octet
for octet; nothing that was never accepted is; what was left open is resolved by sending it again, without a second
envelope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from envelopes.model import Business, BusinessKind
from scripts.agency_system import AgencySystem, Answer
from scripts.private_postgresql import PostgresServer
from scripts.private_rabbitmq import RabbitServer
from scripts.province import FIRST, SECOND, SENDER, Province, document_id, make_province
from scripts.trunk_process import TrunkProcess

KILLED = (137, -9)
ACCEPTING = (
    "intake.spooled",
    "intake.verified",
    "intake.payload_stored",
    "intake.before_commit",
    "intake.committed",
)
DISPATCHING = ("dispatch.leased", "dispatch.published", "dispatch.settled")
COUNTS = (3, pytest.param(1, marks=pytest.mark.full), pytest.param(7, marks=pytest.mark.full))
"""At which time of passing the point it dies."""
LARGE = b"%PDF-1.7\n" + bytes(range(256)) * 2_000  # above the spool limit once it is base64


@dataclass
class Oracle:
    """What the outside world knows."""

    acknowledged: dict[str, bytes] = field(default_factory=dict)  #: envelope id -> octets
    open: list[bytes] = field(default_factory=list)  #: submitted, never answered

    def told(self, octets: bytes, answer: Answer | None) -> None:
        if answer is None:
            self.open.append(octets)
        else:
            assert answer.status == 201, answer.octets
            self.acknowledged[answer.json["envelope_id"]] = octets


@pytest.fixture(scope="module", params=["sqlite-embedded", "postgresql-rabbitmq"])
def province(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Province]:
    folder: Path = tmp_path_factory.mktemp("province")
    if request.param == "sqlite-embedded":
        yield make_province(folder)
        return
    postgres: PostgresServer = request.getfixturevalue("postgres_server")
    rabbit: RabbitServer = request.getfixturevalue("rabbitmq_server")
    yield make_province(folder, database_url=postgres.new_database(), broker_url=rabbit.new_vhost())


def systems(province: Province, url: str) -> dict[str, AgencySystem]:
    return {code: AgencySystem(base_url=url, key=key) for code, key in province.keys.items()}


def try_to(submit: Iterator[bytes], system: AgencySystem, oracle: Oracle) -> None:
    """Submit one after the other until the trunk dies."""
    for octets in submit:
        try:
            answer = system.submit(octets)
        except OSError:
            oracle.told(octets, None)
            return
        oracle.told(octets, answer)


def crash_at(point: str) -> dict[str, str]:
    return {"TRUNK_TESTING__CRASH_AT": point}


def settle(province: Province, oracle: Oracle) -> None:
    """Restart, send again what was left open, and look whether everybody has everything exactly as it was sent."""
    with TrunkProcess(province.config) as trunk:
        agencies = systems(province, trunk.url())
        for octets in oracle.open:
            first, second = agencies[SENDER].submit(octets), agencies[SENDER].submit(octets)
            assert first.octets == second.octets
            oracle.told(octets, first)
        for code in (FIRST, SECOND):
            mail = list(agencies[code].mail(kind="document"))
            found = {item["envelope_id"]: agencies[code].fetch(item["delivery_id"]).octets for item in mail}
            assert len(mail) == len(found), "an envelope was delivered twice under two ids"
            assert found == oracle.acknowledged
            for item in mail:
                assert agencies[code].confirm(item["delivery_id"], found[item["envelope_id"]]).status == 200
        told = [item for item in agencies[SENDER].mail() if item["kind"] == "acknowledgement"]
        facts = sorted((item["acknowledges"], item["about"]) for item in told)
        expected = [("accepted", e) for e in oracle.acknowledged] + [("delivered", e) for e in oracle.acknowledged] * 2
        assert facts == sorted(expected), "each fact is acknowledged exactly once"
        for item in told:
            agencies[SENDER].confirm(item["delivery_id"], agencies[SENDER].fetch(item["delivery_id"]).octets)
        assert trunk.stop() == 0


@pytest.mark.parametrize("times", COUNTS)
@pytest.mark.parametrize("point", [*ACCEPTING, *DISPATCHING])
def test_every_acknowledged_envelope_survives_a_kill(province: Province, point: str, times: int) -> None:
    oracle = Oracle()
    with TrunkProcess(province.config, environment=crash_at(f"{point}:{times}")) as trunk:
        system = systems(province, trunk.url())[SENDER]
        numbers = (f"{point}-{times}-{n}" for n in range(40))
        letters = (
            province.signed(number, content=LARGE if n % 2 else b"%PDF-1.7\nsmall\n")
            for n, number in enumerate(numbers)
        )
        try_to(letters, system, oracle)
        assert trunk.wait() in KILLED
    settle(province, oracle)


@pytest.mark.parametrize("point", ["handover.before_commit", "handover.committed"])
def test_a_confirmation_that_was_cut_off_is_repeated_without_a_second_acknowledgement(
    province: Province, point: str
) -> None:
    oracle = Oracle()
    with TrunkProcess(province.config, environment=crash_at(point)) as trunk:
        agencies = systems(province, trunk.url())
        octets = province.signed(f"{point}-{hashlib.sha256(str(province.folder).encode()).hexdigest()[:4]}")
        oracle.told(octets, agencies[SENDER].submit(octets))
        (item,) = agencies[FIRST].mail(kind="document")
        with pytest.raises(OSError):
            agencies[FIRST].confirm(item["delivery_id"], octets)
        assert trunk.wait() in KILLED
    with TrunkProcess(province.config) as trunk:
        answer = systems(province, trunk.url())[FIRST].confirm(item["delivery_id"], octets)
        assert answer.status == 200, answer.octets
        assert trunk.stop() == 0
    _finish(province, oracle)


@pytest.mark.parametrize("way", ["status", "document"])
@pytest.mark.parametrize("moment", ["before_commit", "committed"])
def test_a_recall_that_was_cut_off_is_whole_or_not_at_all(province: Province, way: str, moment: str) -> None:
    """Never held back without the recall on record, nor the other way round; sent again, it is one recall."""
    number = f"{way}-{moment}-recall"
    point = f"{'receipts' if way == 'status' else 'recalls'}.{moment}"
    with TrunkProcess(province.config, environment=crash_at(point)) as trunk:
        sender = systems(province, trunk.url())[SENDER]
        envelope_id = sender.submit(province.signed(number)).json["envelope_id"]
        recall = _recall(province, number, way)
        with pytest.raises(OSError):
            sender.submit(recall)
        assert trunk.wait() in KILLED
    with TrunkProcess(province.config) as trunk:
        agencies = systems(province, trunk.url())
        states = {d["state"] for d in agencies[SENDER].track(envelope_id).json["deliveries"]}
        assert (states == {"recalled"}) is (moment == "committed")
        first, second = agencies[SENDER].submit(recall), agencies[SENDER].submit(recall)
        assert (first.status, first.octets) == (201, second.octets)
        deliveries = agencies[SENDER].track(envelope_id).json["deliveries"]
        assert [d["state"] for d in deliveries] == ["recalled"] * 2
        assert [[r["state"] for r in d["requests"]] for d in deliveries] == [["held_back"]] * 2
        for code in (FIRST, SECOND):
            told = list(agencies[code].mail())
            assert [item["about"] == envelope_id or item["business"] == 1 for item in told].count(True) == 1, told
        facts = [i["acknowledges"] for i in agencies[SENDER].mail() if i["about"] == envelope_id]
        assert sorted(fact for fact in facts if fact) == ["accepted", "recalled", "recalled"]
        for code in (FIRST, SECOND, SENDER):  # the sender last: it is told of what the others confirm
            system = agencies[code]
            for item in list(system.mail()):
                system.confirm(item["delivery_id"], system.fetch(item["delivery_id"]).octets)
        assert trunk.stop() == 0


def _recall(province: Province, number: str, way: str) -> bytes:
    if way == "status":
        return province.status(number, "13", reporter=SENDER, sender=SENDER, description="Ban hành nhầm")
    business = Business(kind=BusinessKind.REVOKE, document_id=document_id(number), reason="Ban hành nhầm")
    return province.signed(f"{number}-back", business=business)


@pytest.mark.parametrize("point", ["receipts.before_commit", "receipts.committed"])
def test_a_status_that_was_cut_off_is_repeated_without_a_second_one(province: Province, point: str) -> None:
    oracle = Oracle()
    number = f"{point}-status"
    with TrunkProcess(province.config, environment=crash_at(point)) as trunk:
        agencies = systems(province, trunk.url())
        octets = province.signed(number)
        oracle.told(octets, agencies[SENDER].submit(octets))
        status = province.status(number, "01", reporter=FIRST)
        with pytest.raises(OSError):
            agencies[FIRST].submit(status)
        assert trunk.wait() in KILLED
    with TrunkProcess(province.config) as trunk:
        agencies = systems(province, trunk.url())
        first, second = agencies[FIRST].submit(status), agencies[FIRST].submit(status)
        assert (first.status, first.octets) == (201, second.octets)
        (envelope_id,) = oracle.acknowledged
        track = agencies[SENDER].track(envelope_id).json
        (delivery,) = [d for d in track["deliveries"] if d["agency"] == FIRST]
        assert delivery["state"] == "delivered"
        assert [s["code"] for s in delivery["statuses"]] == ["01"]
        assert [i["status_code"] for i in agencies[SENDER].mail(kind="status")] == ["01"]
        assert trunk.stop() == 0
    _finish(province, oracle, statuses=1)


def _finish(province: Province, oracle: Oracle, *, statuses: int = 0) -> None:
    """Take everything, so that the next test finds empty inboxes; and count the facts."""
    with TrunkProcess(province.config) as trunk:
        agencies = systems(province, trunk.url())
        for code in (FIRST, SECOND):
            for item in list(agencies[code].mail(kind="document")):
                octets = agencies[code].fetch(item["delivery_id"]).octets
                assert octets == oracle.acknowledged[item["envelope_id"]]
                agencies[code].confirm(item["delivery_id"], octets)
        mail = list(agencies[SENDER].mail())
        facts = sorted(item["acknowledges"] for item in mail if item["kind"] == "acknowledgement")
        assert facts == ["accepted", "delivered", "delivered"]
        assert len([item for item in mail if item["kind"] == "status"]) == statuses
        for item in mail:
            agencies[SENDER].confirm(item["delivery_id"], agencies[SENDER].fetch(item["delivery_id"]).octets)
        assert trunk.stop() == 0
