"""The façade's door: JSON in its own form on every path, and nobody in without a token, a system id and a secret."""

from __future__ import annotations

import base64
import json
import socket
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.lgsp_kit import BASE, Lgsp, edoc
from tests.unit.http.fakes import AT, OCTETS
from tests.unit.http.lgsp.house import LgspHouse, is_failure, is_unauthorized
from tests.unit.http.serving import Answer, Client, serving
from tests.vxp_kit import read_answer
from trunk.domain.rejection import Code
from trunk.errors import ConfigurationError, LedgerUnavailableError, OverloadedError
from trunk.http.app import make_app
from trunk.http.lgsp.entrance import OPERATIONS, facade
from trunk.settings import Http
from trunk.settings import Lgsp as Settings

GUARDED = [name.removeprefix("v1/") for name in OPERATIONS if name != "v1/auth/login"]
AGENCY = {"orgCode": "H41.09", "orgName": "Sở"}


def _call(lgsp: Lgsp, operation: str, **headers: str) -> Answer:
    if operation == "sendEdoc":
        return lgsp.send(OCTETS, **headers)
    if operation in ("updateStatus", "registerAgency"):
        return lgsp.post(operation, {"docId": "D1", "status": "done", **AGENCY}, **headers)
    return lgsp.get(operation, query="docId=D1&messageType=edoc" if "Edoc" in operation else "", **headers)


def _untouched(house: LgspHouse) -> bool:
    return not house.intake.seen and not house.handover.asked and not house.enrolled.said


# logging in


def test_a_login_gives_a_token_and_says_whose(sender: Lgsp) -> None:
    answer = sender.log_in()
    assert (answer.status, answer.json["code"]) == (200, 200)
    data = answer.json["data"]
    assert set(data) == {"token", "id", "username", "name"}
    claims = jwt.decode(data["token"], options={"verify_signature": False})
    assert claims["exp"] - claims["iat"] == 30 * 60
    assert "gui" not in json.dumps(claims), "no names in what travels with each request"


def test_a_wrong_password_and_an_unknown_user_look_alike(sender: Lgsp) -> None:
    answers = []
    for username, password in (("gui", "wrong"), ("nobody", "p-gui"), ("nhan", "p-gui"), ("", "")):
        sender.username, sender.password = username, password
        answers.append(sender.log_in())
    for answer in answers:
        is_unauthorized(answer, Code.LOGIN)
    assert len({answer.octets for answer in answers}) == 1


def test_a_password_that_has_ended_is_called_so(house: LgspHouse, sender: Lgsp) -> None:
    house.logins.ended = True
    is_unauthorized(sender.log_in(), Code.KEY_EXPIRED)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"username":"gui"}', b'{"username":1,"password":2}', b"[" * 50_000, b"\xff\xfe"]
)
def test_a_login_that_says_nothing_is_refused(client: Client, body: bytes) -> None:
    answer = client.post(f"{BASE}/v1/auth/login", body, kind="application/json")
    is_failure(answer, status=400, number="20", code=Code.BAD_REQUEST)


# who may


@pytest.mark.parametrize("operation", GUARDED)
def test_each_of_the_three_is_needed_and_its_lack_is_named(house: LgspHouse, sender: Lgsp, operation: str) -> None:
    for headers, code in (
        ({"Authorization": ""}, Code.UNAUTHENTICATED),
        ({"Authorization": "Basic Z3VpOng="}, Code.UNAUTHENTICATED),
        ({"Authorization": "Bearer x.y.z"}, Code.TOKEN),
        ({"X-SystemId": ""}, Code.SYSTEM_SECRET),
        ({"X-SecretKey": ""}, Code.SYSTEM_SECRET),
        ({"X-SecretKey": "wrong"}, Code.SYSTEM_SECRET),
        ({"X-SystemId": "nobody"}, Code.SYSTEM_SECRET),
        ({"X-SystemId": "000.00.17.H36", "X-SecretKey": "s3cret-of-h36"}, Code.TOKEN),
    ):
        is_unauthorized(_call(sender, operation, **headers), code)
    assert _untouched(house)


