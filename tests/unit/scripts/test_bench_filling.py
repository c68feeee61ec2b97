"""What the bench puts into a ledger is what the trunk would have left there: its own views read it well."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.agency_system import AgencySystem
from scripts.bench import agencies, filling
from scripts.bench.stand import Ground, Stand, trunk_on
from scripts.private_postgresql import PostgresServer
from scripts.province import FIRST, SENDER
from trunk.bootstrap import open_administration
from trunk.bootstrap.doctor import open_doctor
from trunk.domain.ailment import Ailment

DOCUMENTS = 7
OF_THE_HOUR = {Ailment.SERVICE_AWAY, Ailment.DISK, Ailment.CERTIFICATE_ENDS}
"""What a doctor says of any trunk that stands on a desk."""


@pytest.fixture(scope="module")
def stand(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    """A trunk with finished documents and a backlog, each of them filled in two parts."""
    place = Ground(stack="production", folder=Path(tmp_path_factory.mktemp("filled")), postgres=postgres_server)
    with trunk_on(place, workers=1, people=agencies.one_down) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(filling, "_PART", 4)
        filling.fill(made, filling.finished(made, FIRST), DOCUMENTS, days=30)
        filling.fill(made, filling.waiting(made, agencies.DOWN), DOCUMENTS, days=1)
        yield made


def _system(stand: Stand, agency: str) -> AgencySystem:
    return AgencySystem(base_url=stand.url, key=stand.province.keys[agency])


def _filled(stand: Stand, addressee: str) -> list[str]:
    """Ids of the filled documents, without their model, the oldest first: parts are written in any order."""
    question = (
        "SELECT e.id FROM envelope e JOIN delivery d ON d.envelope_id = e.id "  # noqa: S608 - a code of ours
        f"WHERE d.addressee = '{addressee}' AND e.document_code ~ '^[0-9]+/' ORDER BY e.accepted_at"
    )
    return stand.sql(question).split()


def _track(stand: Stand, envelope_id: str) -> Any:
    answer = _system(stand, SENDER).track(envelope_id)
    assert answer.status == 200, answer.octets
    return answer.json


def test_a_filled_document_is_tracked_as_delivered_and_acknowledged(stand: Stand) -> None:
    ids = _filled(stand, FIRST)
    assert len(ids) == DOCUMENTS
    track = _track(stand, ids[3])
    assert track["progress"] == "delivered"
    assert track["envelope"]["document_id"].endswith(",4/STN-VP")
    assert [one["state"] for one in track["deliveries"]] == ["delivered"]
    assert {one["kind"] for one in track["acknowledgements"]} == {"accepted", "delivered"}


def test_three_deliveries_are_left_by_each_and_nothing_is_left_to_do(stand: Stand) -> None:
    left = DOCUMENTS * (filling.DELIVERIES_EACH + 2)
    assert filling.deliveries(stand) == left + filling.DELIVERIES_EACH + 2
    assert stand.sql("SELECT count(*) FROM outbox").strip() == "0"
    assert not list(_system(stand, FIRST).mail())
    assert not list(_system(stand, SENDER).mail())


def test_positions_are_given_once_and_the_counter_knows_them(stand: Stand) -> None:
    different, newest = stand.sql("SELECT count(DISTINCT position), max(position) FROM delivery").strip().split("|")
    assert int(different) == filling.deliveries(stand)
    assert int(newest) <= int(stand.sql("SELECT value FROM counter WHERE name = 'position'"))


def test_a_backlog_can_be_taken_whole(stand: Stand) -> None:
    system = _system(stand, agencies.DOWN)
    mail = list(system.mail())
    assert len(mail) == DOCUMENTS + 1
    octets = system.fetch(mail[-1]["delivery_id"]).octets
    assert system.confirm(mail[-1]["delivery_id"], octets).status == 200
    assert [one["state"] for one in _track(stand, mail[-1]["envelope_id"])["deliveries"]] == ["delivered"]


def test_the_journal_is_whole(stand: Stand) -> None:
    with open_administration(stand.province.settings()) as room:
        checked = room.journal.check(passed=lambda _: None)
    assert checked.faults == []
    assert checked.lines > DOCUMENTS * 2 * 8


def test_the_doctor_finds_nothing_amiss(stand: Stand) -> None:
    with open_doctor(stand.province.settings()) as diagnosis:
        found = diagnosis.run(deep=True)
    assert [one for one in found if one.ailment not in OF_THE_HOUR] == []
