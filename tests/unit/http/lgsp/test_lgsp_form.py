"""Files in forms: one, whole, in any place; whatever two readers could read differently is refused."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.lgsp_kit import BOUNDARY, Lgsp, edoc, form, part
from tests.unit.http.fakes import OCTETS, rejected
from tests.unit.http.lgsp.house import LgspHouse, is_failure
from tests.unit.http.serving import serving
from trunk.domain.rejection import Code
from trunk.http.app import make_app
from trunk.http.lgsp.entrance import facade
from trunk.settings import Http

FILE = part("edocFile", OCTETS, "Content-Type: application/xml", file="a.edxml")
KIND = part("messageType", b"edoc")


def _left_nothing(house: LgspHouse) -> bool:
    return not list(house.spool.iterdir())


@pytest.mark.parametrize(
    ("name", "body", "code"),
    [
        ("no file", form(KIND), Code.BAD_REQUEST),
        ("nothing at all", form(), Code.BAD_REQUEST),
        ("two files", form(FILE, KIND, FILE), Code.BAD_REQUEST),
        ("an empty file", edoc(b""), Code.EMPTY),
        ("no last boundary", form(FILE, KIND, end=b""), Code.BODY_CUT_OFF),
        ("half a boundary", form(FILE, end=f"--{BOUNDARY}".encode()), Code.BAD_REQUEST),
        ("a boundary like ours", form(FILE, end=f"--{BOUNDARY}x--\r\n".encode()), Code.BODY_CUT_OFF),
        ("no form", OCTETS, Code.BODY_CUT_OFF),
        ("another after the end", form(FILE) + FILE, Code.BAD_REQUEST),
        ("words after the end", form(FILE) + b"and more", Code.BAD_REQUEST),
        ("lines after the end", form(FILE) + b"\r\n\r\n\r\nand more", Code.BAD_REQUEST),
        ("base64", form(part("edocFile", b"eA==", "Content-Transfer-Encoding: base64")), Code.MEDIA_TYPE),
        ("gzip", form(part("edocFile", OCTETS, "Content-Encoding: gzip")), Code.MEDIA_TYPE),
        ("no name", form(b"--%b\r\nContent-Type: text/xml\r\n\r\nx\r\n" % BOUNDARY.encode(), FILE), Code.BAD_REQUEST),
        (
            "two names",
            form(part("messageType", OCTETS, 'Content-Disposition: form-data; name="edocFile"')),
            Code.BAD_REQUEST,
        ),
        (
            "a form inside",
            form(part("edocFile", OCTETS, "Content-Type: multipart/mixed; boundary=y")),
            Code.BAD_REQUEST,
        ),
        ("a long field", form(FILE, part("messageType", b"x" * 5_000)), Code.BAD_REQUEST),
        ("many fields", form(FILE, *[KIND] * 20), Code.BAD_REQUEST),
        ("many headers", form(part("edocFile", OCTETS, *(f"X-{n}: y" for n in range(40)))), Code.BAD_REQUEST),
        ("a long header", form(part("edocFile", OCTETS, "X: " + "y" * 20_000)), Code.BAD_REQUEST),
        ("a charset", form(part("_charset_", b"utf-99" * 20), FILE), Code.BAD_REQUEST),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_form_with_one_file_is_refused(
    house: LgspHouse, sender: Lgsp, name: str, body: bytes, code: Code
) -> None:
    answer = sender.post_form(body)
    numbers = {Code.BAD_REQUEST: "20"}
    status = 415 if code is Code.MEDIA_TYPE else 400
    is_failure(answer, status=status, number=numbers.get(code, "10"), code=code)
    assert not house.intake.seen
    assert _left_nothing(house)


@pytest.mark.parametrize(
    "kind", ["application/xml", "multipart/form-data", "multipart/form-data; boundary=" + "x" * 80]
)
def test_what_does_not_say_how_it_is_parted_is_refused(house: LgspHouse, sender: Lgsp, kind: str) -> None:
    answer = sender.post_form(edoc(OCTETS), content_type=kind)
    assert answer.status in (400, 415)
    assert answer.json["success"] is False
    assert not house.intake.seen


@pytest.mark.parametrize(
    "body",
    [
        form(FILE, KIND),
        form(KIND, FILE),
        form(part("other", b"1"), FILE, KIND, part("more", b"2")),
        form(FILE),
        form(FILE, end=f"--{BOUNDARY}--".encode()),
        form(part("edocFile", OCTETS, "Content-Length: 7", "Content-Transfer-Encoding: binary", file="a")),
        form(part("edocFile", OCTETS)),
        form(part("edocFile", OCTETS, "Content-Type: text/plain; charset=utf-16", file="ă.edxml")),
    ],
)
def test_a_file_is_taken_octet_for_octet_wherever_it_stands(house: LgspHouse, sender: Lgsp, body: bytes) -> None:
    answer = sender.post_form(body)
    assert (answer.status, answer.json) == (200, {"success": True, "message": "OK", "docId": "E1"})
    ((_, octets),) = house.intake.seen
    assert octets == OCTETS


@pytest.mark.parametrize("size", [0, 1, 255, 8_192, 300_000, 999_999])
def test_line_ends_and_hyphens_in_a_file_are_its_own(house: LgspHouse, sender: Lgsp, size: int) -> None:
    octets = b"\r\n--" + BOUNDARY[:-1].encode() + b"\r\n--\r\n" + os.urandom(size) + b"\r\n-\r\n--"
    assert sender.send(octets).status == 200
    assert house.intake.seen[-1][1] == octets
    assert _left_nothing(house)


def test_a_large_file_is_never_whole_in_memory(house: LgspHouse, sender: Lgsp) -> None:
    """It stands in the spool folder when the intake sees it."""
    octets = b"<edXML>" + b"x" * 3_000_000
    assert sender.send(octets).status == 200
    ((submission, seen),) = house.intake.seen
    assert not isinstance(submission.octets, bytes)
    assert (submission.size, seen) == (len(octets), octets)
    assert _left_nothing(house)


def test_a_form_in_chunks_is_counted_while_it_comes(house: LgspHouse, sender: Lgsp) -> None:
    def chunks(body: bytes) -> Iterator[bytes]:
        yield from (body[start : start + 40_000] for start in range(0, len(body), 40_000))

    assert sender.post_form(chunks(edoc(OCTETS * 9_000))).status == 200
    assert house.intake.seen[0][1] == OCTETS * 9_000


def test_a_preamble_without_end_is_cut(house: LgspHouse) -> None:
    house.settings = Http(max_body_octets=100_000)
    with serving(make_app(house.doors(), facade(house.lgsp()))) as client:
        sender = house.client_of(client, "gui")
        lines = iter([b"x" * 60 + b"\r\n"] * 10_000)
        try:
            answer = sender.post_form(lines)
        except (BrokenPipeError, ConnectionResetError):
            pass
        else:
            is_failure(answer, status=413, number="10", code=Code.TOO_LARGE)
    assert not house.intake.seen


def test_what_the_intake_refuses_has_its_number_and_every_reason(house: LgspHouse, sender: Lgsp) -> None:
    house.intake.outcome = rejected(Code.ADDRESSEE_UNKNOWN, Code.BAD_VALUE)
    data = is_failure(sender.send(OCTETS), status=422, number="18", code=Code.ADDRESSEE_UNKNOWN)
    assert Code.BAD_VALUE in data["errorDesc"]
