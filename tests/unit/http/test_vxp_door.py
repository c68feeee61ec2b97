"""The façade's door: JSON in ASCII with all four fields on every path, and nothing believed that nobody signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.http.fakes import AT, DIGEST, OCTETS, rejected
from tests.unit.http.serving import Answer, Client, serving
from tests.unit.http.vxp_house import VxpHouse
from tests.vxp_kit import Vxp, read_answer, unpadded
from trunk.application.handover import Failed, Taken
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.rejection import Code
from trunk.errors import ConfigurationError, CorruptPayloadError, LedgerUnavailableError, OverloadedError
from trunk.http.app import make_app
from trunk.http.vxp import entrance
from trunk.http.vxp.entrance import OPERATIONS, facade
from trunk.settings import Http
from trunk.settings import Vxp as Settings

LISTS = ("getReceivedEdocList", "getSentEdocList", "getAgenciesList", "getAgenciesListQD20", "getSynchronizeUnit")
BIG = b"<edXML>" + b"x" * 400_000 + b"</edXML>"


@pytest.fixture
def vxp_house(tmp_path: Path, quiet: None) -> VxpHouse:
    return VxpHouse(tmp_path)


@pytest.fixture
def client(vxp_house: VxpHouse) -> Iterator[Client]:
    with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
        yield client


@pytest.fixture
def sender(client: Client) -> Vxp:
    return Vxp(client, "h41", "s3cret-of-h41")


@pytest.fixture
def recipient(client: Client) -> Vxp:
    return Vxp(client, "000.00.17.H36", "s3cret-of-h36")


def is_vxp(answer: Answer, operation: str, *, number: str) -> dict[str, Any]:
    """A refusal that the deployed client reads as one."""
    assert answer.status not in (200, 201, 202), answer
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.octets.isascii()
    fields: dict[str, Any] = answer.json
    assert fields["status"] == "FAIL"
    assert fields["ErrorCode"] == number, fields
    assert fields["ErrorDesc"]
    assert fields["DocId"] == ""
    if operation in LISTS:
        assert fields["data"] == []
    return fields


def _call(vxp: Vxp, operation: str, **parameters: str) -> Answer:
    if operation == "sendEdoc":
        return vxp.send(OCTETS, **parameters)
    body = json.dumps({"code": "H41.09", "name": "Sở"}).encode() if operation == "registerAgency" else b"{}"
    given = {"docId": "D1", "status": "done", "messagetype": "edoc", "AgencyCode": "H41.09", **parameters}
    method = "GET" if operation == "downloadEdoc" else "POST"
    return vxp.call(operation, b"" if method == "GET" else body, method=method, **given)


# who may


@pytest.mark.parametrize("operation", OPERATIONS)
def test_all_wrong_signatures_look_alike_and_reach_nothing(vxp_house: VxpHouse, client: Client, operation: str) -> None:
    answers = [
        _call(Vxp(client, name, secret), operation)
        for name, secret in (("h41", "wrong"), ("nobody", "s3cret-of-h41"), ("000.00.17.H36", "s3cret-of-h41"))
    ]
    for answer in answers:
        assert answer.status == 401
        is_vxp(answer, operation, number="15")
    assert len({answer.octets for answer in answers}) == 1
    assert not vxp_house.intake.seen
    assert not vxp_house.handover.asked
    assert not vxp_house.enrolment.asked


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("left_out", ["systemid", "sign-header", "hash-header", "timestamp"])
def test_without_one_of_its_headers_a_request_is_refused(recipient: Vxp, operation: str, left_out: str) -> None:
    headers = recipient.headers(docId="D1", status="done", hash_file=DIGEST)
    kept = [(name, value) for name, value in headers if name.lower() != f"xroadvnpt-{left_out}"]
    answer = recipient.post(operation, kept, OCTETS, method="GET" if operation == "downloadEdoc" else "POST")
    fields = is_vxp(answer, operation, number="15")
    assert left_out in fields["ErrorDesc"]


def test_parameters_that_nobody_signed_are_not_read(vxp_house: VxpHouse, recipient: Vxp) -> None:
    """A captured list request with a status put beside it must not take mail out of the list."""
    captured = recipient.headers(servicetype="eDoc", messagetype="edoc")
    added = [*captured, ("XroadVnpt-status", "done"), ("XroadVnpt-docId", "D1")]
    is_vxp(recipient.post("updateStatus", added), "updateStatus", number="20")
    assert not vxp_house.handover.asked


def test_a_signed_parameter_that_was_changed_on_its_way_is_refused(vxp_house: VxpHouse, recipient: Vxp) -> None:
    headers = [(n, "D2" if n == "XroadVnpt-docId" else v) for n, v in recipient.headers(docId="D1", status="done")]
    is_vxp(recipient.post("updateStatus", headers), "updateStatus", number="15")
    twice = [*recipient.headers(docId="D1", status="done"), ("XroadVnpt-docId", "D2")]
    is_vxp(recipient.post("updateStatus", twice), "updateStatus", number="15")
    assert not vxp_house.handover.asked


def test_headers_of_earlier_calls_and_of_proxies_do_no_harm(vxp_house: VxpHouse, recipient: Vxp) -> None:
    vxp_house.waits("D1")
    recipient.extra = [("X-Forwarded-For", "10.0.0.1"), ("XroadVnpt-trace", "a"), ("XroadVnpt-trace", "b")]
    stale = {"docId": "D7", "filePath": "C:\\nhan\\", "hash_file": "7e4a", "status": "done"}
    assert [item["docId"] for item in recipient.data("getReceivedEdocList", messagetype="edoc", **stale)] == ["D1"]


def test_a_week_old_timestamp_is_as_good_as_a_new_one(vxp_house: VxpHouse, recipient: Vxp) -> None:
    for timestamp in ("01012020T000000+0001", "no time at all"):
        recipient.timestamp = timestamp
        assert recipient.data("getReceivedEdocList", messagetype="edoc") == []


def test_a_client_that_promised_fresh_timestamps_is_held_to_it(vxp_house: VxpHouse, recipient: Vxp) -> None:
    vxp_house.recogniser.fresh_for = timedelta(minutes=5)
    recipient.timestamp = f"{AT + timedelta(hours=7, minutes=4):%d%m%YT%H%M%S}+0000"
    assert recipient.data("getReceivedEdocList") == []
    for timestamp in (f"{AT + timedelta(hours=7, minutes=-6):%d%m%YT%H%M%S}+0000", "x", "22112026T084000+0000"):
        recipient.timestamp = timestamp
        is_vxp(recipient.call("getReceivedEdocList"), "getReceivedEdocList", number="15")


# what never gets as far


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (LedgerUnavailableError("SECRET"), 503),
        (OverloadedError("SECRET"), 503),
        (ConfigurationError("SECRET"), 500),
        (KeyError("SECRET"), 500),
    ],
    ids=["ledger", "overload", "configuration", "mistake"],
)
def test_a_dependency_that_breaks_is_an_answer(
    vxp_house: VxpHouse, recipient: Vxp, operation: str, fault: Exception, status: int
) -> None:
    vxp_house.recogniser.fault = fault
    answer = _call(recipient, operation)
    assert answer.status == status
    assert "SECRET" not in is_vxp(answer, operation, number="20")["ErrorDesc"]


@pytest.mark.parametrize("operation", ["getReceivedEdocList", "updateStatus", "countReceiveEdoc", "countReceiveStatus"])
def test_a_ledger_that_breaks_behind_the_door_is_an_answer(vxp_house: VxpHouse, recipient: Vxp, operation: str) -> None:
    vxp_house.handover.fault = LedgerUnavailableError("down")
    is_vxp(_call(recipient, operation), operation, number="20")


@pytest.mark.parametrize("operation", ["getEdoc", "downloadEdoc"])
def test_damaged_octets_are_never_an_answer_of_200(vxp_house: VxpHouse, recipient: Vxp, operation: str) -> None:
    vxp_house.handover.entered_as = "0" * 64
    answer = _call(recipient, operation)
    assert answer.status == 500
    is_vxp(answer, operation, number="21")
    vxp_house.handover.fault = CorruptPayloadError("gone")
    is_vxp(_call(recipient, operation), operation, number="21")


@pytest.mark.parametrize("path", ["", "/", "/nothing", "/sendedoc", "/sendEdoc/x", "/../vxp/x", "/%FF", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_an_operation_that_nobody_knows_is_an_answer(client: Client, method: str, path: str) -> None:
    head = f"{method} /vxp{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    answer = read_answer(client.raw(head.encode()))
    fields = is_vxp(answer, "getReceivedEdocList", number="21" if answer.status == 404 else "20")
    assert fields["data"] == []


@pytest.mark.parametrize("operation", ["sendEdoc", "updateStatus", "registerAgency", "deleteAgency"])
def test_what_changes_something_is_posted(recipient: Vxp, operation: str) -> None:
    answer = recipient.call(operation, b"", method="GET", docId="D1", status="done")
    assert answer.status == 405
    is_vxp(answer, operation, number="20")


@pytest.mark.parametrize(
    "lines",
    [
        b"XroadVnpt-description: \x10\xe3 n\x68\xadn\r\n",  # what Apache's client makes of Vietnamese
        b"XroadVnpt-to: " + b"x" * 40_000 + b"\r\n",
        b"".join(b"X-%d: y\r\n" % n for n in range(200)),
        b"no header at all\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Content-Length: x\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    ],
)
@pytest.mark.parametrize("operation", ["getReceivedEdocList", "sendEdoc", "countReceiveEdoc"])
def test_what_no_handler_sees_is_an_answer_too(client: Client, operation: str, lines: bytes) -> None:
    answer = read_answer(client.raw(b"POST /vxp/%b HTTP/1.1\r\nHost: x\r\n" % operation.encode() + lines + b"\r\n{}"))
    assert answer.status == 400
    fields = is_vxp(answer, operation, number="20")
    assert (fields.get("count") == 0) == (operation == "countReceiveEdoc")


def test_the_native_api_keeps_its_own_refusals(client: Client) -> None:
    answer = read_answer(client.raw(b"POST /api/v1/envelopes HTTP/1.1\r\nHost: x\r\nbad\r\n\r\n"))
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_a_broken_request_after_a_good_one_on_the_same_connection(client: Client) -> None:
    good = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with_space = b"POST /vxp/sendEdoc HTTP/1.1\r\nHost : x\r\n\r\n"
    octets = _in_turn(client, good, with_space)
    assert b'"ErrorCode":"20"' in octets


def _in_turn(client: Client, *requests: bytes) -> bytes:
    """One request after the other on one connection; what came back for the last."""
    import socket

    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        for octets in requests:
            connection.sendall(octets)
            received = connection.recv(65536)
        return received


# how bodies come


def test_a_client_that_waits_for_leave_gets_it(vxp_house: VxpHouse, recipient: Vxp) -> None:
    vxp_house.waits("D1")
    recipient.extra = [("Expect", "100-continue")]
    for operation in ("getEdoc", "updateStatus", "countReceiveEdoc"):
        octets = _raw(recipient, operation)
        assert octets.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 "), octets
    refused = Vxp(recipient.client, "h41", "wrong", extra=recipient.extra)
    assert b"HTTP/1.1 401 " in _raw(refused, "getEdoc")


def _raw(vxp: Vxp, operation: str, body: bytes = b"{}") -> bytes:
    headers = (*vxp.headers(docId="D1", status="done"), *vxp.extra)
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
    start = f"POST /vxp/{operation} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    return vxp.client.raw(f"{start}{lines}\r\n".encode() + body)


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 60_000])
def test_a_connection_is_good_for_the_next_request_whatever_was_refused(recipient: Vxp, body: bytes) -> None:
    wrong = Vxp(recipient.client, "h41", "wrong")
    head = "".join(f"{name}: {value}\r\n" for name, value in wrong.headers())
    start = f"POST /vxp/getReceivedEdocList HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
    request = f"{start}{head}\r\n".encode() + body
    octets = _in_turn(recipient.client, request, request, request)
    assert octets.startswith(b"HTTP/1.1 401 ")


def test_a_client_that_reads_only_after_it_has_sent_everything_gets_its_refusal(
    vxp_house: VxpHouse, tmp_path: Path
) -> None:
    """Closing early would look like a fault of the network to it, and it would send everything again."""
    vxp_house.settings = Http(max_body_octets=1_000_000)
    with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
        large = b"<edXML>" + b"x" * 1_900_000
        for secret, status, number in (("s3cret-of-h41", 413, "10"), ("wrong", 401, "15")):
            answer = Vxp(client, "h41", secret).send(large)
            assert answer.status == status
            is_vxp(answer, "sendEdoc", number=number)
    assert not vxp_house.intake.seen
    assert not list(vxp_house.spool.iterdir())


def test_one_that_never_stops_is_cut(vxp_house: VxpHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entrance, "DRAIN_SECONDS", 0.3)
    with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
        started = time.monotonic()
        head = b"POST /vxp/sendEdoc HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nbegun"
        assert read_answer(client.raw(head)).status == 401
        assert time.monotonic() - started < 10


def test_a_stuck_dependency_is_answered_in_time(vxp_house: VxpHouse, quiet: None) -> None:
    """The deployed client has no time limit."""
    gate = threading.Event()
    vxp_house.vxp = Settings(answer_seconds=0.3)
    vxp_house.handover.gate = gate
    try:
        with serving(make_app(vxp_house.doors(), facade(vxp_house.means()))) as client:
            vxp = Vxp(client, "h41", "s3cret-of-h41")
            is_vxp(vxp.call("countReceiveEdoc"), "countReceiveEdoc", number="20")
            gate.set()
    finally:
        gate.set()


# sendEdoc


@pytest.mark.parametrize("octets", [OCTETS, BIG], ids=["in memory", "in a file"])
@pytest.mark.parametrize("ending", [b"\r\n", b""])
def test_the_file_goes_in_without_the_clients_line_end(
    vxp_house: VxpHouse, sender: Vxp, octets: bytes, ending: bytes
) -> None:
    for spelled in (hashlib.sha256(octets).hexdigest(), unpadded(hashlib.sha256(octets).digest())):
        answer = sender.call("sendEdoc", octets + ending, hash_file=spelled)
        assert answer.json == {"status": "OK", "ErrorCode": "0", "ErrorDesc": "", "DocId": "E1"}
        assert answer.status == 200
        submission, entered = vxp_house.intake.seen[-1]
        assert entered == octets
        assert (submission.size, submission.sha256) == (len(octets), hashlib.sha256(octets).hexdigest())
        assert submission.caller.agencies == {"H41"}
    assert not list(vxp_house.spool.iterdir())
    assert vxp_house.woken


@pytest.mark.parametrize("octets", [OCTETS + b"\r\n", OCTETS + b"\r\n\r\n", OCTETS + b"\n", b"\r\n"])
def test_a_file_that_ends_in_line_ends_of_its_own_keeps_them(vxp_house: VxpHouse, sender: Vxp, octets: bytes) -> None:
    assert sender.send(octets).status == 200
    assert vxp_house.intake.seen[-1][1] == octets
    without = sender.call("sendEdoc", octets, hash_file=hashlib.sha256(octets).hexdigest())
    assert without.status == 200
    assert vxp_house.intake.seen[-1][1] == octets


@pytest.mark.parametrize("changed", [OCTETS + b" \r\n", OCTETS[:-1] + b"\r\n", b"x\r\n", OCTETS + b"\r\n\r\n", BIG])
def test_a_body_that_is_not_what_was_signed_is_refused(vxp_house: VxpHouse, sender: Vxp, changed: bytes) -> None:
    is_vxp(sender.call("sendEdoc", changed, hash_file=DIGEST), "sendEdoc", number="10")
    assert not vxp_house.intake.seen


def test_an_empty_body_and_a_missing_digest_are_refused(vxp_house: VxpHouse, sender: Vxp) -> None:
    is_vxp(sender.call("sendEdoc", b"", hash_file=DIGEST), "sendEdoc", number="10")
    is_vxp(sender.call("sendEdoc", OCTETS), "sendEdoc", number="15")
    assert not vxp_house.intake.seen


@pytest.mark.parametrize(
    ("code", "number"), [(Code.ADDRESSEE_UNKNOWN, "18"), (Code.MISSING, "22"), (Code.FORGED, "21"), (Code.EMPTY, "10")]
)
def test_a_refusal_of_the_intake_is_told_in_vxps_words(
    vxp_house: VxpHouse, sender: Vxp, code: Code, number: str
) -> None:
    vxp_house.intake.outcome = rejected(code, code)
    fields = is_vxp(sender.send(OCTETS), "sendEdoc", number=number)
    assert fields["ErrorDesc"].count(code) == 2


def test_an_intake_that_breaks_is_an_answer_with_a_docid(vxp_house: VxpHouse, sender: Vxp) -> None:
    for fault in (LedgerUnavailableError("x"), OverloadedError("x"), ValueError("x")):
        vxp_house.intake.outcome = fault
        is_vxp(sender.send(OCTETS), "sendEdoc", number="20")


@pytest.mark.parametrize("kind", ["application/octet-stream", "text/plain", "application/x-www-form-urlencoded", "?"])
def test_the_label_of_a_body_does_not_matter(sender: Vxp, kind: str) -> None:
    sender.extra = [("Content-Type", kind)]
    assert sender.send(OCTETS, to='["000.00.17.H36"]', docId="x").status == 200


def test_a_list_of_several_hundred_receivers_fits_into_the_headers(sender: Vxp) -> None:
    to = json.dumps([f"000.{n:02}.{n % 100:02}.H36" for n in range(600)])
    assert sender.send(OCTETS, to=to).status == 200


# mail


def test_lists_and_counts_ask_for_what_waits_and_nothing_else(vxp_house: VxpHouse, recipient: Vxp) -> None:
    vxp_house.waits("D1", "D2")
    (item, _) = recipient.data("getReceivedEdocList", messagetype="edoc")
    assert item == {
        "docId": "D1",
        "serviceType": "eDoc",
        "messageType": "edoc",
        "created_time": "2026/11/22 08:30:00",
        "updated_time": "2026/11/22 08:30:00",
        "from": "H41",
        "to": "H36.17",
        "status": "initial",
        "status_desc": "Chờ nhận",
    }
    recipient.data("getReceivedEdocList", messagetype="status")
    assert recipient.call("countReceiveEdoc", messagetype="status").json["count"] == 7
    assert recipient.call("countReceiveStatus", b"", method="GET").json["count"] == 7
    kinds = [selection.kinds for selection in vxp_house.handover.selections]
    documents, statuses = {EnvelopeKind.DOCUMENT}, {EnvelopeKind.STATUS}
    assert kinds == [documents, statuses, documents, statuses]
    assert all(s.states == {DeliveryState.QUEUED, DeliveryState.DISPATCHED} for s in vxp_house.handover.selections)
    is_vxp(recipient.call("getReceivedEdocList", messagetype="x"), "getReceivedEdocList", number="20")


@pytest.mark.parametrize("day", ["2026/11/22", "22/11/2026", "2026-11-22", "2026-11-22T10:00:00", "2026/11/22 00:00"])
def test_days_are_vietnams_and_both_belong_to_the_list(vxp_house: VxpHouse, recipient: Vxp, day: str) -> None:
    recipient.data("getReceivedEdocList", fromDate=day, toDate=day)
    (asked,) = vxp_house.handover.selections
    assert asked.accepted_after is not None
    assert asked.accepted_before is not None
    assert asked.accepted_after.isoformat() == "2026-11-22T00:00:00+07:00"
    assert asked.accepted_before - asked.accepted_after == timedelta(days=1)


def test_a_day_that_cannot_be_read_hides_nothing(vxp_house: VxpHouse, recipient: Vxp) -> None:
    recipient.data("getReceivedEdocList", fromDate="yesterday", toDate="99/99/9999")
    assert [(s.accepted_after, s.accepted_before) for s in vxp_house.handover.selections] == [(None, None)]


@pytest.mark.parametrize("content", [OCTETS, BIG])
@pytest.mark.parametrize("kept", ["in memory", "in a file"])
def test_a_file_comes_out_as_it_went_in(
    vxp_house: VxpHouse, recipient: Vxp, tmp_path: Path, content: bytes, kept: str
) -> None:
    for length in (len(content), len(content) - 1, len(content) - 2):
        octets = content[:length]
        (tmp_path / "payload").write_bytes(octets)
        vxp_house.handover.content = tmp_path / "payload" if kept == "in a file" else octets
        fetched = recipient.call("getEdoc", docId="D1")
        assert base64.b64decode(fetched.json["data"], validate=True) == octets
        assert fetched.json | {"data": ""} == {
            "status": "OK",
            "ErrorCode": "0",
            "ErrorDesc": "",
            "DocId": "D1",
            "data": "",
        }
        assert int(fetched.headers["Content-Length"]) == len(fetched.octets)
        downloaded = recipient.call("downloadEdoc", b"", method="GET", docid="D1")
        assert (downloaded.status, downloaded.octets) == (200, octets)


@pytest.mark.parametrize("operation", ["getEdoc", "downloadEdoc"])
def test_a_file_that_is_damaged_on_disk_never_ends_well(
    vxp_house: VxpHouse, recipient: Vxp, tmp_path: Path, operation: str
) -> None:
    file = tmp_path / "payload"
    file.write_bytes(BIG)
    vxp_house.handover.content = file
    vxp_house.handover.after_fetch = lambda: file.write_bytes(BIG[:-1] + b"?")
    try:
        answer = recipient.call(operation, b"", docId="D1")
    except ConnectionError:
        return
    assert len(answer.octets) < int(answer.headers["Content-Length"])


@pytest.mark.parametrize("operation", ["getEdoc", "downloadEdoc", "updateStatus"])
@pytest.mark.parametrize("sought", ["D2", "../etc/passwd", "a/b", "x" * 65, "D1;--", "Đ"])
def test_what_is_not_there_or_not_ones_own_is_an_answer(
    recipient: Vxp, sender: Vxp, operation: str, sought: str
) -> None:
    is_vxp(recipient.call(operation, docId=sought, status="done"), operation, number="21")
    is_vxp(sender.call(operation, docId="D1", status="done"), operation, number="21")
    is_vxp(recipient.call(operation, status="done"), operation, number="20")


def test_done_fail_and_processing(vxp_house: VxpHouse, recipient: Vxp) -> None:
    for _ in range(3):  # a connection that was cut: the client says it three times
        assert recipient.call("updateStatus", docid="D1", status="done").json["status"] == "OK"
    recipient.call("updateStatus", docId="D1", status="fail", description="het dung luong")
    recipient.call("updateStatus", docId="D1", status="FAIL")
    said = vxp_house.handover.asked
    assert said == [Taken(DIGEST)] * 3 + [Failed("het dung luong"), Failed("VXP: fail")]
    assert recipient.call("updateStatus", docId="D1", status="processing").json["status"] == "OK"
    assert len(vxp_house.handover.asked) == 5
    is_vxp(recipient.call("updateStatus", docId="D1", status="deleted"), "updateStatus", number="20")
    is_vxp(recipient.call("updateStatus", docId="D1"), "updateStatus", number="20")


def test_a_long_reason_is_cut_and_letters_that_are_none_do_no_harm(vxp_house: VxpHouse, recipient: Vxp) -> None:
    assert recipient.call("updateStatus", docId="D1", status="fail", description="a" * 2000).status == 200
    members = {"systemid": recipient.systemid, "timestamp": "t", "docId": "D1", "status": "fail"}
    signed = {f"XroadVnpt-{name}": value for name, value in {**members, "description": "\ud800"}.items()}
    message = json.dumps(signed).encode()
    digest = hmac.new(recipient.secret.encode(), message, hashlib.sha256).hexdigest().encode()
    lines = [f"{n}: {v}".encode(errors="surrogatepass") for n, v in signed.items()]
    lines += [b"XroadVnpt-sign-header: " + message, b"XroadVnpt-hash-header: " + digest, b"Connection: close"]
    head = b"POST /vxp/updateStatus HTTP/1.1\r\nHost: x\r\n" + b"\r\n".join(lines)
    assert read_answer(recipient.client.raw(head + b"\r\n\r\n")).status == 200
    assert vxp_house.handover.asked == [Failed("a" * 1000), Failed("?")]


def test_of_two_ids_the_one_that_still_waits_is_meant(vxp_house: VxpHouse, recipient: Vxp) -> None:
    """A client that fetches by docId and reports by docid sends the one before with each."""
    vxp_house.handover.states = {"D0": DeliveryState.DELIVERED, "D1": DeliveryState.QUEUED}
    assert recipient.call("getEdoc", docId="D1", docid="D0").status == 200
    assert recipient.call("getEdoc", docId="D1", docid="D1").status == 200
    assert recipient.call("updateStatus", docId="D0", docid="D1", status="done").status == 200
    vxp_house.handover.states = {"D0": DeliveryState.QUEUED, "D1": DeliveryState.QUEUED}
    is_vxp(recipient.call("getEdoc", docId="D1", docid="D0"), "getEdoc", number="20")
    vxp_house.handover.states = {"D1": DeliveryState.DELIVERED}
    is_vxp(recipient.call("updateStatus", docId="D1", docid="D7", status="done"), "updateStatus", number="20")


# what was sent, and the address book


def test_sent_mail_has_a_row_for_each_receiver(sender: Vxp, recipient: Vxp) -> None:
    rows = sender.data("getSentEdocList", docId="E1")
    assert [row["receiverDocId"] for row in rows] == ["D1", "D9"]
    assert rows[0]["senderDocId"] == "E1"
    assert rows[0]["notation"] == "7/STN"
    assert (rows[0]["sendStatus"], rows[0]["receiveStatus"]) == ("done", "initial")
    is_vxp(recipient.call("getSentEdocList", docId="E1"), "getSentEdocList", number="21")
    is_vxp(sender.call("getSentEdocList", docId="a/b"), "getSentEdocList", number="21")


def test_the_address_book(sender: Vxp) -> None:
    (first, second) = sender.data("getAgenciesList")
    assert first == {"code": "H36.17", "id": "H36.17", "mail": "", "name": "Sở", "pid": "", "oldCode": "000.00.17.H36"}
    assert second["oldCode"] == ""
    assert sender.data("getAgenciesListQD20")[0]["code102"] == "000.00.17.H36"


def test_only_who_may_registers_and_closes_agencies(vxp_house: VxpHouse, sender: Vxp) -> None:
    body = json.dumps({"code": " H41.09 ", "name": "Sở", "id": "1", "mail": ""}).encode()
    is_vxp(sender.call("registerAgency", body), "registerAgency", number="15")
    is_vxp(sender.call("deleteAgency", AgencyCode="H41.09"), "deleteAgency", number="15")
    assert vxp_house.enrolment.asked == [("H41.09", "Sở"), ("H41.09",)]


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"x", b'{"code":1,"name":"a"}', b"[" * 50_000, b'{"code":"a"}'])
def test_an_agency_that_cannot_be_read_is_an_answer(vxp_house: VxpHouse, sender: Vxp, body: bytes) -> None:
    is_vxp(sender.call("registerAgency", body), "registerAgency", number="20")
    assert not vxp_house.enrolment.asked