@pytest.mark.parametrize("operation", GUARDED)
def test_what_has_ended_is_told_from_what_is_wrong(house: LgspHouse, sender: Lgsp, operation: str) -> None:
    house.secrets.once = "last-years"
    assert "X-SecretKey" in is_unauthorized(_call(sender, operation, **{"X-SecretKey": "last-years"}), Code.KEY_EXPIRED)
    house.logins.standing = False
    assert "Authorization" in is_unauthorized(_call(sender, operation), Code.KEY_EXPIRED)
    house.clock = AT + timedelta(minutes=30)
    sender.until = house.clock + timedelta(minutes=1)
    is_unauthorized(_call(sender, operation), Code.TOKEN_EXPIRED)
    assert _untouched(house)


def _forged(claims: dict[str, Any], key: bytes, algorithm: str) -> str:
    return jwt.encode(claims, key, algorithm=algorithm)


def test_a_token_that_we_did_not_make_is_none_of_ours(house: LgspHouse, sender: Lgsp) -> None:
    key = house.lgsp().tokens.key_file.keys()[0]
    now = int(AT.timestamp())
    good = {"iat": now, "exp": now + 600, "aud": "lgsp", "sub": "system-H41", "account": "a"}
    unsigned = jwt.encode(good, None, algorithm="none")
    head, claims, signature = _forged(good, key, "HS256").split(".")
    assert sender.get("getAgenciesList", Authorization=f"Bearer {head}.{claims}.{signature}").status == 200
    altered = base64.urlsafe_b64encode(json.dumps({**good, "sub": "system-H36.17"}).encode()).rstrip(b"=").decode()
    for token in (
        unsigned,
        _forged(good, b"k" * 32, "HS256"),
        _forged(good, key * 2, "HS512"),
        _forged({**good, "aud": "other"}, key, "HS256"),
        _forged({**good, "account": 7}, key, "HS256"),
        _forged({name: value for name, value in good.items() if name != "exp"}, key, "HS256"),
        f"{head}.{altered}.{signature}",
        f"{head}.{claims}.",
        "." * 40,
        "e" * 2048,
    ):
        is_unauthorized(sender.get("getAgenciesList", Authorization=f"Bearer {token}"), Code.TOKEN)


def test_tokens_hold_in_every_process_and_while_the_key_is_changed(house: LgspHouse, sender: Lgsp) -> None:
    token = sender.headers()["Authorization"].partition(" ")[2]
    other = house.lgsp().tokens
    bearer = other.read(token)
    assert not isinstance(bearer, (list, str))
    file = house.key_file.file
    old = file.read_bytes()
    file.unlink()
    house.key_file.make()
    assert getattr(house.lgsp().tokens.read(token), "code", None) is Code.TOKEN
    file.write_bytes(file.read_bytes() + old)
    assert house.lgsp().tokens.read(token) == bearer


# what never gets as far


@pytest.mark.parametrize("operation", GUARDED)
@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (LedgerUnavailableError("SECRET"), 503, Code.UNAVAILABLE),
        (OverloadedError("SECRET"), 503, Code.OVERLOADED),
        (ConfigurationError("SECRET"), 500, Code.CONFIGURATION),
        (KeyError("SECRET"), 500, Code.INTERNAL),
    ],
    ids=["ledger", "overload", "configuration", "mistake"],
)
def test_a_dependency_that_breaks_is_an_answer(
    house: LgspHouse, sender: Lgsp, operation: str, fault: Exception, status: int, code: Code
) -> None:
    sender.headers()
    house.secrets.fault = fault
    answer = _call(sender, operation)
    assert "SECRET" not in is_failure(answer, status=status, number="20", code=code)["errorDesc"]
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_login_without_a_ledger_or_a_key_is_an_answer(house: LgspHouse, sender: Lgsp) -> None:
    house.key_file.file.unlink()
    is_failure(sender.log_in(), status=500, number="20", code=Code.CONFIGURATION)
    house.logins.fault = LedgerUnavailableError("down")
    is_failure(sender.log_in(), status=503, number="20", code=Code.UNAVAILABLE)


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/nothing", "/v1/sendedoc", "/v2/sendEdoc", "/v1/%FF", "/%00"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_an_operation_that_nobody_knows_is_an_answer(client: Client, method: str, path: str) -> None:
    head = f"{method} /lgsp{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{{}}"
    answer = read_answer(client.raw(head.encode()))
    code, number = (Code.NOT_FOUND, "21") if answer.status == 404 else (Code.BAD_REQUEST, "20")
    is_failure(answer, status=answer.status, number=number, code=code)


