"""Agencies are merged, renamed and put under one another while their systems go on as before."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.unit.http.serving import Answer, Client, serving
from trunk.application.administration import Administration
from trunk.bootstrap import open_administration, open_service
from trunk.domain.agency import Agency
from trunk.domain.delivery import AgencyCode

BOOK, INBOX = "/api/v1/agencies", "/api/v1/inbox"
UNIT = f"{FIRST}.05"
_NOTICED_SECONDS = 3.2  # the directory and keys are believed for two, a caller for one


@dataclass
class Town:
    """A trunk at work, its systems, and its administrator."""

    province: Province
    port: int
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def system(self, agency: str) -> Client:
        return Client(self.port, self.province.keys[agency])

    @contextmanager
    def administration(self) -> Iterator[Administration]:
        """What is done there has been noticed everywhere afterwards."""
        with open_administration(self.province.settings()) as room:
            yield room.administration
        threading.Event().wait(_NOTICED_SECONDS)

    def letter(self, sender: str, *recipients: str, signer: str = "") -> bytes:
        who = self.province.signer(signer or sender)
        return self.province.signed(str(next(self.numbers)), sender=sender, recipients=recipients, signer=who)

    def send(self, by: str, letter: bytes) -> Answer:
        return self.system(by).post("/api/v1/envelopes", letter)

    def sent(self, by: str, letter: bytes) -> str:
        answer = self.send(by, letter)
        assert answer.status == 201, answer.json
        return str(answer.json["envelope_id"])

    def inbox(self, agency: str, query: str = "") -> dict[str, str]:
        """Documents that wait, by envelope, and for whom."""
        items = self.system(agency).get(f"{INBOX}?limit=500&{query}").json["items"]
        return {i["envelope"]["envelope_id"]: i["agency"] for i in items if i["envelope"]["kind"] == "document"}

    def take(self, agency: str, envelope_id: str) -> int:
        """Fetch and confirm as the system of ``agency``; the status of the answer."""
        client = self.system(agency)
        items = client.get(f"{INBOX}?limit=500").json["items"]
        (item,) = (i for i in items if i["envelope"]["envelope_id"] == envelope_id)
        octets = client.get(item["content"]).octets
        word = {"outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()}
        return client.post(f"/api/v1/deliveries/{item['delivery_id']}/confirmation", word).status


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    province = make_province(tmp_path)
    with structlog.testing.capture_logs(), open_service(province.settings()) as service:
        for loop in service.process.loops:
            loop.start()
        try:
            with serving(service.app) as client:
                yield Town(province, client.port)
        finally:
            assert all(loop.stop() for loop in service.process.loops)


def changed(town: Town, since: int) -> Any:
    return town.system(SENDER).get(f"{BOOK}?since={since}").json


def test_mail_for_a_unit_wakes_the_system_of_its_agency(town: Town) -> None:
    with town.administration() as administration:
        administration.put_agencies([Agency(code=AgencyCode(UNIT), name="Phòng", parent=FIRST, unit=True)])
    assert town.system(SECOND).get(f"{INBOX}?agency={UNIT}").status == 404
    pages: list[Answer] = []
    waiting = [
        threading.Thread(target=lambda query=query: pages.append(town.system(FIRST).get(f"{INBOX}?wait=60{query}")))
        for query in ("", f"&agency={FIRST}")
    ]
    for one in waiting:
        one.start()
    envelope_id = town.sent(SENDER, town.letter(SENDER, UNIT))
    for one in waiting:
        one.join(20)
    found = [[(i["envelope"]["envelope_id"], i["agency"]) for i in page.json["items"]] for page in pages]
    assert found == [[(envelope_id, UNIT)]] * 2
    assert town.take(FIRST, envelope_id) == 200


def test_a_merged_agency_is_reached_under_its_old_codes_and_its_system_comes_to_its_end(town: Town) -> None:
    before = town.sent(SENDER, town.letter(SENDER, FIRST))
    also = town.sent(SENDER, town.letter(SENDER, FIRST))
    edition = changed(town, 0)["edition"]
    assert changed(town, edition)["items"] == []
    with town.administration() as administration:
        administration.merge(FIRST, SECOND)
    told = changed(town, edition)
    assert [(item["code"], item["successor"]) for item in told["items"]] == [(SECOND, ""), (FIRST, SECOND)]
    assert told["edition"] > edition
    assert len(changed(town, told["edition"] + 1)["items"]) == 3, "a version that never was: all"

    after = town.sent(SENDER, town.letter(SENDER, "000.00.17.H36"))
    assert town.inbox(SECOND) == {before: FIRST, also: FIRST, after: SECOND}
    assert town.inbox(SECOND, f"agency={FIRST}") == {before: FIRST, also: FIRST}
    assert town.inbox(FIRST) == town.inbox(FIRST, "agency=000.00.17.H36") == {before: FIRST, also: FIRST}
    assert town.system(FIRST).get(f"{INBOX}?agency={SECOND}").status == 404
    assert town.take(FIRST, before) == town.take(SECOND, also) == 200
    both = town.sent(SENDER, town.letter(SENDER, FIRST, SECOND))
    assert town.inbox(SECOND) == {after: SECOND, both: SECOND}, "once, though it was named twice"


def test_a_merged_agencys_system_sends_on_under_the_old_code_and_the_successor_is_told(town: Town) -> None:
    with town.administration() as administration:
        administration.merge(FIRST, SECOND)
    town.sent(FIRST, town.letter(FIRST, SENDER))
    assert town.send(FIRST, town.letter(SECOND, SENDER, signer=FIRST)).codes == ["ADR-102"]
    assert town.send(SENDER, town.letter(FIRST, SECOND)).codes[:1] == ["ADR-102"]
    assert town.send(SECOND, town.letter("000.00.17.H36", SENDER, signer=SECOND)).status == 201
    kinds = [item["envelope"]["kind"] for item in town.system(SECOND).get(INBOX).json["items"]]
    assert kinds == ["acknowledgement"] * 2
    assert town.system(FIRST).get(INBOX).json["items"] == []


def test_whose_people_stay_behind_sign_no_more(town: Town) -> None:
    with town.administration() as administration:
        administration.merge(FIRST, SECOND, with_mandates=False)
    assert town.send(FIRST, town.letter(FIRST, SENDER)).codes == ["ADR-105"]


def test_a_renamed_agency_goes_on_with_the_same_key_under_both_codes(town: Town) -> None:
    before = town.sent(SENDER, town.letter(SENDER, FIRST))
    with town.administration() as administration:
        administration.rename(FIRST, "H36.20")
    after = [town.sent(SENDER, town.letter(SENDER, code)) for code in (FIRST, "000.00.17.H36", "H36.20")]
    assert town.inbox(FIRST) == {before: FIRST, **dict.fromkeys(after, "H36.20")}
    assert all(town.take(FIRST, envelope_id) == 200 for envelope_id in (before, *after))
    for code in (FIRST, "H36.20"):
        town.sent(FIRST, town.letter(code, SENDER, signer=FIRST))
