"""The doctor: every line that it may write, each from the fact that it stands for; and nothing where all is well."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.ledger_kit import AT, RECIPIENT, SENDER, acceptance, entered, move, one_delivery
from trunk.application.diagnosis import Diagnosis, Surroundings
from trunk.domain.agency import Agency, DeliveryMode, SystemId
from trunk.domain.ailment import ADVICE, Ailment, Finding
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.credential import KeyRecord, SystemRecord
from trunk.domain.delivery import Delivery, DeliveryEvent
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.errors import LedgerUnavailableError
from trunk.settings import Watch
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.tables import DELIVERY, LEASE, OUTBOX, PAYLOAD

DAY = timedelta(days=1)
WELL = Surroundings(
    free_mib=lambda: 5_000, service=dict, certificates=list, dead_letters=lambda: 0
)  # fmt: skip


@dataclass
class Practice:
    """A ledger with two agencies that are read, and a doctor."""

    ledger: Ledger
    folder: Path
    engine: Engine
    at: datetime = AT + timedelta(minutes=1)
    around: Surroundings = WELL

    def open(self) -> None:
        with self.ledger.begin() as book:
            for code in (SENDER, RECIPIENT):
                book.put_agency(Agency(code=code, name=code), at=AT)
                self.system(book, code)

    @staticmethod
    def system(book: object, code: str, **key: object) -> None:
        name = SystemId(f"{code}-qlvb".lower())
        book.put_system(SystemRecord(id=name, name=code, agencies=frozenset({code})))
        values: dict[str, object] = {"id": f"k-{code}", "system": name, "digest": "0", "created_at": AT, **key}
        book.put_key(KeyRecord(**values))

    def findings(self, *, deep: bool = False) -> list[Finding]:
        doctor = Diagnosis(
            ledger=self.ledger,
            payloads=PayloadStore(self.folder),
            watch=Watch(),
            lease_ahead=timedelta(minutes=10),
            around=self.around,
            now=lambda: self.at,
        )
        return doctor.run(deep=deep)

    def found(self, *, deep: bool = False) -> list[tuple[Ailment, str, int]]:
        return [(one.ailment, one.what, one.count) for one in self.findings(deep=deep)]

    def edit(self, statement: sa.Insert | sa.Update | sa.Delete) -> None:
        with self.engine.begin() as connection:
            connection.execute(statement)


@pytest.fixture
def practice(ledger: Ledger, engine: Engine, tmp_path: Path) -> Practice:
    made = Practice(ledger=ledger, engine=engine, folder=tmp_path)
    made.open()
    return made


def test_nothing_where_all_is_well(practice: Practice) -> None:
    one_delivery(practice.ledger)
    assert practice.found(deep=True) == []


def test_every_ailment_has_its_words() -> None:
    assert set(ADVICE) == set(Ailment)


def _sent(practice: Practice) -> Delivery:
    delivery = one_delivery(practice.ledger)
    with practice.ledger.begin() as book:
        moved = move(book, delivery.id, DeliveryEvent.PUBLISHED)
    practice.edit(sa.delete(OUTBOX))
    practice.edit(sa.update(DELIVERY).where(DELIVERY.c.addressee == SENDER).values(state="delivered", waiting=False))
    return moved


def _old_notice(practice: Practice) -> tuple[Ailment, str, int]:
    one_delivery(practice.ledger)
    practice.at += timedelta(minutes=11)
    return Ailment.OUTBOX_OLD, "outbox", 2


def _unqueued(practice: Practice) -> tuple[Ailment, str, int]:
    delivery = one_delivery(practice.ledger)
    practice.edit(sa.delete(OUTBOX))
    return Ailment.UNQUEUED, delivery.id, 2


def _orphan(practice: Practice) -> tuple[Ailment, str, int]:
    practice.edit(sa.insert(OUTBOX).values(delivery_id="gone", version=0, urgency=0, ready_at=AT, owner=None))
    return Ailment.ORPHAN, "gone", 1


def _outbox_ahead(practice: Practice) -> tuple[Ailment, str, int]:
    one_delivery(practice.ledger)
    practice.edit(sa.update(OUTBOX).values(ready_at=AT + DAY, owner="wrong"))
    return Ailment.OUTBOX_AHEAD, "outbox", 2


def _lease_ahead(practice: Practice) -> tuple[Ailment, str, int]:
    practice.edit(sa.insert(LEASE).values(name="uplink", owner="o", until=AT + DAY))
    return Ailment.LEASE_AHEAD, "uplink", 1


def _lease_dead(practice: Practice) -> tuple[Ailment, str, int]:
    practice.edit(sa.insert(LEASE).values(name="uplink", owner="o", until=AT - DAY))
    return Ailment.LEASE_DEAD, "uplink", 1


def _aside(practice: Practice) -> tuple[Ailment, str, int]:
    with practice.ledger.begin() as book:
        book.mending.lay_aside(Ailment.ORPHAN, "gone", "why", at=AT)
    return Ailment.SET_ASIDE, "1", 1


def _untaken(practice: Practice) -> tuple[Ailment, str, int]:
    _sent(practice)
    practice.at += 2 * DAY
    return Ailment.UNTAKEN, RECIPIENT, 1


def _expired(practice: Practice) -> tuple[Ailment, str, int]:
    delivery = _sent(practice)
    with practice.ledger.begin() as book:
        move(book, delivery.id, DeliveryEvent.LIFETIME_ENDED)
    return Ailment.EXPIRED, RECIPIENT, 1


def _link(practice: Practice) -> tuple[Ailment, str, int]:
    link = HubLink(id="l", hub="n", direction=Direction.UP, remote_id="r", state=LinkState.OPEN, at=AT - 8 * DAY)
    with practice.ledger.begin() as book:
        book.hub_links.put(link)
    return Ailment.LINKS_OPEN, "hub_link", 1


def _request(practice: Practice) -> tuple[Ailment, str, int]:
    (accepted,) = entered(practice.ledger, acceptance())
    envelope, delivery = accepted.envelope, accepted.deliveries[0]
    asked = ChangeRequest(
        id="q",
        kind=RequestKind.RECALL,
        state=RequestState.OPEN,
        delivery_id=delivery.id,
        envelope_id=envelope.id,
        asked_by=envelope.id,
        asked_at=AT - 8 * DAY,
    )
    with practice.ledger.begin() as book:
        book.enter_requests([asked])
    return Ailment.REQUESTS_OPEN, "change_request", 1


def _clock(practice: Practice) -> tuple[Ailment, str, int]:
    one_delivery(practice.ledger)
    practice.at = AT - timedelta(hours=1)
    practice.edit(sa.delete(OUTBOX).where(OUTBOX.c.id < 0))
    practice.edit(sa.update(OUTBOX).values(ready_at=practice.at))
    return Ailment.CLOCK, "journal", 1


def _no_system(practice: Practice) -> tuple[Ailment, str, int]:
    one_delivery(practice.ledger, to=("H99",))
    return Ailment.NO_SYSTEM, "H99", 1


def _no_key(practice: Practice) -> tuple[Ailment, str, int]:
    with practice.ledger.begin() as book:
        book.revoke_key(f"k-{RECIPIENT}", at=AT)
    one_delivery(practice.ledger)
    return Ailment.NO_KEY, RECIPIENT, 1


def _key_ends(practice: Practice) -> tuple[Ailment, str, int]:
    with practice.ledger.begin() as book:
        practice.system(book, RECIPIENT, expires_at=AT + 10 * DAY)
    return Ailment.CREDENTIAL_ENDS, f"key k-{RECIPIENT}", 1


def _disk(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, free_mib=lambda: 12)
    return Ailment.DISK, "12 MiB", 1


def _certificate(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, certificates=lambda: [("a.pem", AT + DAY), ("b.pem", AT + 400 * DAY)])
    return Ailment.CERTIFICATE_ENDS, "a.pem", 1


def _letters(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, dead_letters=lambda: 7)
    return Ailment.DEAD_LETTERS, "trunk.dead-letters", 7


def _broker(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, service=lambda: {"broker": "away"})
    return Ailment.BROKER_AWAY, "broker", 1


def _loop(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, service=lambda: {"uplink-up": "held up"})
    return Ailment.LOOP, "uplink-up", 1


def _service(practice: Practice) -> tuple[Ailment, str, int]:
    practice.around = replace(WELL, service=lambda: None)
    return Ailment.SERVICE_AWAY, "trunk serve", 1


STORIES: dict[str, Callable[[Practice], tuple[Ailment, str, int]]] = {
    name.removeprefix("_"): story
    for name, story in list(globals().items())
    if name.startswith("_") and callable(story) and name != "_sent" and not name.startswith("__")
}


@pytest.mark.parametrize("story", STORIES)
def test_each_line_comes_from_its_fact_and_no_other_does(practice: Practice, story: str) -> None:
    expected = STORIES[story](practice)
    assert practice.found() == [expected]


def test_octets_with_another_digest_are_found_in_ledger_and_store(practice: Practice) -> None:
    one_delivery(practice.ledger)
    large = hashlib.sha256(b"large").hexdigest()
    one_delivery(practice.ledger, "VB-2", octets=b"large")
    digest = hashlib.sha256(b"<edXML/>").hexdigest()
    practice.edit(sa.update(PAYLOAD).where(PAYLOAD.c.sha256 == digest).values(octets=b"forged"))
    practice.edit(sa.update(PAYLOAD).where(PAYLOAD.c.sha256 == large).values(octets=None))
    assert practice.found() == []
    assert sorted(practice.found(deep=True)) == sorted(
        [(Ailment.PAYLOAD, digest, 1), (Ailment.PAYLOAD, large, 1)]
    )  # fmt: skip


def test_a_row_that_was_edited_by_hand_is_told(practice: Practice) -> None:
    delivery = one_delivery(practice.ledger)
    practice.edit(sa.update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(state="received", waiting=False))
    assert practice.found(deep=True) == [(Ailment.EDITED, delivery.id, 1)]


def test_a_state_that_nobody_knows_stops_no_question(practice: Practice) -> None:
    delivery = one_delivery(practice.ledger)
    practice.edit(sa.update(DELIVERY).where(DELIVERY.c.id == delivery.id).values(waiting=False, state="received"))
    with practice.engine.begin() as connection:
        connection.execute(sa.text("UPDATE delivery SET state = 'nonsense' WHERE id = :id"), {"id": delivery.id})
    (one,) = practice.findings(deep=True)
    assert (one.ailment, one.why) == (Ailment.EDITED, "nonsense; journal: queued")


def test_an_agency_beyond_a_hub_needs_no_system(practice: Practice) -> None:
    with practice.ledger.begin() as book:
        book.put_agency(Agency(code="H99", name="x", mode=DeliveryMode.UPLINK), at=AT)
    one_delivery(practice.ledger, to=("H99",))
    assert practice.found() == []


def test_a_ledger_that_is_away_is_told_with_all_else(practice: Practice, monkeypatch: pytest.MonkeyPatch) -> None:
    practice.around = replace(WELL, free_mib=lambda: 1)

    def away(_: Ledger) -> None:
        raise LedgerUnavailableError("no")

    monkeypatch.setattr(Ledger, "read", away)
    assert [one.ailment for one in practice.findings()] == [Ailment.LEDGER_AWAY, Ailment.DISK]


def test_its_json_is_json_alone_beside_a_real_rabbitmq(rabbitmq_url: str, tmp_path: Path) -> None:
    """The connection's own log is no part of what was asked for."""

    def said(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "trunk", *words], capture_output=True, text=True, check=False)

    said("init", str(tmp_path / "trunk"), "--broker", rabbitmq_url)
    done = said("--config", str(tmp_path / "trunk" / "trunk.toml"), "doctor", "--json")
    assert {one["code"] for one in json.loads(done.stdout)["findings"]} >= {Ailment.SERVICE_AWAY.value}, done.stderr
    assert done.returncode == 1
