"""The address book over the native API: whole, or what changed."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.http.fakes import AT, FakeRegistry, House
from tests.unit.http.serving import Client
from trunk.application.directory import Edition
from trunk.domain.agency import Agency, Contact
from trunk.domain.delivery import AgencyCode

PATH = "/api/v1/agencies"


def test_the_whole_book_has_its_edition(recipient: Client) -> None:
    book = recipient.get(PATH).json
    assert book["edition"] == 7
    assert [item["code"] for item in book["items"]] == ["H36.17", "H41"]
    assert book["items"][0] == {
        "code": "H36.17",
        "old_code": "000.00.17.H36",
        "aliases": [],
        "name": "Sở",
        "active": True,
        "parent": "",
        "unit": False,
        "successor": "",
        "address": "",
        "email": "",
        "telephone": "",
    }


@pytest.mark.parametrize(
    ("since", "codes"), [("0", ["H36.17", "H41"]), ("3", ["H41"]), ("7", []), ("999999999", ["H36.17", "H41"])]
)
def test_what_changed_after_an_edition(recipient: Client, since: str, codes: list[str]) -> None:
    book = recipient.get(f"{PATH}?since={since}").json
    assert ([item["code"] for item in book["items"]], book["edition"]) == (codes, 7)


@pytest.mark.parametrize("since", ["", "-1", "x", "1.0", "9" * 30])
def test_an_edition_is_a_number(recipient: Client, since: str) -> None:
    answer = recipient.get(f"{PATH}?since={since}")
    assert (answer.status, answer.codes) == (400, ["TRK-108"])


def test_units_and_merged_agencies_say_so(house: House, recipient: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    merged = Agency(code=AgencyCode("A"), name="Sở cũ", successor="B", changed_at=AT)
    contact = Contact(address="1 Lê Lợi", email="a@b", telephone="0238")
    unit = dataclasses.replace(merged, code=AgencyCode("B.1"), successor="", parent="B", unit=True, contact=contact)
    registry = FakeRegistry()
    edition = Edition(directory=registry.directory(), version=9, changed=[unit, merged])
    monkeypatch.setattr(FakeRegistry, "edition", lambda *_, **__: edition)
    first, second = recipient.get(PATH).json["items"]
    assert (first["code"], first["successor"], first["active"]) == ("A", "B", True)
    assert (second["parent"], second["unit"]) == ("B", True)
    assert (second["address"], second["email"], second["telephone"]) == ("1 Lê Lợi", "a@b", "0238")
