"""What every request meets: the key, the problem, the safe headers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
import structlog
from aiohttp.test_utils import make_mocked_request

from tests.unit.http.fakes import OCTETS, FakeRegistry, House, rejected
from tests.unit.http.serving import Client, serving
from trunk.domain.rejection import CATALOGUE, Code, Nature
from trunk.errors import ConfigurationError, LedgerUnavailableError
from trunk.http.app import make_app, routes
from trunk.http.authentication import Doorman
from trunk.http.description import Route
from trunk.http.language import preferred
from trunk.http.offload import Offload
from trunk.http.problems import STATUS, rejected_by_fault
from trunk.http.strangers import Lines

GUARDED = [route for route in routes() if isinstance(route, Route)]


def _path(route: Route) -> str:
    named = {"envelope_id": "E1", "delivery_id": "D1", "sha256": "0" * 64}
    return route.path.format_map(named)


@pytest.mark.parametrize("route", GUARDED, ids=lambda route: f"{route.method} {route.path}")
def test_without_a_good_key_nothing_opens_and_all_wrong_ones_look_alike(
    house: House, client: Client, route: Route
) -> None:
    answers = [
        Client(client.port, key).call(route.method, _path(route), body=b"" if route.method == "POST" else None)
        for key in ("", "edoc_s_2", "edoc_nobody_1", "hello", "x" * 300)
    ]
    for answer in answers:
        assert (answer.status, answer.codes) == (401, ["TRK-101"])
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="edoc-trunk"'
    wrong = [answer.json | {"instance": ""} for answer in answers[1:4]]
    assert wrong[0] == wrong[1] == wrong[2]
    assert not house.intake.seen
    assert not house.handover.asked


@pytest.mark.parametrize("value", ["Basic ZTpm", "Bearer", "Bearer  ", "edoc_s_1", "Bearer edoc_s_1 x", "Bearer é"])
def test_another_way_of_showing_a_key_is_none(client: Client, value: str) -> None:
    answer = client.using("").get("/api/v1/agencies", Authorization=value.encode().decode("latin-1"))
    assert answer.status == 401


def test_two_keys_are_none(client: Client) -> None:
    head = b"GET /api/v1/agencies HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    key = b"Authorization: Bearer edoc_s_1\r\n"
    assert client.raw(head + key + key + b"\r\n").startswith((b"HTTP/1.1 401 ", b"HTTP/1.0 400 "))


def test_a_known_key_is_not_looked_up_again_within_its_second(house: House, client: Client) -> None:
    for _ in range(5):
        assert client.get("/api/v1/agencies").status == 200
    assert house.registry.asked == ["edoc_s_1"]


def test_a_known_key_is_looked_up_again_after_its_second() -> None:
    registry, seconds = FakeRegistry(), iter([0.0, 0.9, 1.1, 1.1])
    known, strangers = Offload(threads=1, waiting=1), Offload(threads=1, waiting=1)
    looked: Any = registry
    doorman = Doorman(seconds=lambda: next(seconds), registry=looked, lines=Lines(offload=known, strangers=strangers))

    async def story() -> None:
        request = make_mocked_request("GET", "/", headers={"Authorization": "bearer edoc_s_1"})
        for _ in range(3):
            assert (await doorman.admit(request)).agencies == {"H41"}
            strangers.close()  # who was known once is no stranger any more

    asyncio.run(story())
    known.close()
    assert registry.asked == ["edoc_s_1"] * 2


def test_a_ledger_that_is_down_is_no_wrong_key(house: House, client: Client) -> None:
    house.registry.fault = LedgerUnavailableError("down")
    answer = client.get("/api/v1/agencies")
    assert (answer.status, answer.codes) == (503, ["TRK-107"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, "TRK-103"),
        ("GET", "/api/v1/nowhere", 404, "TRK-103"),
        ("DELETE", "/api/v1/inbox", 405, "TRK-110"),
        ("TRACE", "/healthz", 405, "TRK-110"),
        ("OPTIONS", "/api/v1/envelopes", 405, "TRK-110"),
        ("GET", "/api/v1/problems/XYZ-1", 404, "TRK-103"),
        ("GET", "/healthz?x=1", 400, "TRK-108"),
        ("GET", "/api/v1/agencies?x=1", 400, "TRK-108"),
    ],
)
def test_whatever_aiohttp_would_say_is_said_as_a_problem(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    answer = client.call(method, path)
    assert (answer.status, answer.codes) == (status, [code])
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert ("Allow" in answer.headers) is (status == 405)


@pytest.mark.parametrize(
    "start",
    [
        b"GET /api/v1/envelopes?document_id=\xff HTTP/1.1\r\n",
        b"GET /api/v1/envelopes?document_id=%FF&\xc3\x28=1 HTTP/1.1\r\n",
        b"GET /api/v1/inbox?agency=\xff HTTP/1.1\r\n",
        b"GET /api/v1/inbox?cursor=\xff HTTP/1.1\r\n",
        b"POST /api/v1/envelopes HTTP/1.1\r\nIdempotency-Key: \xff\r\nContent-Length: 0\r\n",
        b"POST /api/v1/envelopes HTTP/1.1\r\nContent-Type: \xff\r\nContent-Length: 0\r\n",
        b"GET /api/v1/problems/\xff HTTP/1.1\r\n",
        b"GET /api/v1/deliveries/\xff HTTP/1.1\r\n",
    ],
)
def test_octets_that_are_no_text_are_refused_and_shown_back_as_text(client: Client, start: bytes) -> None:
    head = start + b"Host: x\r\nAuthorization: Bearer edoc_s_1\r\nConnection: close\r\n\r\n"
    assert client.raw(head).startswith((b"HTTP/1.1 4", b"HTTP/1.0 4"))


def test_a_method_that_is_not_there_names_those_that_are(client: Client) -> None:
    assert client.call("PUT", "/api/v1/envelopes").headers["Allow"] == "GET,HEAD,POST"


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/api/v1/docs", "/metrics", "/api/v1/inbox"])
def test_every_answer_has_an_id_and_is_safe(client: Client, path: str) -> None:
    answers = [client.get(path) for _ in range(2)]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
        assert answer.headers["Server"] == "edoc-trunk"
    assert answers[0].headers["Trunk-Request-Id"] != answers[1].headers["Trunk-Request-Id"]


def test_the_language_asked_for_is_that_of_title_and_detail(client: Client) -> None:
    english = client.get("/x", Accept_Language="en").json
    vietnamese = client.get("/x", Accept_Language="vi").json
    assert english["title"] == CATALOGUE[Code.NOT_FOUND].title.en
    assert vietnamese["title"] == CATALOGUE[Code.NOT_FOUND].title.vi
    assert english["faults"] == vietnamese["faults"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "vi"),
        ("*", "vi"),
        ("fr", "vi"),
        ("en", "en"),
        ("EN", "en"),
        ("en-GB,vi;q=0.5", "en"),
        ("en;q=0.3,vi-VN;q=0.9", "vi"),
        ("en;q=0", "vi"),
        ("en;q=x", "vi"),
        ("de, en;q=0.1", "en"),
        (",;,", "vi"),
    ],
)
def test_the_preferred_language_is_read_from_its_weights(header: str, language: str) -> None:
    assert preferred(header) == language


def test_every_nature_has_a_status_and_only_our_own_faults_are_5xx() -> None:
    assert set(STATUS) == set(Nature)
    ours = {nature for nature, status in STATUS.items() if status >= 500}
    assert ours == {Nature.OVERLOADED, Nature.UNAVAILABLE, Nature.BROKEN}


def test_every_fault_of_the_house_is_a_catalogue_entry() -> None:
    found = [rejected_by_fault(fault).code for fault in (ConfigurationError("x"), LedgerUnavailableError("x"))]
    assert found == [Code.CONFIGURATION, Code.UNAVAILABLE]
    assert rejected_by_fault(KeyError("x")).code is Code.INTERNAL


def test_every_code_has_its_page(client: Client) -> None:
    for code in Code:
        page = client.using("").get(f"/api/v1/problems/{code}")
        assert (page.status, page.json["code"], page.json["status"]) == (200, code, STATUS[CATALOGUE[code].nature])


@pytest.fixture
def logged() -> Iterator[Sequence[Mapping[str, object]]]:
    with structlog.testing.capture_logs([structlog.contextvars.merge_contextvars]) as lines:
        yield lines


def test_logs_have_ids_and_codes_and_nothing_of_the_document(
    house: House, logged: Sequence[Mapping[str, object]]
) -> None:
    with serving(make_app(house.doors()), key="edoc_s_1") as client:
        client.post("/api/v1/envelopes", OCTETS)
        house.intake.outcome = rejected(Code.MISSING)
        client.post("/api/v1/envelopes", b"<SECRET/>", Idempotency_Key="SECRET")
        house.intake.outcome = ValueError("SECRET")
        client.post("/api/v1/envelopes", b"<SECRET/>")
        client.get("/SECRET?SECRET=SECRET")
    events = {str(line["event"]): line for line in logged}
    assert {"envelope_accepted", "request_refused", "request_failed"} <= set(events)
    assert events["request_failed"]["fault"] == "ValueError"
    assert events["envelope_accepted"]["system"] == "system-H41"
    assert all("request_id" in line for line in logged if line["event"] != "http_parser_not_compiled")
    assert "SECRET" not in str(logged)
