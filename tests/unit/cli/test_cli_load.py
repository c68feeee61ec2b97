"""trunk load: what cannot be meant is told before a document is made, and nothing is sent unasked."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from scripts.make_test_pki import Pki, make_pki
from tests.unit.cli.town import START, Town
from trunk.cli.exits import Exit
from trunk.cli.load_view import _WORDS
from trunk.load.answers import Surprise

WHO = ("--sender", "H41.01", "--key", "pki/identities/person.key", "--certificate", "pki/identities/person.pem")


@pytest.fixture(scope="module")
def pki() -> Pki:
    return make_pki(at=START)


@pytest.fixture
def office(town: Town, pki: Pki) -> Town:
    pki.write(town.folder / "pki")
    (town.folder / "api.key").write_text("a-key\n", encoding="utf-8")
    (town.folder / "two.key").write_text("a-key another\n", encoding="utf-8")
    return town


def load(office: Town, *more: str, url: str = "http://127.0.0.1:1", code: Exit) -> str:
    result = office.run("load", url, "--api-key-file", "api.key", *WHO, "--to", "G12", *more)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.output


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--size", "huge"), "is no size; write 25k, 200k, 2m"),
        (("--size", "25k=0"), "is no weight"),
        (("--recipients", "0"), "0 is not 1 or more"),
        (("--recipients", "many"), "--recipients"),
        (("--recipients", "2"), "2 recipients of one document, and 1 are named: more --to"),
        (("--duplicates", "100%"), "is no share; write 1% or 0.01"),
        (("--duplicates", "60%", "--bad", "40%"), "leave nothing that is new"),
        (("--bad", "-1"), "is no share"),
        (("--per-second", "0"), "--per-second"),
        (("--seconds", "0.01"), "not one submission"),
        (("--arrivals", "burst"), "--arrivals"),
        (("--connections", "0"), "--connections"),
        (("--follow",), "--follow without the keys of G12"),
        (("--recipient-key", "G12=api.key"), "--recipient-key without --follow"),
        (("--follow", "--recipient-key", "G12"), "is no CODE=FILE"),
        (("--follow", "--recipient-key", "G12=not-there"), "there is no file not-there"),
        (("--follow", "--recipient-key", "G12=api.key", "--recipient-key", "G13=api.key"), "a key of G13, and no --to"),
    ],
)
def test_options_that_cannot_be_meant_are_told(office: Town, more: tuple[str, ...], told: str) -> None:
    assert told in " ".join(load(office, *more, code=Exit.USAGE).split())


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://example.vn", "http://an:pw@example.vn"])
def test_a_url_that_is_none_is_told(office: Town, url: str) -> None:
    assert "trunk load --help" in load(office, url=url, code=Exit.USAGE)


def test_a_file_without_a_key_is_named_and_not_shown(office: Town) -> None:
    told = office.run("load", "http://127.0.0.1:1", "--api-key-file", "two.key", *WHO, "--to", "G12")
    assert told.exit_code == Exit.CONFIGURATION
    assert "two.key: no API key in it" in told.output
    assert "another" not in told.output


def test_a_certificate_of_another_key_is_told(office: Town) -> None:
    told = load(office, "--certificate", "pki/identities/person-p256.pem", code=Exit.REFUSED)
    assert "not the certificate of" in told


def test_a_certificate_that_has_expired_is_told(office: Town) -> None:
    office.now = START.replace(year=START.year + 40)
    assert "the certificate is not valid now" in load(office, code=Exit.REFUSED)


def test_a_url_that_does_not_answer_is_told_at_once(office: Town) -> None:
    told = load(office, "--yes", code=Exit.UNAVAILABLE)
    assert "nothing answers at 127.0.0.1:1" in told
    assert "does the trunk run?" in told
    vietnamese = office.run(
        "--language", "vi", "load", "http://127.0.0.1:1", "--api-key-file", "api.key", *WHO, "--to", "G12"
    )
    assert "không trả lời" in vietnamese.output


@pytest.fixture
def no_trunk() -> Iterator[str]:
    """Something else that speaks HTTP."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(2**20)
                connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\nConnection: close\r\n\r\n404")

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10)


def test_what_is_no_trunk_is_told(office: Town, no_trunk: str) -> None:
    told = load(office, "--yes", url=no_trunk, code=Exit.UNAVAILABLE)
    assert "no trunk at 127.0.0.1" in told
    assert "stands before /api/v1" in told


def test_every_surprise_has_words_in_both_languages() -> None:
    assert set(_WORDS) == set(Surprise)
