from __future__ import annotations

import base64
import hashlib
import socket
from http.client import IncompleteRead
from pathlib import Path

import pytest

from tests.unit.http.fakes import DIGEST, OCTETS, House
from tests.unit.http.serving import Client
from trunk.application.handover import Failed, Taken
from trunk.errors import CorruptPayloadError

PATH = "/api/v1/deliveries/D1"
SAID = f"{PATH}/confirmation"


@pytest.fixture(params=["in memory", "in a file"])
def content(request: pytest.FixtureRequest, house: House, tmp_path: Path) -> bytes:
    octets = bytes(range(256)) * 3_000
    house.handover.content = octets
    if request.param == "in a file":
        house.handover.content = tmp_path / "payload"
        house.handover.content.write_bytes(octets)
    return octets


def test_an_envelope_is_handed_over_octet_for_octet_with_its_digest(content: bytes, recipient: Client) -> None:
    answer = recipient.get(f"{PATH}/envelope")
    digest = hashlib.sha256(content)
    assert (answer.status, answer.octets) == (200, content)
    assert answer.headers["Content-Length"] == str(len(content))
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["ETag"] == f'"{digest.hexdigest()}"'
    assert answer.headers["Repr-Digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Trunk-Delivery-Version"] == "0"
    assert answer.headers["Cache-Control"] == "no-store"


def test_head_says_the_same_without_the_octets(content: bytes, recipient: Client) -> None:
    answer = recipient.call("HEAD", f"{PATH}/envelope", headers={"Range": "bytes=0-1"})
    assert (answer.status, answer.octets, answer.headers["Content-Length"]) == (200, b"", str(len(content)))
    assert "Repr-Digest" in answer.headers


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=5-299999", 5, 300_000),
        ("bytes=767990-", 767_990, 768_000),
        ("bytes=-7", 767_993, 768_000),
        ("bytes=100-99999999", 100, 768_000),
        ("bytes=-9999999", 0, 768_000),
        ("bytes=0-767999", 0, 768_000),
    ],
)
def test_one_range_is_given_as_asked(content: bytes, recipient: Client, asked: str, start: int, end: int) -> None:
    answer = recipient.get(f"{PATH}/envelope", Range=asked)
    assert answer.status == 206
    assert answer.octets == content[start:end]
    assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/{len(content)}"
    assert answer.headers["Content-Length"] == str(end - start)


@pytest.mark.parametrize("asked", ["bytes=768000-", "bytes=-0", "bytes=0-1,5-6", "bytes=0-1, -1"])
def test_a_range_that_cannot_be_given_is_refused_with_the_size(content: bytes, recipient: Client, asked: str) -> None:
    answer = recipient.get(f"{PATH}/envelope", Range=asked)
    assert (answer.status, answer.codes) == (416, ["TRK-111"])
    assert answer.headers["Content-Range"] == f"bytes */{len(content)}"


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=5-2", "bytes=a-b", "bytes=-", "bytes"])
def test_a_range_that_is_no_range_is_ignored(content: bytes, recipient: Client, asked: str) -> None:
    assert recipient.get(f"{PATH}/envelope", Range=asked).octets == content


def test_a_range_of_something_else_gives_the_whole(content: bytes, recipient: Client) -> None:
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    assert recipient.get(f"{PATH}/envelope", Range="bytes=0-1", If_Range='"other"').status == 200
    assert recipient.get(f"{PATH}/envelope", Range="bytes=0-1", If_Range=etag).status == 206


def test_who_has_it_already_is_told_so(content: bytes, recipient: Client) -> None:
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    for named in (etag, f'"other", W/{etag}', "*"):
        answer = recipient.get(f"{PATH}/envelope", If_None_Match=named)
        assert (answer.status, answer.octets, answer.headers["ETag"]) == (304, b"", etag)
    assert recipient.get(f"{PATH}/envelope", If_None_Match='"other"').status == 200


def test_damaged_octets_in_memory_are_never_sent(house: House, recipient: Client) -> None:
    house.handover.entered_as = "0" * 64
    answer = recipient.get(f"{PATH}/envelope")
    assert (answer.status, answer.codes) == (500, ["TRK-121"])


def test_a_damaged_file_is_cut_off_before_its_end(house: House, recipient: Client, tmp_path: Path) -> None:
    file = tmp_path / "payload"
    file.write_bytes(b"a" * 1_000_000)
    house.handover.content = file
    house.handover.after_fetch = lambda: file.write_bytes(b"a" * 999_999 + b"b")
    with pytest.raises((ConnectionError, IncompleteRead)):
        recipient.get(f"{PATH}/envelope")


def test_a_file_that_is_gone_or_short_is_a_500_before_the_first_octet(
    house: House, recipient: Client, tmp_path: Path
) -> None:
    file = tmp_path / "payload"
    house.handover.content = file
    for damage in (file.unlink, lambda: file.write_bytes(b"a")):
        file.write_bytes(b"a" * 1000)
        house.handover.after_fetch = damage
        answer = recipient.get(f"{PATH}/envelope")
        assert (answer.status, answer.codes) == (500, ["TRK-121"])


