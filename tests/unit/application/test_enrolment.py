"""Agencies over the wire: names, places and addresses, never certificates; and only by who may."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import structlog

from trunk.application.enrolment import Enrolment, Registration
from trunk.domain.agency import Agency, Caller, Contact, Mandate, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)
PROVINCE, MERGED = AgencyCode("H41"), AgencyCode("H41.08")
HUB = Caller(system=SystemId("hub"), agencies=frozenset())
OTHER = Caller(system=SystemId("h41-qlvb"), agencies=frozenset({PROVINCE}))


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate.upgrade(engine)
    ledger = Ledger(engine)
    with ledger.begin() as book:
        contact = Contact(address="1 Lê Lợi", telephone="0238")
        mandate = Mandate(fingerprint="a" * 64)
        book.put_agency(Agency(code=PROVINCE, name="Tỉnh", mandates=(mandate,), contact=contact, aliases=("TINH",)))
        book.put_agency(Agency(code=MERGED, name="Sở cũ", successor=PROVINCE))
    yield ledger
    engine.dispose()


@pytest.fixture
def enrolment(ledger: Ledger) -> Enrolment:
    return Enrolment(ledger=ledger, may_enrol=lambda system: system == HUB.system, now=lambda: NOW)


def said(code: str = "H41.09", name: str = "Sở Mới", **more: str) -> Registration:
    return Registration(code=code, name=name, **more)


def taken(outcome: Agency | Rejected) -> Agency:
    assert isinstance(outcome, Agency)
    return outcome


def test_only_who_may(enrolment: Enrolment) -> None:
    for refused in (enrolment.register(OTHER, said()), enrolment.close(OTHER, PROVINCE)):
        assert isinstance(refused, Rejected)
        assert refused.code is Code.NOT_ENROLLER


@pytest.mark.parametrize(
    ("wrong", "paths"),
    [
        ({"code": ""}, ["code"]),
        ({"code": "a b"}, ["code"]),
        ({"code": "x" * 36}, ["code"]),
        ({"name": ""}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"name": "\ud800"}, ["name"]),
        ({"email": "a\x00b", "telephone": "1" * 201}, ["mail", "mobile"]),
    ],
)
def test_what_cannot_be_is_refused_by_name(enrolment: Enrolment, wrong: dict[str, str], paths: list[str]) -> None:
    refused = enrolment.register(HUB, said(**{"code": "H9", "name": "x", **wrong}))
    assert isinstance(refused, Rejected)
    assert [flaw.path for flaw in refused.flaws] == paths


def test_a_new_agency_has_all_that_was_said(enrolment: Enrolment, ledger: Ledger) -> None:
    whole = said(id="4711", parent="TINH", email="so@mau.vn", telephone="0238 1")
    taken(enrolment.register(HUB, whole))
    with ledger.read() as view:
        version = view.directory_version()
        agency = view.directory().find("4711")
    assert agency == Agency(
        code=AgencyCode("H41.09"),
        name="Sở Mới",
        aliases=("4711",),
        parent=PROVINCE,
        contact=Contact(email="so@mau.vn", telephone="0238 1"),
    )
    assert agency is not None
    assert agency.changed_at == NOW
    assert taken(enrolment.register(HUB, whole)) == agency
    with ledger.read() as view:
        assert view.agencies_changed_since(version) == [], "the same again changes nothing"


def test_what_is_not_said_stays(enrolment: Enrolment) -> None:
    before = Contact(address="1 Lê Lợi", telephone="0238")
    renamed = taken(enrolment.register(HUB, said("TINH", "Tỉnh mới")))
    assert (renamed.code, renamed.name, renamed.contact, len(renamed.mandates)) == (PROVINCE, "Tỉnh mới", before, 1)


@pytest.mark.parametrize("more", [{"id": "H41"}, {"id": "TINH"}, {"id": "a b"}, {"id": "H41.09"}, {"parent": "Z99"}])
def test_further_codes_and_parents_that_cannot_be_say_nothing(enrolment: Enrolment, more: dict[str, Any]) -> None:
    agency = taken(enrolment.register(HUB, said(**more)))
    assert (agency.aliases, agency.parent) == ((), "")


def test_nobody_is_put_above_itself(enrolment: Enrolment) -> None:
    taken(enrolment.register(HUB, said(parent=PROVINCE)))
    assert taken(enrolment.register(HUB, said(parent="H41.09"))).parent == PROVINCE
    assert taken(enrolment.register(HUB, said(PROVINCE, "Tỉnh", parent="H41.09"))).parent == ""
    assert taken(enrolment.register(HUB, said(PROVINCE, "Tỉnh", parent=MERGED))).parent == ""


def test_a_unit_stays_where_it_is_since_who_is_above_it_reads_its_mail(enrolment: Enrolment, ledger: Ledger) -> None:
    own, unit = AgencyCode("H99"), AgencyCode("H41.U")
    with ledger.begin() as book:
        book.put_agency(Agency(code=own, name="Cơ quan của kẻ khác"))
        book.put_agency(Agency(code=unit, name="Phòng", parent=PROVINCE, unit=True))
    with structlog.testing.capture_logs() as told:
        moved = taken(enrolment.register(HUB, said(unit, "Phòng mới", parent=own)))
    assert (moved.parent, moved.name, moved.unit) == (PROVINCE, "Phòng mới", True)
    assert [(line["event"], line["agency"]) for line in told] == [("unit_not_moved", unit)]
    with ledger.read() as view:
        assert unit not in view.directory().spoken_for([own])
        assert unit in view.directory().spoken_for([PROVINCE])
    with structlog.testing.capture_logs() as told:
        assert taken(enrolment.register(HUB, said(unit, "Phòng mới", parent="TINH"))) == moved
    assert not told, "the same parent again is no attempt to move it"


def test_an_agency_that_became_another_is_neither_named_anew_nor_does_its_end_close_the_other(
    enrolment: Enrolment, ledger: Ledger
) -> None:
    refused = enrolment.register(HUB, said(MERGED, "Sở"))
    assert isinstance(refused, Rejected)
    assert refused.flaws[0].expected == "H41.08 became H41"
    assert taken(enrolment.close(HUB, MERGED)).successor == PROVINCE
    with ledger.read() as view:
        agency = view.directory().find(MERGED)
    assert agency is not None
    assert (agency.code, agency.active, agency.name) == (PROVINCE, True, "Tỉnh")


def test_a_closed_agency_keeps_what_it_had(enrolment: Enrolment, ledger: Ledger) -> None:
    assert isinstance(enrolment.close(HUB, "unknown"), Rejected)
    for _ in range(2):
        assert not taken(enrolment.close(HUB, PROVINCE)).active
    with ledger.read() as view:
        agency = view.directory().find(PROVINCE)
    assert agency is not None
    assert (agency.active, agency.name, len(agency.mandates)) == (False, "Tỉnh", 1)
