from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.unit.http.fakes import OCTETS, House, accepted, rejected
from tests.unit.http.serving import Client, serving
from trunk.domain.outcome import Accepted
from trunk.domain.rejection import Code
from trunk.errors import LedgerUnavailableError, OverloadedError
from trunk.http import authentication
from trunk.http.app import make_app
from trunk.settings import Http

PATH = "/api/v1/envelopes"


def test_an_accepted_envelope_is_answered_with_its_deliveries_and_the_sealed_acknowledgement(
    house: House, client: Client
) -> None:
    answer = client.post(PATH, OCTETS, Idempotency_Key="k-1")
    assert answer.status == 201
    assert answer.headers["Location"] == "/api/v1/envelopes/E1"
    assert answer.json == {
        "envelope_id": "E1",
        "kind": "document",
        "document_id": "H41,2026/11/22,7/STN",
        "sha256": hashlib.sha256(OCTETS).hexdigest(),
        "size": len(OCTETS),
        "accepted_at": "2026-11-22T08:30:00.125+07:00",
        "marked": False,
        "deliveries": [{"delivery_id": "D1", "agency": "H36.17"}],
        "acknowledgement": {
            "kind": "accepted",
            "envelope_id": "A1",
            "delivery_id": None,
            "at": "2026-11-22T08:30:00.125+07:00",
            "xml": "<ack/>",
        },
    }
    (submission, octets) = house.intake.seen[0]
    assert octets == OCTETS
    assert submission.sha256 == hashlib.sha256(OCTETS).hexdigest()
    assert submission.idempotency_key == "k-1"
    assert submission.caller.system == "system-H41"
    assert house.woken


def test_a_repetition_is_answered_byte_for_byte_and_said_in_a_header_only(house: House, client: Client) -> None:
    first = client.post(PATH, OCTETS)
    house.intake.outcome = Accepted(accepted=accepted(), repeated=True, warnings=rejected(Code.BAD_VALUE).flaws)
    again = client.post(PATH, OCTETS)
    assert (again.status, again.octets) == (first.status, first.octets)
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"


def test_a_refusal_names_every_fault_in_both_languages_with_the_sealed_acknowledgement(
    house: House, client: Client
) -> None:
    house.intake.outcome = rejected(Code.MISSING, Code.ADDRESSEE_UNKNOWN, sealed=b"<no/>")
    answer = client.post(PATH, OCTETS, Accept_Language="en")
    problem = answer.json
    assert answer.status == problem["status"] == 422
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert problem["type"] == "/api/v1/problems/ENV-101"
    assert problem["title"] == "A required field is missing"
    assert problem["instance"] == answer.headers["Trunk-Request-Id"]
    assert answer.codes == ["ENV-101", "ADR-103"]
    assert problem["faults"][0] | {"title": 0, "remedy": 0} == {
        "code": "ENV-101",
        "line": 3,
        "path": "/edXML",
        "expected": "",
        "got": "x",
        "title": 0,
        "remedy": 0,
    }
    assert set(problem["faults"][1]["title"]) == set(problem["faults"][1]["remedy"]) == {"vi", "en"}
    assert problem["acknowledgement"] == {"kind": "rejected", "xml": "<no/>"}


def test_a_taken_idempotency_key_is_a_conflict(house: House, client: Client) -> None:
    house.intake.outcome = rejected(Code.IDEMPOTENCY_KEY_TAKEN)
    assert client.post(PATH, OCTETS, Idempotency_Key="k").status == 409


def test_an_impossible_idempotency_key_is_refused_before_the_body_is_looked_at(house: House, client: Client) -> None:
    for key in ("", "hai tu", "k" * 201):
        answer = client.post(PATH, OCTETS, Idempotency_Key=key)
        assert (answer.status, answer.json["faults"][0]["path"]) == (400, "Idempotency-Key")
    assert not house.intake.seen


def test_a_large_envelope_is_examined_from_a_private_file_that_is_gone_afterwards(house: House, client: Client) -> None:
    body = b"<x>" + b"a" * (3 << 20)
    assert client.post(PATH, body).status == 201
    (submission, octets) = house.intake.seen[0]
    assert octets == body
    assert submission.sha256 == hashlib.sha256(body).hexdigest()
    assert not isinstance(submission.octets, bytes)
    assert submission.octets.parent == house.spool
    assert not list(house.spool.iterdir())


def test_small_envelopes_are_examined_in_the_loop_and_others_in_a_thread(house: House, client: Client) -> None:
    client.post(PATH, b"a" * 1000)
    client.post(PATH, b"a" * (65 << 10))
    assert house.intake.threads[0] == "serving"
    assert house.intake.threads[1].startswith("offload")


def test_a_ledger_that_is_down_is_a_503_that_says_come_again_and_nothing_else(house: House, client: Client) -> None:
    house.intake.outcome = LedgerUnavailableError("password=secret")
    answer = client.post(PATH, OCTETS)
    assert (answer.status, answer.codes, answer.headers["Retry-After"]) == (503, ["TRK-107"], "5")
    assert b"secret" not in answer.octets


def test_a_full_scribe_is_a_503_with_its_own_time(house: House, client: Client) -> None:
    house.intake.outcome = OverloadedError(retry_after=9)
    answer = client.post(PATH, OCTETS)
    assert (answer.status, answer.codes, answer.headers["Retry-After"]) == (503, ["TRK-106"], "9")


