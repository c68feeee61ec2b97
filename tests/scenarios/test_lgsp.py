"""A client of a provincial LGSP service moves to this trunk by changing an address and its credentials: a real trunk
that listens, and clients that log in, poll and remember as integrators' do."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.lgsp_kit import Lgsp
from tests.unit.http.lgsp.house import is_failure, is_unauthorized
from tests.unit.http.serving import Client, serving
from trunk.application.accounts import PasswordWish
from trunk.application.shared_secrets import SecretWish
from trunk.bootstrap import open_administration, open_service
from trunk.domain.agency import SystemId
from trunk.domain.rejection import Code

pytestmark = pytest.mark.timeout(300)

NAMES = {SENDER: "H41.DN.001", FIRST: "H36.DN.017", SECOND: "G12.DN.000"}
NUMBERS = count(1)
SETTINGS = """
[lgsp]
administrators = "g12-qlvb"

[delivery]
retry_first_seconds = 0.1
"""


@dataclass
class Town:
    """A trunk at work, and the clients of its agencies."""

    province: Province
    port: int
    ahead: timedelta = timedelta(0)  #: of the clients' clocks
    credentials: dict[str, tuple[str, str]] = field(default_factory=dict)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead  # noqa: TID251  clients live in the real time

    def client(self, agency: str) -> Lgsp:
        password, secret = self.credentials[agency]
        return Lgsp(Client(self.port), agency.lower(), password, NAMES[agency], secret, self.now)

    def letter(self, **wish: Any) -> bytes:
        return self.province.signed(str(next(NUMBERS)), **wish)

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    province = make_province(tmp_path / "province", settings=SETTINGS)
    with ExitStack() as stack:
        stack.enter_context(structlog.testing.capture_logs())
        service = stack.enter_context(open_service(province.settings()))
        for loop in service.process.loops:
            loop.start()
            stack.callback(loop.stop)
        client = stack.enter_context(serving(service.app))
        town = Town(province, client.port)
        with open_administration(province.settings()) as room:
            room.secrets.make_key()
            room.accounts.make_key()
            for agency, name in NAMES.items():
                system = SystemId(f"{agency.lower()}-qlvb")
                password = room.accounts.issue(PasswordWish(system=system, username=agency.lower())).spelled
                town.credentials[agency] = (password, room.secrets.issue(SecretWish(system=system, name=name)).spelled)
        yield town


def test_the_life_of_a_document(town: Town) -> None:
    sender, recipient = town.client(SENDER), town.client(FIRST)
    for _ in range(2):
        number = str(next(NUMBERS))
        letter = town.province.signed(number, recipients=[FIRST])
        sent = sender.send(letter).json
        assert (sent["success"], sent["message"]) == (True, "OK")
        assert sender.send(letter).json["docId"] == sent["docId"], "the same file again is the same document"
        (item,) = recipient.listed()
        assert (item["from"], item["to"], item["status"]) == (SENDER, FIRST, "initial")
        (mail,) = recipient.poll()
        assert mail["edxml"].encode() == letter
        assert (mail["from"], mail["fromName"]) == (SENDER, "Sở Thử nghiệm tỉnh Mẫu")
        assert mail["edocCode"] == f"{number}/STN-VP"
        ((name, content),) = ((a["fileName"], a["fileContent"]) for a in mail["attachments"])
        assert (name, base64.b64decode(content)) == ("cong-van.pdf", b"%PDF-1.7\nmake-believe\n")
        assert recipient.listed() == []

        status = town.province.status(number, "03", reporter=FIRST)
        assert recipient.send(status, kind="status").json["success"] is True
        (told,) = sender.poll("status")
        assert told["edxml"].encode() == status
        assert told["attachments"] == []
        assert sender.listed("status") == [], "the trunk's own acknowledgements stay at the native door"
        native = Client(town.port, town.province.keys[SENDER])
        (delivery,) = native.get(f"/api/v1/envelopes/{sent['docId']}").json["deliveries"]
        assert delivery["state"] == "received"
    assert (sender.logins, recipient.logins) == (1, 1)


def test_a_week_of_polling_reads_each_document_once(town: Town) -> None:
    sender, recipient = town.client(SENDER), town.client(FIRST)
    letters = [town.letter(recipients=[FIRST]) for _ in range(5)]
    for letter in letters[:3]:
        assert sender.send(letter).json["success"] is True
    got = [mail["edxml"].encode() for mail in recipient.poll()]
    for letter in letters[2:]:
        assert sender.send(letter).json["success"] is True
    got += [mail["edxml"].encode() for _ in range(3) for mail in recipient.poll()]
    assert sorted(got) == sorted(letters)


def test_a_cursor_shows_what_is_new_and_a_list_without_one_everything(town: Town) -> None:
    sender, recipient = town.client(SENDER), town.client(FIRST)
    assert sender.send(town.letter(recipients=[FIRST])).json["success"] is True
    (first,) = recipient.listed()
    assert sender.send(town.letter(recipients=[FIRST])).json["success"] is True
    (second,) = recipient.listed(query=f"&cursor={recipient.cursor}")
    assert first["docId"] != second["docId"]
    assert recipient.listed(query=f"&cursor={recipient.cursor}") == []
    assert {one["docId"] for one in recipient.listed()} == {first["docId"], second["docId"]}


def test_fail_is_offered_again_and_a_business_status_is_not_invented(town: Town) -> None:
    sender, recipient = town.client(SENDER), town.client(FIRST)
    sent = sender.send(town.letter(recipients=[FIRST])).json["docId"]
    (item,) = recipient.listed()
    assert recipient.says(item["docId"], "fail").json["success"] is True
    town.until(lambda: [one["docId"] for one in recipient.listed()] == [item["docId"]])
    assert recipient.says(item["docId"], "03").json["success"] is True
    assert recipient.listed() == []
    assert sender.listed("status") == []
    native = Client(town.port, town.province.keys[SENDER])
    (delivery,) = native.get(f"/api/v1/envelopes/{sent}").json["deliveries"]
    assert (delivery["state"], delivery["statuses"]) == ("delivered", [])


def test_each_refusal_has_its_number(town: Town) -> None:
    sender = town.client(SENDER)
    for octets, status, number, code in (
        (town.letter(recipients=[FIRST, "X99"]), 422, "18", Code.ADDRESSEE_UNKNOWN),
        (town.letter(sender=FIRST, recipients=[SECOND]), 403, "19", Code.SENDER_NOT_CALLER),
        (b"Kinh gui", 400, "10", Code.NOT_XML),
        (b"", 400, "10", Code.EMPTY),
        (town.province.document(str(next(NUMBERS))), 422, "21", Code.UNSIGNED),
    ):
        answer = sender.send(octets)
        is_failure(answer, status=answer.status, number=number, code=code)
        assert answer.status in (status, 400, 403, 422)


def test_a_token_is_renewed_after_29_minutes_and_ends_with_its_password(town: Town) -> None:
    client = town.client(FIRST)
    assert client.listed() == []
    town.ahead = timedelta(minutes=28)
    assert client.listed() == []
    assert client.logins == 1
    town.ahead = timedelta(minutes=30)
    assert client.listed() == []
    assert client.logins == 2
    with open_administration(town.province.settings()) as room:
        (old,) = room.accounts.all_of(SystemId("h36.17-qlvb"))
        new = room.accounts.issue(PasswordWish(system=old.system, username=old.username)).spelled
        assert client.listed() == []
        assert room.accounts.retire(old.id)
    town.until(lambda: client.get("getAgenciesList").status == 401)
    is_unauthorized(client.get("getAgenciesList"), Code.KEY_EXPIRED)
    is_unauthorized(client.log_in(), Code.KEY_EXPIRED)
    client.password, client.until = new, None
    assert client.listed() == []


def test_a_secret_that_was_changed_is_told_from_a_wrong_one(town: Town) -> None:
    client = town.client(FIRST)
    with open_administration(town.province.settings()) as room:
        (old,) = room.secrets.all_of(SystemId("h36.17-qlvb"))
        new = room.secrets.issue(SecretWish(system=old.system, name=old.name)).spelled
        assert client.listed() == []
        assert room.secrets.retire(old.id)
    town.until(lambda: client.get("getAgenciesList").status == 401)
    is_unauthorized(client.get("getAgenciesList"), Code.KEY_EXPIRED)
    is_unauthorized(client.get("getAgenciesList", **{"X-SecretKey": "wrong"}), Code.SYSTEM_SECRET)
    client.secret = new
    assert client.listed() == []
    other = town.client(SECOND)
    client.headers()
    is_unauthorized(other.get("getAgenciesList", Authorization=f"Bearer {client.token}"), Code.TOKEN)


def test_large_files_go_in_and_out_by_many_at_once(town: Town) -> None:
    sender, recipient = town.client(SENDER), town.client(FIRST)
    content = bytes(range(256)) * 8_000
    letters = [town.letter(recipients=[FIRST], content=content) for _ in range(3)]
    sender.headers()
    threads = [threading.Thread(target=sender.send, args=(letter,)) for letter in letters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    got = list(recipient.poll())
    assert sorted(mail["edxml"].encode() for mail in got) == sorted(letters)
    assert all(base64.b64decode(mail["attachments"][0]["fileContent"]) == content for mail in got)


def test_the_address_book_and_its_keepers(town: Town) -> None:
    hub, sender = town.client(SECOND), town.client(SENDER)
    said = {"orgCode": "H41.09", "orgName": "Sở Mới", "parentCode": "H41.01", "email": "a@b.vn", "phone": "0123"}
    is_failure(sender.post("registerAgency", said), status=403, number="15", code=Code.NOT_ENROLLER)
    for _ in range(2):
        assert hub.post("registerAgency", said).json["success"] is True
    town.until(lambda: "H41.09" in {one["orgCode"] for one in sender.get("getAgenciesList").json})
    (new,) = [one for one in sender.get("getAgenciesList").json if one["orgCode"] == "H41.09"]
    assert (new["orgName"], new["parentCode"], new["email"], new["phone"]) == ("Sở Mới", "H41.01", "a@b.vn", "0123")
