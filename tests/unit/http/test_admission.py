"""Bodies that are too large, too slow, cut off, wrongly framed: a clear answer, and nothing left behind."""

from __future__ import annotations

import os
import re
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.unit.http.fakes import OCTETS, House
from tests.unit.http.serving import Client, serving
from trunk.application.submission import Submission
from trunk.http.app import HANDLER_ARGS, make_app
from trunk.http.spool import sweep
from trunk.settings import Http

PATH = "/api/v1/envelopes"
HEAD = b"POST /api/v1/envelopes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer edoc_s_1\r\nAccept-Language: en\r\n"
SMALL = Http(max_body_octets=100_000, spool_above_octets=10_000, body_timeout_seconds=0.3)


@pytest.fixture
def house(tmp_path: Path, quiet: None) -> House:
    return House(tmp_path, settings=SMALL)


def _untouched(house: House) -> bool:
    return not house.intake.seen and not list(house.spool.iterdir()) and not house.woken


def test_a_length_that_is_too_large_is_refused_before_the_body_is_asked_for(house: House, client: Client) -> None:
    head = HEAD + b"Content-Length: 100001\r\nExpect: 100-continue\r\n\r\n"
    received = client.raw(head)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"TRK-104" in received
    assert b"100 Continue" not in received
    assert _untouched(house)


def test_a_body_is_asked_for_once_its_headers_are_good(house: House, client: Client) -> None:
    head = HEAD + b"Content-Length: 22\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n"
    received = client.raw(head + OCTETS)
    assert received.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 ")
    assert house.intake.seen[0][1] == OCTETS


def test_a_chunked_body_is_counted_while_it_comes(house: House, client: Client) -> None:
    chunk = b"4000\r\n" + b"a" * 0x4000 + b"\r\n"
    received = client.raw(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 7)
    assert received.startswith(b"HTTP/1.1 413 ")
    assert b"Connection: close" in received
    assert _untouched(house)


def test_a_chunked_body_that_fits_is_taken(house: House, client: Client) -> None:
    pieces = [b"<a>", b"b" * 20_000, b"</a>"]
    assert client.call("POST", PATH, body=iter(pieces)).status == 201
    assert house.intake.seen[0][1] == b"".join(pieces)
    assert not list(house.spool.iterdir())


@pytest.mark.parametrize("sent", [0, 5_000, 30_000])
def test_a_body_that_stops_coming_is_refused_in_time(house: House, client: Client, sent: int) -> None:
    received = client.raw(HEAD + b"Content-Length: 50000\r\n\r\n" + b"a" * sent, timeout=4)
    assert received.startswith(b"HTTP/1.1 400 ")
    assert b"TRK-109" in received
    assert _untouched(house)


def test_a_peer_that_leaves_in_the_middle_of_a_body_leaves_nothing_behind(house: House, client: Client) -> None:
    client.raw(HEAD + b"Content-Length: 50000\r\n\r\n" + b"a" * 30_000, then_close=True)
    deadline = time.monotonic() + 10
    while b'trunk_rejections_total{code="TRK-109"} 1.0' not in client.get("/metrics").octets:
        assert time.monotonic() < deadline
    assert _untouched(house)


@pytest.mark.parametrize(
    ("header", "status", "code"),
    [
        (b"Content-Encoding: gzip", 415, b"TRK-105"),
        (b"Content-Encoding: identity", 415, b"TRK-105"),
        (b"Content-Type: text/html", 415, b"TRK-105"),
        (b"Content-Type: multipart/form-data; boundary=x", 415, b"TRK-105"),
    ],
)
def test_what_is_no_plain_xml_is_refused_by_its_headers(
    house: House, client: Client, header: bytes, status: int, code: bytes
) -> None:
    received = client.raw(HEAD + header + b"\r\nContent-Length: 22\r\n\r\n" + OCTETS)
    assert received.startswith(f"HTTP/1.1 {status} ".encode())
    assert code in received
    assert _untouched(house)


