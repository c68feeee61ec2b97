"""trunk admin agency: endpoints are registered by administrators, and tried before mail goes there."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from signing.http_message import RequestSigner
from tests.push_receiver import Receiver, receiver
from tests.unit.cli.town import Town
from trunk.cli import config_push
from trunk.cli.config_finding import Weight
from trunk.cli.exits import Exit
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import Endpoint, EndpointRules
from trunk.settings import Push, Settings
from trunk.workers.push.letters import LetterWriter
from trunk.workers.push.trial import Trial
from trunk.workers.push.wire import Limits, Wire

URL = "https://qlvb.example.vn/edoc"


def load(town: Town, text: str, *, exit_code: int = 0) -> str:
    file = town.folder / "agencies.toml"
    file.write_text(f'[[agency]]\ncode = "H36.17"\n{text}\n', encoding="utf-8")
    result = town.run("admin", "agency", "load", str(file))
    assert result.exit_code == exit_code, result.output
    return result.output


def push_of(town: Town) -> dict[str, object]:
    shown: dict[str, object] = town.json("admin", "agency", "show", "H36.17", "--json")["push"]
    return shown


def trying(town: Town, there: Receiver) -> None:
    """The trial that the door opens, and the endpoint as if the settings had named its host."""
    signer = RequestSigner(ec.generate_private_key(ec.SECP256R1()), key_id="k")
    letters = LetterWriter(
        rules=EndpointRules(private_hosts=("localhost:*",)),
        signer=signer,
        folder=Path("/nowhere"),
        now=lambda: datetime(2026, 11, 22, tzinfo=UTC),
    )
    limits = Limits(silence_seconds=20, total_seconds=20, slowest_octets=10**6)
    town.trial = Trial(letters=letters, wire=Wire(limits=limits), new_nonce=lambda: "n0")
    with town.ledger.begin() as book:
        agency = book.view.directory().find("H36.17")
        assert agency is not None
        book.put_agency(
            Agency(code=agency.code, name=agency.name, mode=DeliveryMode.PUSH, endpoint=Endpoint(url=there.url))
        )


def test_an_endpoint_is_registered_in_its_one_form_and_is_not_proven(town: Town) -> None:
    load(town, f'mode = "push"\npush_url = "{URL.upper().replace("/EDOC", "/edoc")}"\npush_key_id = "truc"')
    shown = push_of(town)
    assert shown == {"url": URL, "ca_file": "", "key_id": "truc", "proven": False, "proven_at": None}
    assert "NOT PROVEN" in town.run("admin", "agency", "show", "H36.17").output
    load(town, 'name = "Sở khác"')
    assert push_of(town) == shown, "what a file does not say stays"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('mode = "push"', "mode push needs push_url"),
        ('push_url = "http://qlvb.example.vn/"', "not https"),
        ('push_url = "https://10.0.0.1/"', "10.0.0.1 is no address of the internet"),
        ('push_url = "https://user@qlvb.example.vn/"', "host not understood"),
        ("push_url = 3", "push_url is no line of text"),
        (f'push_url = "{URL}"\npush_ca_file = "/etc/x.pem"', "push_ca_file is no file in the data folder"),
        (f'push_url = "{URL}"\npush_ca_file = "a/../../x.pem"', "push_ca_file is no file in the data folder"),
    ],
)
def test_an_endpoint_that_cannot_be_is_refused_with_its_line(town: Town, text: str, words: str) -> None:
    output = load(town, text, exit_code=Exit.REFUSED)
    assert "line 1" in output
    assert words in output
    assert push_of(town)["url"] == ""


def test_an_endpoint_that_answers_is_proven_until_it_moves(town: Town) -> None:
    with receiver() as there:
        trying(town, there)
        assert town.run("admin", "agency", "try-push", "H36.17", "--dry-run").exit_code == 0
        assert push_of(town)["proven"] is False
        result = town.json("admin", "agency", "try-push", "H36.17", "--json")
        assert (result["code"], result["status"], result["recorded"]) == ("confirmed", 200, True)
        assert push_of(town)["proven"] is True
    load(town, f'push_url = "{URL}"')
    assert push_of(town)["proven"] is False


@pytest.mark.parametrize(("mode", "words"), [("echo", "no_digest (HTTP 200)"), ("404", "status_404 (HTTP 404)")])
def test_an_endpoint_that_answers_wrongly_is_not_proven_and_it_says_what_came(
    town: Town, mode: str, words: str
) -> None:
    with receiver(mode) as there:
        trying(town, there)
        result = town.run("admin", "agency", "try-push", "H36.17")
    assert result.exit_code == Exit.REFUSED
    assert words in result.output
    assert push_of(town)["proven"] is False


def test_there_is_nothing_to_try_without_an_endpoint(town: Town) -> None:
    assert town.run("admin", "agency", "try-push", "H36.17").exit_code == Exit.USAGE
    assert town.run("admin", "agency", "try-push", "X99").exit_code == Exit.NOT_FOUND


def test_the_settings_are_explained_where_they_allow_more(tmp_path: Path) -> None:
    plain = Settings(data_folder=tmp_path)
    wide = Settings(data_folder=tmp_path, push=Push(private_hosts=("qlvb.noi-bo",), ports=(443, 9000)))
    assert list(config_push.findings(plain)) == []
    assert [(one.weight, one.key) for one in config_push.findings(wide)] == [
        (Weight.WARNING, "push.private_hosts"),
        (Weight.WARNING, "push.ports"),
    ]


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        (Endpoint(url=URL, proven=URL), []),
        (Endpoint(url=URL), ["has not answered a challenge"]),
        (Endpoint(url="http://qlvb.noi-bo/", proven="http://qlvb.noi-bo/"), ["is not one that these settings allow"]),
        (Endpoint(url=URL, ca_file="x.pem", proven=f"{URL} x.pem"), ["x.pem is not in the data folder"]),
    ],
)
def test_endpoints_that_get_no_mail_are_named(tmp_path: Path, endpoint: Endpoint, words: list[str]) -> None:
    agency = Agency(code=AgencyCode("H41"), name="Sở", mode=DeliveryMode.PUSH, endpoint=endpoint)
    found = list(config_push.of_agencies(Settings(data_folder=tmp_path), [agency]))
    assert len(found) == len(words)
    assert all(word in one.text for word, one in zip(words, found, strict=True))
