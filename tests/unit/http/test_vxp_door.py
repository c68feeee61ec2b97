"""The façade's door: JSON in ASCII with all four fields on every path, and nothing believed that nobody signed."""

from __future__ import annotations

import json
import socket
import threading
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.http.fakes import AT, DIGEST, OCTETS
from tests.unit.http.serving import Answer, Client, serving
from tests.unit.http.vxp_house import VxpHouse, is_vxp
from tests.vxp_kit import Vxp, read_answer
from trunk.errors import ConfigurationError, CorruptPayloadError, LedgerUnavailableError, OverloadedError
from trunk.http.app import make_app
from trunk.http.vxp import entrance
from trunk.http.vxp.entrance import OPERATIONS, facade
from trunk.settings import Http
from trunk.settings import Vxp as Settings


@pytest.fixture
def client(vxp_client: Client) -> Client:
    return vxp_client


@pytest.fixture
def sender(vxp_sender: Vxp) -> Vxp:
    return vxp_sender


@pytest.fixture
def recipient(vxp_recipient: Vxp) -> Vxp:
    return vxp_recipient


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


@pytest.mark.parametrize("unsigned", ["timestamp", "systemid"])
def test_what_must_be_signed_is_not_taken_from_a_header(recipient: Vxp, unsigned: str) -> None:
    members = {"XroadVnpt-systemid": recipient.systemid, "XroadVnpt-timestamp": "t", "XroadVnpt-messagetype": "edoc"}
    value = members.pop(f"XroadVnpt-{unsigned}")
    headers = [*recipient.signed(members), (f"XroadVnpt-{unsigned}", value)]
    is_vxp(recipient.post("getReceivedEdocList", headers), "getReceivedEdocList", number="15")


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


def test_a_slow_client_is_heard_to_its_end(client: Client) -> None:
    body = b"x" * 600_000
    head = b"POST /vxp/sendEdoc HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 600000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", client.port), timeout=20) as connection:
        connection.sendall(head)
        for start in range(0, len(body), 100_000):
            connection.sendall(body[start : start + 100_000])
            time.sleep(0.1)
        received = b""
        while piece := connection.recv(65536):
            received += piece
    is_vxp(read_answer(received), "sendEdoc", number="15")


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