@pytest.mark.parametrize("kind", ["application/xml", "text/xml; charset=utf-8", "application/octet-stream", None])
def test_xml_may_come_under_its_usual_types_or_none(client: Client, kind: str | None) -> None:
    assert client.call("POST", PATH, body=OCTETS, headers={"Content-Type": kind} if kind else {}).status == 201


@pytest.mark.parametrize(
    "head",
    [
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        HEAD + b"Content-Type: text/xml\r\nContent-Type: application/xml\r\nContent-Length: 22\r\n\r\n" + OCTETS,
        HEAD + b"Content-Length: +4\r\n\r\nabcd",
        HEAD + b"Content-Length: 22\r\nBad Header: x\r\n\r\n" + OCTETS,
        b"GET /healthz\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        HEAD + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: a\r\n" % n for n in range(100)) + b"\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_tricks_of_framing_get_a_problem_and_the_end_of_the_connection(
    house: House, client: Client, head: bytes
) -> None:
    received = client.raw(head)
    assert received.startswith((b"HTTP/1.1 400 ", b"HTTP/1.0 400 ")), received[:200]
    assert b"application/problem+json" in received
    assert b"nosniff" in received
    assert len(re.findall(rb"HTTP/1\.[01] \d{3} ", received)) == 1
    assert _untouched(house)


def test_no_body_at_all_is_refused(house: House, client: Client) -> None:
    for path in (PATH, "/api/v1/validate"):
        answer = client.post(path, b"")
        assert (answer.status, answer.codes) == (400, ["ENV-001"])
    assert _untouched(house)


def test_an_http_1_0_body_with_a_length_is_taken(house: House, client: Client) -> None:
    head = HEAD.replace(b"HTTP/1.1", b"HTTP/1.0") + b"Content-Length: 22\r\n\r\n"
    assert client.raw(head + OCTETS).startswith(b"HTTP/1.0 201 ")


def test_a_spool_folder_that_takes_no_octets_is_a_503(house: House, client: Client) -> None:
    house.spool.rmdir()
    answer = client.post(PATH, b"a" * 20_000)
    assert (answer.status, answer.codes) == (503, ["TRK-107"])
    house.spool.mkdir()


def test_spooled_files_are_for_the_trunk_alone(house: House, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[int] = []
    look = house.intake.look

    def look_again(submission: Submission, at: datetime) -> Any:
        modes.extend(file.stat().st_mode & 0o777 for file in house.spool.iterdir())
        return look(submission, at)

    monkeypatch.setattr(house.intake, "look", look_again)
    client.post(PATH, b"a" * 20_000)
    assert modes == [0o600]


def test_what_a_killed_process_left_in_the_spool_folder_is_removed_at_start(tmp_path: Path) -> None:
    old, fresh, other = (tmp_path / name for name in ("old.part", "fresh.part", "other"))
    for file in (old, fresh, other):
        file.touch()
        os.utime(file, (1_000, 1_000))
    os.utime(fresh, (9_000, 9_000))
    assert sweep(tmp_path, older_than=5_000) == 1
    assert (old.exists(), fresh.exists(), other.exists()) == (False, True, True)


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: a"])
def test_a_peer_that_never_finishes_its_headers_is_cut(
    house: House, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    monkeypatch.setitem(HANDLER_ARGS, "keepalive_timeout", 0.3)
    with serving(make_app(house.doors())) as client:
        assert client.raw(sent, timeout=10) == b""


def test_a_connection_stays_usable_after_a_refusal_that_read_the_body(client: Client) -> None:
    get = b"GET /api/v1/inbox?limit=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer edoc_s_1\r\n"
    received = client.raw(get + b"\r\n" + get + b"Connection: close\r\n\r\n")
    assert received.count(b"HTTP/1.1 400 ") == 2


def test_the_application_can_be_stopped_while_a_body_is_on_its_way(house: House) -> None:
    import socket

    with serving(make_app(house.doors()), key="edoc_s_1", drain_seconds=0.1) as client:
        connection = socket.create_connection(("127.0.0.1", client.port))
        connection.sendall(HEAD + b"Content-Length: 50000\r\n\r\n" + b"a" * 30_000)
        while not list(house.spool.iterdir()):
            pass
    connection.close()
    assert not list(house.spool.iterdir())