def test_a_reader_that_goes_away_in_the_middle_troubles_nobody(house: House, recipient: Client, tmp_path: Path) -> None:
    house.handover.content = tmp_path / "payload"
    house.handover.content.write_bytes(b"a" * 20_000_000)
    with socket.create_connection(("127.0.0.1", recipient.port)) as connection:
        connection.sendall(
            f"GET {PATH}/envelope HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer edoc_r_1\r\n\r\n".encode()
        )
        connection.recv(1000)
    assert recipient.get("/healthz").status == 200


def test_a_fault_of_the_store_is_a_500_with_its_code(house: House, recipient: Client) -> None:
    house.handover.fault = CorruptPayloadError("no octets")
    answer = recipient.get(f"{PATH}/envelope")
    assert (answer.status, answer.codes) == (500, ["TRK-121"])


def test_the_word_taken_with_the_digest_is_passed_on(house: House, recipient: Client) -> None:
    answer = recipient.post(SAID, {"outcome": "taken", "sha256": DIGEST.upper()})
    assert answer.status == 200
    assert answer.json == {
        "delivery_id": "D1",
        "envelope_id": "E1",
        "agency": "H36.17",
        "state": "delivered",
        "version": 2,
    }
    assert house.handover.asked == [Taken(DIGEST)]
    assert house.woken
    again = recipient.post(SAID, {"outcome": "taken", "sha256": DIGEST})
    assert (again.octets, again.headers["Idempotent-Replayed"]) == (answer.octets, "true")


def test_the_word_failed_with_its_reason_is_passed_on(house: House, recipient: Client) -> None:
    assert recipient.post(SAID, {"outcome": "failed", "reason": "đĩa đầy"}).status == 200
    assert house.handover.asked == [Failed("đĩa đầy")]


def test_a_wrong_digest_is_refused_with_the_right_one(recipient: Client) -> None:
    answer = recipient.post(SAID, {"outcome": "taken", "sha256": "0" * 64})
    assert (answer.status, answer.codes) == (422, ["TRK-113"])
    assert answer.json["faults"][0]["expected"] == DIGEST


@pytest.mark.parametrize(
    ("word", "paths"),
    [
        ({}, ["outcome"]),
        ([], [""]),
        ({"outcome": "eaten"}, ["outcome"]),
        ({"outcome": "taken"}, ["sha256"]),
        ({"outcome": "taken", "sha256": "abc"}, ["sha256"]),
        ({"outcome": "taken", "sha256": 5}, ["sha256"]),
        ({"outcome": "taken", "sha256": DIGEST, "reason": "x"}, ["reason"]),
        ({"outcome": "failed", "reason": ""}, ["reason"]),
        ({"outcome": "failed", "reason": "a\0b"}, ["reason"]),
        ({"outcome": "failed", "reason": "x" * 1001, "extra": 1}, ["reason", "extra"]),
    ],
)
def test_a_word_that_is_none_is_refused_by_the_names_of_what_is_wrong(
    house: House, recipient: Client, word: dict[str, object], paths: list[str]
) -> None:
    answer = recipient.post(SAID, word)
    assert (answer.status, set(answer.codes)) == (400, {"TRK-108"})
    assert [fault["path"] for fault in answer.json["faults"]] == paths
    assert not house.handover.asked


def test_a_body_that_is_no_json_is_refused(recipient: Client) -> None:
    for body in (b"", b"{", b"\xff", b"[" * 5_000, b'{"outcome": "taken"', OCTETS):
        answer = recipient.post(SAID, body, kind="application/json")
        assert (answer.status, answer.codes) == (400, ["TRK-108"])


def test_a_word_is_short_json_and_nothing_else(recipient: Client) -> None:
    word = b'{"outcome": "failed", "reason": "' + b"x" * 70_000 + b'"}'
    assert recipient.post(SAID, word, kind="application/json").status == 413
    assert recipient.post(SAID, b"{}", kind="application/xml").status == 415


def test_a_delivery_is_shown_with_its_envelope(client: Client, recipient: Client) -> None:
    for caller in (client, recipient):
        shown = caller.get(PATH).json
        assert (shown["delivery"]["delivery_id"], shown["envelope"]["envelope_id"]) == ("D1", "E1")
    assert client.get("/api/v1/deliveries/D9").json["delivery"]["delivery_id"] == "D9"


@pytest.mark.parametrize("sought", ["D2", "%00", "%FF", "a%2Fb", "x" * 65, "D1%20", "%F0%9F%98%80", "D1;--"])
def test_an_id_that_is_nobodys_is_not_found_whatever_it_looks_like(recipient: Client, sought: str) -> None:
    for answer in (
        recipient.get(f"/api/v1/deliveries/{sought}"),
        recipient.get(f"/api/v1/deliveries/{sought}/envelope"),
        recipient.post(f"/api/v1/deliveries/{sought}/confirmation", {"outcome": "failed", "reason": "x"}),
        recipient.get(f"/api/v1/envelopes/{sought}"),
    ):
        assert (answer.status, answer.codes) == (404, ["TRK-103"])
