"""The native API from outside, on a real trunk in this process (SQLite, embedded broker): sent, received, confirmed,
acknowledged; and everything that HTTP alone can get wrong.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.unit.http.serving import Answer, Client, serving
from trunk.bootstrap import open_administration, open_service
from trunk.domain.control import Role
from trunk.http.app import routes
from trunk.http.description import Route

ENVELOPES, INBOX = "/api/v1/envelopes", "/api/v1/inbox"
NUMBERS = count(1)


@dataclass
class Post:
    """A trunk at work and the systems that call it."""

    province: Province
    port: int
    systems: Mapping[str, Client] = field(init=False)

    def __post_init__(self) -> None:
        self.systems = {code: Client(self.port, key) for code, key in self.province.keys.items()}

    @property
    def sender(self) -> Client:
        return self.systems[SENDER]

    def send(self, octets: bytes | None = None, **headers: str) -> Answer:
        return self.sender.post(ENVELOPES, octets or self.letter(), **headers)

    def letter(self, **wish: Any) -> bytes:
        return self.province.signed(str(next(NUMBERS)), **wish)

    def mail(self, agency: str, *, wait: int = 10, kind: str = "document") -> list[dict[str, Any]]:
        """What waits for ``agency``, after at most ``wait`` seconds."""
        page = self.systems[agency].get(f"{INBOX}?wait={wait}&limit=500").json
        return [item for item in page["items"] if item["envelope"]["kind"] == kind]

    def take(self, agency: str, item: Mapping[str, Any]) -> bytes:
        """Fetch and confirm."""
        octets = self.systems[agency].get(item["content"]).octets
        assert _confirm(self.systems[agency], item["delivery_id"], octets).status == 200
        return octets

    def facts(self, envelope_id: str) -> list[str]:
        """What the trunk has told the sender of an envelope, and is in its inbox."""
        items = self.sender.get(f"{INBOX}?limit=500").json["items"]
        told = (i["envelope"] for i in items if i["envelope"]["kind"] == "acknowledgement")
        return sorted(envelope["acknowledges"] for envelope in told if envelope["about"] == envelope_id)


def _confirm(client: Client, delivery_id: str, octets: bytes) -> Answer:
    word = {"outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()}
    return client.post(f"/api/v1/deliveries/{delivery_id}/confirmation", word)


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    province = make_province(tmp_path_factory.mktemp("province"))
    with structlog.testing.capture_logs(), open_service(province.settings()) as service:
        for loop in service.process.loops:
            loop.start()
        try:
            with serving(service.app) as client:
                yield Post(province, client.port)
        finally:
            assert all(loop.stop() for loop in service.process.loops)


# the main road


def test_a_letter_goes_to_both_recipients_octet_for_octet_and_every_acknowledgement_comes_back(post: Post) -> None:
    letter = post.letter()
    accepted = post.send(letter)
    assert accepted.status == 201, accepted.json
    envelope_id = accepted.json["envelope_id"]
    assert "Signature" in accepted.json["acknowledgement"]["xml"]
    for agency in (FIRST, SECOND):
        (item,) = [i for i in post.mail(agency) if i["envelope"]["envelope_id"] == envelope_id]
        assert item["agency"] == agency
        assert item["delivery_id"] in {d["delivery_id"] for d in accepted.json["deliveries"]}
        assert post.take(agency, item) == letter
        assert not [i for i in post.mail(agency, wait=0) if i["delivery_id"] == item["delivery_id"]]
    assert post.facts(envelope_id) == ["accepted", "delivered", "delivered"]
    track = post.sender.get(accepted.headers["Location"]).json
    assert track["progress"] == "delivered"
    assert [a["kind"] for a in track["acknowledgements"]] == ["accepted", "delivered", "delivered"]
    assert {d["state"] for d in track["deliveries"]} == {"delivered"}


def test_a_waiting_system_gets_a_letter_as_soon_as_it_is_accepted(post: Post) -> None:
    for item in post.mail(SECOND, wait=0):
        post.take(SECOND, item)
    pages: list[Answer] = []
    cursor = post.systems[SECOND].get(f"{INBOX}?limit=500").json["cursor"]
    poll = threading.Thread(target=lambda: pages.append(post.systems[SECOND].get(f"{INBOX}?wait=60&cursor={cursor}")))
    poll.start()
    sent = post.send(post.letter(recipients=[SECOND])).json
    poll.join(20)
    assert [item["envelope"]["envelope_id"] for item in pages[0].json["items"]] == [sent["envelope_id"]]


def test_the_same_submission_again_gets_the_same_answer_byte_for_byte(post: Post) -> None:
    letter = post.letter()
    first = post.send(letter, Idempotency_Key="again")
    for again in (post.send(letter, Idempotency_Key="again"), post.send(letter)):
        assert (again.status, again.octets, again.headers["Location"]) == (201, first.octets, first.headers["Location"])
        assert again.headers["Idempotent-Replayed"] == "true"
    for agency in (FIRST, SECOND):
        items = [i for i in post.mail(agency) if i["envelope"]["envelope_id"] == first.json["envelope_id"]]
        assert len(items) == 1
    assert post.facts(first.json["envelope_id"]) == ["accepted"]


def test_the_same_submission_many_times_at_once_is_one_envelope(post: Post) -> None:
    letter = post.letter()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post.send(letter), range(16)))
    assert {answer.status for answer in answers} == {201}
    assert len({answer.octets for answer in answers}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1


def test_other_octets_under_a_taken_key_are_a_conflict_and_enter_nothing(post: Post) -> None:
    post.send(Idempotency_Key="mine")
    other = post.send(Idempotency_Key="mine")
    assert (other.status, other.codes) == (409, ["DUP-101"])


def test_a_large_letter_travels_through_files_and_comes_out_whole_and_in_parts(post: Post, tmp_path: Path) -> None:
    letter = post.letter(recipients=[FIRST], content=bytes(range(256)) * 8_000)
    assert len(letter) > 2_000_000
    accepted = post.send(letter)
    assert accepted.status == 201, accepted.json
    path = f"/api/v1/deliveries/{accepted.json['deliveries'][0]['delivery_id']}/envelope"
    recipient = post.systems[FIRST]
    assert recipient.get(path).octets == letter
    half = len(letter) // 2
    assert (
        recipient.get(path, Range=f"bytes=0-{half - 1}").octets + recipient.get(path, Range=f"bytes={half}-").octets
        == letter
    )
    assert not list((post.province.settings().data_folder / "spool").iterdir())


def test_a_status_of_the_recipient_reaches_the_sender_and_moves_the_delivery(post: Post) -> None:
    number = str(next(NUMBERS))
    sent = post.send(post.province.signed(number, recipients=[FIRST])).json
    told = post.systems[FIRST].post(ENVELOPES, post.province.status(number, "03", reporter=FIRST))
    assert told.status == 201, told.json
    assert any(i["envelope"]["status_code"] == "03" for i in post.mail(SENDER, kind="status"))
    track = post.sender.get(f"{ENVELOPES}/{sent['envelope_id']}").json
    assert track["progress"] == "received"
    assert [status["code"] for status in track["deliveries"][0]["statuses"]] == ["03"]
    assert {"accepted", "received"} <= set(post.facts(sent["envelope_id"]))


def test_a_validation_says_what_an_acceptance_would_and_leaves_no_trace(post: Post) -> None:
    letter = post.letter()
    rehearsed = post.sender.post("/api/v1/validate", letter).json
    assert rehearsed["acceptable"] is True, rehearsed
    assert rehearsed["message"]["recipients"] == [FIRST, SECOND]
    found = post.sender.get(f"{ENVELOPES}?document_id={rehearsed['message']['document_id']}").json
    assert found == {"items": []}
    assert "Idempotent-Replayed" not in post.send(letter).headers


def test_the_readiness_of_a_trunk_at_work_is_whole(post: Post) -> None:
    answer = post.sender.get("/readyz")
    assert (answer.status, answer.json["ready"]) == (200, True), answer.json
    assert {"ledger", "broker", "relay", "sweep", "mailroom"} <= set(answer.json["checks"])


# what goes wrong


def test_a_wrong_digest_leaves_the_letter_where_it_is(post: Post) -> None:
    delivery = post.send(post.letter(recipients=[FIRST])).json["deliveries"][0]["delivery_id"]
    answer = _confirm(post.systems[FIRST], delivery, b"something else")
    assert (answer.status, answer.codes) == (422, ["TRK-113"])
    assert delivery in {item["delivery_id"] for item in post.mail(FIRST, wait=0)}


def test_a_confirmation_twice_is_a_quiet_success_and_told_once(post: Post) -> None:
    letter = post.letter(recipients=[FIRST])
    sent = post.send(letter).json
    delivery = sent["deliveries"][0]["delivery_id"]
    first, second = (_confirm(post.systems[FIRST], delivery, letter) for _ in range(2))
    assert (first.status, second.status, second.octets) == (200, 200, first.octets)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert post.facts(sent["envelope_id"]) == ["accepted", "delivered"]
    failed = {"outcome": "failed", "reason": "too late"}
    late = post.systems[FIRST].post(f"/api/v1/deliveries/{delivery}/confirmation", failed)
    assert (late.status, late.codes) == (409, ["TRK-114"])


def test_a_failed_delivery_stays_in_the_inbox_with_one_attempt_more(post: Post) -> None:
    delivery = post.send(post.letter(recipients=[FIRST])).json["deliveries"][0]["delivery_id"]
    word = {"outcome": "failed", "reason": "hết dung lượng"}
    assert post.systems[FIRST].post(f"/api/v1/deliveries/{delivery}/confirmation", word).json["state"] == "deferred"
    (item,) = [i for i in post.mail(FIRST, wait=0) if i["delivery_id"] == delivery]
    assert (item["state"], item["attempts"]) == ("deferred", 1)


def test_every_unknown_addressee_is_named_and_nobody_gets_the_letter(post: Post) -> None:
    before = {item["delivery_id"] for item in post.mail(FIRST, wait=0)}
    refused = post.send(post.letter(recipients=[FIRST, "X99", "Y99"]))
    assert (refused.status, refused.codes) == (422, ["ADR-103", "ADR-103"])
    assert [fault["got"] for fault in refused.json["faults"]] == ["X99", "Y99"]
    assert "Signature" in refused.json["acknowledgement"]["xml"]
    assert {item["delivery_id"] for item in post.mail(FIRST, wait=0)} == before


@pytest.mark.parametrize(
    ("octets", "status", "code"),
    [
        (b"", 400, "ENV-001"),
        (b"Kinh gui", 400, "ENV-002"),
        (b"<edXML", 400, None),
        (b"\x00\x01\x02", 400, None),
        (b"<html/>", 400, "ENV-009"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 400, "ENV-005"),
        (b"<a>" * 100, 400, None),
    ],
)
def test_what_is_no_edxml_is_a_problem_with_a_code_and_never_a_fault_of_ours(
    post: Post, octets: bytes, status: int, code: str | None
) -> None:
    answer = post.sender.post(ENVELOPES, octets)
    assert answer.status == status
    assert code in (None, answer.json["code"])
    assert b"Traceback" not in answer.octets


def test_an_unsigned_letter_and_one_for_another_sender_are_refused(post: Post) -> None:
    unsigned = post.sender.post(ENVELOPES, post.province.document("n1"))
    assert (unsigned.status, unsigned.codes) == (422, ["SIG-001"])
    foreign = post.systems[FIRST].post(ENVELOPES, post.letter())
    assert (foreign.status, foreign.json["code"], foreign.json["acknowledgement"]) == (403, "ADR-102", None)


def test_a_letter_that_was_changed_on_its_way_is_refused_as_forged(post: Post) -> None:
    changed = post.letter().replace("chạy thử".encode(), "chạy thật".encode())
    answer = post.send(changed)
    assert answer.status == 422
    assert {code[:3] for code in answer.codes} == {"SIG"}


def test_a_body_cut_off_in_the_middle_enters_nothing(post: Post) -> None:
    letter = post.letter()
    key = post.province.keys[SENDER]
    head = (
        f"POST {ENVELOPES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {len(letter)}\r\n\r\n"
    )
    post.sender.raw(head.encode() + letter[: len(letter) // 2], then_close=True)
    assert "Idempotent-Replayed" not in post.send(letter).headers


# nobody sees what is not theirs


def test_no_door_opens_on_somebody_elses_mail(post: Post) -> None:
    """Every guarded door with every id of a letter between two others: as if there were nothing."""
    sent = post.send(post.letter(recipients=[FIRST])).json
    ids = [sent["envelope_id"], sent["acknowledgement"]["envelope_id"], sent["deliveries"][0]["delivery_id"]]
    stranger = post.systems[SECOND]
    for route in (route for route in routes() if isinstance(route, Route) and "{" in route.path):
        for named in ids:
            path = route.path.replace("{envelope_id}", named).replace("{delivery_id}", named)
            word = {"outcome": "taken", "sha256": sent["sha256"]}
            answer = stranger.post(path, word) if route.method == "POST" else stranger.get(path)
            assert (answer.status, answer.codes) == (404, ["TRK-103"]), path
            assert sent["document_id"].encode() not in answer.octets
    for query in (f"{ENVELOPES}?document_id={sent['document_id']}", INBOX):
        assert sent["envelope_id"].encode() not in stranger.get(query).octets
    for agency in (SENDER, FIRST):
        assert stranger.get(f"{INBOX}?agency={agency}").status == 404
    assert next(item["state"] for item in post.mail(FIRST, wait=0) if item["delivery_id"] == ids[2]) != "delivered"


def test_a_recipient_sees_its_own_part_of_a_letter_only(post: Post) -> None:
    sent = post.send().json
    track = post.systems[FIRST].get(f"{ENVELOPES}/{sent['envelope_id']}").json
    assert [delivery["agency"] for delivery in track["deliveries"]] == [FIRST]
    assert track["acknowledgements"] == []
    others = next(d["delivery_id"] for d in sent["deliveries"] if d["agency"] == SECOND)
    assert post.systems[FIRST].get(f"/api/v1/deliveries/{others}").status == 404


def test_the_sender_cannot_fetch_or_confirm_for_its_recipient(post: Post) -> None:
    letter = post.letter(recipients=[FIRST])
    delivery = post.send(letter).json["deliveries"][0]["delivery_id"]
    assert post.sender.get(f"/api/v1/deliveries/{delivery}/envelope").status == 404
    assert _confirm(post.sender, delivery, letter).status == 404
    assert post.sender.get(f"/api/v1/deliveries/{delivery}").status == 200


def test_a_revoked_key_opens_nothing_any_more(post: Post) -> None:
    with open_administration(post.province.settings()) as room:
        issued = room.administration.issue_key(room.administration.systems()[0].id)
        client = Client(post.port, issued.spelled)
        assert client.get("/api/v1/agencies").status == 200
        assert room.administration.revoke_key(issued.record.id)
    for _ in range(100):
        answer = client.get("/api/v1/agencies", Accept_Language="en")
        if answer.status == 401:
            break
        threading.Event().wait(0.1)
    assert (answer.status, answer.codes) == (401, ["TRK-102"])


# operators


def test_an_operator_replays_over_http_and_the_recipient_sees_that_it_is_one(post: Post) -> None:
    with open_administration(post.province.settings(), by="root") as room:
        operator = Client(post.port, room.operators.add("binh", Role.ADMINISTRATOR).spelled)
    sent = post.send(post.letter(recipients=[FIRST])).json
    (delivery,) = sent["deliveries"]

    def waiting() -> list[dict[str, Any]]:
        return [item for item in post.mail(FIRST, wait=0) if item["delivery_id"] == delivery["delivery_id"]]

    (item,) = waiting()
    assert item["replayed"] is None
    post.take(FIRST, item)
    order = {"deliveries": [delivery["delivery_id"]], "reason": "their disk was lost"}
    entered = operator.post("/api/v1/admin/replays", order)
    assert entered.status == 202, entered.json
    _await(lambda: operator.get(entered.headers["Location"]).json["replay"]["state"] == "finished")
    (again,) = waiting()
    assert again["replayed"]["at"] >= item["envelope"]["accepted_at"]
    post.take(FIRST, again)
    assert post.facts(sent["envelope_id"]) == ["accepted", "delivered"]
    story = operator.get(f"/api/v1/admin/deliveries/{delivery['delivery_id']}").json
    ordered = [event for event in story["timeline"] if event["event"] == "replay_ordered"]
    assert [(event["actor"], event["reason"]) for event in ordered] == [("operator/binh", "their disk was lost")]
    for agency in (SENDER, FIRST):
        seen = post.systems[agency].get(f"/api/v1/deliveries/{delivery['delivery_id']}")
        assert b"their disk was lost" not in seen.octets
        assert b"binh" not in seen.octets
    assert operator.get("/api/v1/admin/doctor").status == 200
    assert operator.get("/api/v1/admin/dead-letters").json == {"items": []}


def _await(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