def test_a_commit_on_its_way_is_not_given_up_when_the_trunk_stops(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    entering: Future[Accepted] = Future()
    asked = threading.Event()
    monkeypatch.setattr(house.intake, "enter", lambda _: (asked.set(), entering)[1])
    with serving(make_app(house.doors()), key="edoc_s_1", drain_seconds=0.1) as client:
        sender = threading.Thread(target=_post_in_vain, args=(client,))
        sender.start()
        assert asked.wait(10)
    sender.join(10)
    assert not entering.cancelled()
    entering.set_result(Accepted(accepted=accepted()))


def _post_in_vain(client: Client) -> None:
    with suppress(OSError, HTTPException):
        client.post(PATH, OCTETS)


def test_a_fault_of_ours_shows_its_code_and_the_request_id_but_no_traceback(house: House, client: Client) -> None:
    house.intake.outcome = ZeroDivisionError("Nguyễn Văn A")
    answer = client.post(PATH, OCTETS)
    assert (answer.status, answer.codes) == (500, ["TRK-112"])
    assert answer.json["instance"] == answer.headers["Trunk-Request-Id"]
    assert b"Traceback" not in answer.octets
    assert "Nguyễn".encode() not in answer.octets


def test_when_all_threads_and_places_are_taken_the_next_is_told_to_come_again_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(authentication, "BELIEVED_SECONDS", 60)
    house.settings = Http(threads=1, waiting=1, offload_above_octets=0, sender_share=1)
    house.intake.gate = threading.Event()
    with serving(make_app(house.doors()), key="edoc_s_1") as client:
        assert client.get("/api/v1/agencies").status == 200  # the key is known from here on
        busy = [threading.Thread(target=client.post, args=(PATH, OCTETS)) for _ in range(2)]
        try:
            for thread in busy:
                thread.start()
            _until(lambda: b"trunk_offload_taken 2" in client.get("/metrics").octets)
            answer = client.post(PATH, OCTETS)
            assert (answer.status, answer.codes) == (503, ["TRK-106"])
            assert int(answer.headers["Retry-After"]) > 0
            head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer edoc_s_1\r\nExpect: 100-continue\r\n"
            received = client.raw(head.encode() + b"Content-Length: 5\r\nConnection: close\r\n\r\n")
            assert received.startswith(b"HTTP/1.1 503 "), "the body of what will be refused is not asked for"
            assert client.get("/readyz").status == 200
        finally:
            house.intake.gate.set()
            for thread in busy:
                thread.join(20)


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline


def test_a_validation_enters_nothing_and_names_every_fault(house: House, client: Client) -> None:
    house.intake.outcome = rejected(Code.MISSING, Code.UNSIGNED)
    answer = client.post("/api/v1/validate", OCTETS)
    assert answer.status == 200
    assert answer.json["acceptable"] is False
    assert [fault["code"] for fault in answer.json["faults"]] == ["ENV-101", "SIG-001"]
    assert not house.woken


def test_the_track_shows_the_timeline_but_neither_operators_nor_their_reasons(client: Client) -> None:
    answer = client.get(f"{PATH}/E1")
    assert answer.status == 200
    shown, _ = answer.json["deliveries"]
    assert [event["event"] for event in shown["timeline"]] == ["published", "replay_ordered"]
    assert answer.json["acknowledgements"][0]["xml"] == "<ack/>"
    assert b"Nguyen Van A" not in answer.octets
    assert b"Mr. B" not in answer.octets


def test_envelopes_are_found_by_document_id_and_only_ones_own(client: Client) -> None:
    path = f"{PATH}?document_id=H41,2026/11/22,7/STN"
    assert [item["envelope"]["envelope_id"] for item in client.get(path).json["items"]] == ["E1"]
    assert client.using("edoc_x_1").get(path).json == {"items": []}
    assert client.get(f"{PATH}?document_id=D1").json == {"items": []}


def test_the_track_shows_relations_requests_times_and_ids_with_other_hubs(client: Client) -> None:
    shown = client.get(f"{PATH}/E1").json
    assert shown["related"] == [
        {
            "kind": "updates",
            "by_this_document": False,
            "envelope_id": "E2",
            "document_id": "H41,2026/11/23,8/STN",
            "document_code": "8/STN",
            "spoken_of": {
                "organ_id": "",
                "document_id": "H41,2026/11/22,7/STN",
                "document_code": "",
                "promulgation_date": "",
            },
        }
    ]
    part = shown["deliveries"][0]
    assert (part["fetched_at"], part["taken_at"]) == ("2026-11-22T08:30:00.125+07:00", None)
    assert part["requests"] == [
        {
            "kind": "recall",
            "state": "open",
            "asked_at": "2026-11-22T08:30:00.125+07:00",
            "asked_by": "S13",
            "reason": "nhầm nơi nhận",
            "answered_at": None,
            "answered_by": None,
        }
    ]
    assert [(link["hub"], link["direction"], link["remote_id"]) for link in part["links"]] == [("national", "up", "77")]
    assert [(told["code"], told["standing"], told["addressee"]) for told in part["statuses"]] == [
        ("03", "advances", "H41")
    ]
    assert client.using("edoc_r_1").get("/api/v1/deliveries/D1").json["related"] == shown["related"]