@pytest.mark.parametrize("name", OPERATIONS)
def test_another_method_is_refused_with_the_right_one(client: Client, name: str) -> None:
    right = OPERATIONS[name].method
    for method in {"GET", "POST", "PUT", "PATCH"} - {right}:
        answer = client.call(method, f"{BASE}/{name}")
        is_failure(answer, status=405, number="20", code=Code.METHOD_NOT_ALLOWED)
        assert answer.headers["Allow"] == right


@pytest.mark.parametrize(
    "lines",
    [
        b"X-SystemId: \x10\xe3\r\n",
        b"Authorization: Bearer " + b"x" * 40_000 + b"\r\n",
        b"".join(b"X-%d: y\r\n" % n for n in range(200)),
        b"no header at all\r\n",
        b"Content-Length: 1\r\nContent-Length: 2\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
    ],
)
@pytest.mark.parametrize("operation", ["v1/sendEdoc", "v1/auth/login", ""])
def test_what_no_handler_sees_is_an_answer_too(client: Client, operation: str, lines: bytes) -> None:
    head = b"POST /lgsp/%b HTTP/1.1\r\nHost: x\r\n" % operation.encode()
    answer = read_answer(client.raw(head + lines + b"\r\n{}"))
    is_failure(answer, status=400, number="20", code=Code.BAD_REQUEST)


def test_a_stuck_dependency_is_answered_in_time(house: LgspHouse, quiet: None) -> None:
    gate = threading.Event()
    house.told = Settings(answer_seconds=0.3)
    house.intake.gate = gate
    try:
        with serving(make_app(house.doors(), facade(house.lgsp()))) as client:
            answer = house.client_of(client, "gui").send(b"<edXML>" + b"x" * 100_000)
            is_failure(answer, status=503, number="20", code=Code.UNAVAILABLE)
            gate.set()
    finally:
        gate.set()


def test_a_client_that_reads_only_after_it_has_sent_everything_gets_its_refusal(
    house: LgspHouse, tmp_path: Path
) -> None:
    house.settings = Http(max_body_octets=1_000_000)
    with serving(make_app(house.doors(), facade(house.lgsp()))) as client:
        sender = house.client_of(client, "gui")
        large = b"<edXML>" + b"x" * 1_900_000
        is_failure(sender.send(large), status=413, number="10", code=Code.TOO_LARGE)
        is_unauthorized(sender.send(large, **{"X-SecretKey": "wrong"}), Code.SYSTEM_SECRET)
    assert not house.intake.seen
    assert not list(house.spool.iterdir())


def test_a_connection_is_good_for_the_next_request_after_a_refusal(sender: Lgsp) -> None:
    body = edoc(OCTETS)
    lines = "".join(f"{name}: {value}\r\n" for name, value in sender.headers(**{"X-SecretKey": "wrong"}).items())
    kind = "Content-Type: multipart/form-data; boundary=x\r\n"
    head = f"POST /lgsp/v1/sendEdoc HTTP/1.1\r\nHost: x\r\n{kind}{lines}Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", sender.client.port), timeout=20) as connection:
        for _ in range(3):
            connection.sendall(head.encode() + body)
            assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
