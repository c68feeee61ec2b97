"""Agencies that another hub's address book brings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.ledger_kit import AT
from trunk.application.uplink_agencies import BeyondAgencies, Listed, Updated
from trunk.domain.agency import Agency, Contact, DeliveryMode, Directory
from trunk.domain.delivery import AgencyCode
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

OWN = Agency(code=AgencyCode("H41.01"), name="Ours", old_code="000.00.01.H41")
BY_HAND = Agency(
    code=AgencyCode("G12"), name="By hand", mode=DeliveryMode.UPLINK, signature_policy="required", aliases=("BM",)
)


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate.upgrade(engine)
    ledger = Ledger(engine)
    with ledger.begin() as book:
        book.change_directory()
        book.put_agency(OWN)
        book.put_agency(BY_HAND)
    yield ledger
    ledger.close()


def update(ledger: Ledger, *listed: Listed, closed: tuple[str, ...] = ()) -> Updated:
    return BeyondAgencies(ledger=ledger, policy="deliver-marked", now=lambda: AT).update(listed, closed=closed)


def directory(ledger: Ledger) -> Directory:
    with ledger.read() as view:
        return view.directory()


G12 = Listed(code="G12", name="Bộ Mẫu", old_code="000.00.00.G12", email="vt@mau.vn")


def test_what_is_new_is_put_beyond_with_the_policy_of_the_settings(ledger: Ledger) -> None:
    child = Listed(code="G13.01", name="Cục", parent="G13")
    assert update(ledger, G12, child, Listed(code="G13", name="Bộ Khác")).put == 3
    found = directory(ledger).find("G13.01")
    assert found is not None
    assert (found.mode, found.signature_policy, found.parent) == (DeliveryMode.UPLINK, "deliver-marked", "G13")
    version = found.changed
    assert update(ledger, G12, child, Listed(code="G13", name="Bộ Khác")) == Updated()
    assert directory(ledger).find("G13.01").changed == version


def test_what_an_administrator_decided_about_one_beyond_stays(ledger: Ledger) -> None:
    update(ledger, G12)
    found = directory(ledger).find("BM")
    assert found is not None
    assert (found.name, found.signature_policy, found.aliases) == ("Bộ Mẫu", "required", ("BM",))
    assert found.contact == Contact(email="vt@mau.vn")


def test_an_agency_of_ours_is_never_touched(ledger: Ledger) -> None:
    update(ledger, G12, Listed(code="H41.01", name="Theirs now"), Listed(code="000.00.01.H41", name="By its old code"))
    update(ledger, G12, closed=("H41.01",))
    assert directory(ledger).find("H41.01") == OWN


def test_a_code_never_comes_to_mean_another_agency(ledger: Ledger) -> None:
    thief = Listed(code="G77", name="Thief", old_code="000.00.01.H41")
    twins = [Listed(code=code, name="Twin", old_code="000.00.00.G88") for code in ("G88", "G89")]
    assert update(ledger, G12, thief, *twins) == Updated(put=2, skipped=2)
    assert directory(ledger).find("000.00.01.H41") == OWN
    assert directory(ledger).find("G77") is None


def test_what_is_removed_is_closed_and_comes_back_open(ledger: Ledger) -> None:
    update(ledger, G12, Listed(code="G13", name="Bộ Khác"))
    assert update(ledger, G12) == Updated(closed=1)
    assert not directory(ledger).find("G13").active
    assert update(ledger, G12, Listed(code="G13", name="Bộ Khác")) == Updated(put=1)
    assert update(ledger, G12, Listed(code="G13", name="Bộ Khác"), closed=("G13",)) == Updated(closed=1)


def test_half_a_list_closes_nobody(ledger: Ledger) -> None:
    many = [Listed(code=f"G20.{n:02}", name=f"Cục {n}") for n in range(30)]
    update(ledger, G12, *many)
    for left in ((), (G12,), (G12, *many[:10])):
        assert update(ledger, *left).closed == 0
    assert all(agency.active for agency in directory(ledger).agencies)


def test_what_cannot_be_an_agency_is_left_out(ledger: Ledger) -> None:
    odd = [
        Listed(code="", name="x"),
        Listed(code="G 1", name="x"),
        Listed(code="G" * 36, name="x"),
        Listed(code="G1", name=""),
        Listed(code="G2", name="x" * 201),
        Listed(code="G3", name="x\x00"),
        Listed(code="G4", name="x", old_code="Đ"),
    ]
    assert update(ledger, G12, *odd) == Updated(put=1)


def test_agencies_that_stand_above_each_other_stand_side_by_side(ledger: Ledger) -> None:
    first = Listed(code="G31", name="x", parent="G32")
    update(ledger, G12, first, replace(first, code="G32", parent="G31"))
    assert {directory(ledger).find(code).parent for code in ("G31", "G32")} == {""}
