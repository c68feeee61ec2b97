"""Agencies, systems and keys in the ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.ledger_kit import AT, OTHER, RECIPIENT, SYSTEM
from trunk.application.administration import Administration, DirectoryError
from trunk.application.directory import as_caller
from trunk.application.enrolment import Enrolment, Registration
from trunk.domain.agency import Agency, Caller, Contact, DeliveryMode, Mandate, SystemId
from trunk.domain.credential import KeyRecord, SystemRecord
from trunk.domain.delivery import AgencyCode
from trunk.domain.endpoint import Endpoint
from trunk.storage.ledger import Ledger

FULL = Agency(
    code=RECIPIENT,
    name="Sở Nội vụ tỉnh Đắk Lắk",
    old_code="000.00.01.H41",
    aliases=("H41.1", "000.01.H41"),
    mode=DeliveryMode.AMQP,
    signature_policy="required-on-main-document",
    mandates=(
        Mandate(fingerprint="a" * 64, valid_from=AT, valid_until=AT + timedelta(days=365)),
        Mandate(fingerprint="b" * 64),
        Mandate(uid="CCCD:001085000001", domain="cong-vu", valid_until=AT),
    ),
    active=False,
    parent="H41",
    unit=True,
    successor=OTHER,
    contact=Contact(address="1 Lê Lợi", email="so@mau.vn", telephone="0262"),
    endpoint=Endpoint(url="https://a.vn/", ca_file="a.pem", key_id="truc", proven="https://a.vn/ a.pem", proven_at=AT),
)
KEY = KeyRecord(id="k1", system=SYSTEM, digest="d" * 64, created_at=AT, expires_at=AT + timedelta(days=90))


def test_an_agency_comes_back_as_it_was_put(ledger: Ledger) -> None:
    plain = Agency(code=OTHER, name="Sở Tài chính")
    with ledger.begin() as book:
        assert list(book.view.directory().agencies) == []
        book.put_agency(FULL)
        book.put_agency(plain)
    with ledger.read() as view:
        directory = view.directory()
    assert list(directory.agencies) == [FULL, plain]
    assert directory.agencies[0].endpoint.proven_at == AT
    assert {directory.registered(code) for code in FULL.codes} == {FULL}


def test_an_agency_put_again_is_changed_whole(ledger: Ledger) -> None:
    bare = Agency(code=RECIPIENT, name="Sở Nội vụ", aliases=("H41.9",))
    with ledger.begin() as book:
        book.put_agency(FULL)
        book.put_agency(bare)
        assert list(book.view.directory().agencies) == [bare]


def test_every_change_of_an_agency_raises_the_directorys_version(ledger: Ledger) -> None:
    with ledger.begin() as book:
        versions = [book.view.directory_version()]
        for agency in (FULL, FULL, Agency(code=OTHER, name="x")):
            book.put_agency(agency)
            versions.append(book.view.directory_version())
    assert versions == sorted(set(versions))


def changed_since(ledger: Ledger, version: int) -> list[tuple[str, int]]:
    with ledger.read() as view:
        return [(agency.code, agency.changed) for agency in view.agencies_changed_since(version)]


def test_an_agency_has_changed_when_something_differs(ledger: Ledger) -> None:
    first, second = (Agency(code=code, name="x") for code in (RECIPIENT, OTHER))
    later = AT + timedelta(days=1)
    with ledger.begin() as book:
        before = book.view.directory_version()
        book.put_agency(first, at=AT)
        book.put_agency(second, at=AT)
        version = book.view.directory_version()
    assert changed_since(ledger, before) == [(RECIPIENT, before + 1), (OTHER, before + 2)]
    assert changed_since(ledger, before + 1) == [(OTHER, version)]
    assert changed_since(ledger, version) == []
    with ledger.begin() as book:
        book.put_agency(first, at=later)
        assert book.view.agencies_changed_since(version) == [], "the same again"
        book.put_agency(replace(second, contact=Contact(email="a@b")), at=later)
        (changed,) = book.view.agencies_changed_since(version)
    assert (changed.code, changed.changed_at) == (OTHER, later)
    with ledger.begin() as book:
        version = book.view.directory_version()
        book.put_agency(first, at=later, anew=True)
    assert changed_since(ledger, version) == [(RECIPIENT, version + 1)]


@pytest.mark.parametrize("version", [0, -1, 10_000, 2**70])
def test_everything_is_news_after_a_version_that_never_was(ledger: Ledger, version: int) -> None:
    with ledger.begin() as book:
        book.put_agency(FULL)
        book.put_agency(Agency(code=OTHER, name="x"))
    assert [code for code, _ in changed_since(ledger, version)] == [RECIPIENT, OTHER]


def administration_of(ledger: Ledger) -> Administration:
    return Administration(ledger=ledger, now=lambda: AT, new_token=str)


def town(ledger: Ledger) -> Administration:
    """The recipient has a code, an alias, a system, a mandate and a unit; the other a mandate."""
    recipient = Agency(
        code=RECIPIENT,
        name="Sở Nội vụ",
        old_code="000.00.01.H41",
        aliases=("NOIVU",),
        mandates=(Mandate(uid="MST:1"), Mandate(uid="MST:2")),
    )
    unit = Agency(code=AgencyCode("H41.01.01"), name="Phòng", parent=RECIPIENT, unit=True)
    administration = administration_of(ledger)
    administration.put_agencies([recipient, unit, Agency(code=OTHER, name="x", mandates=(Mandate(uid="MST:2"),))])
    administration.put_system(SystemRecord(id=SYSTEM, name="QLVB", agencies=frozenset({RECIPIENT})))
    administration.put_system(SystemRecord(id=SystemId("other"), name="QLVB", agencies=frozenset({OTHER})))
    return administration


def callers(ledger: Ledger) -> dict[str, frozenset[AgencyCode]]:
    with ledger.read() as view:
        directory = view.directory()
        return {system.id: as_caller(system, directory).agencies for system in view.systems()}


def test_a_merged_agency_is_reached_and_changed_under_its_old_codes(ledger: Ledger) -> None:
    administration = town(ledger)
    with ledger.read() as view:
        version = view.directory_version()
    planned = administration.merge(RECIPIENT, OTHER, dry_run=True)
    assert changed_since(ledger, version) == []
    assert administration.merge(RECIPIENT, OTHER) == planned
    assert [code for code, _ in changed_since(ledger, version)] == [RECIPIENT, OTHER]
    with ledger.read() as view:
        directory = view.directory()
    for code in (RECIPIENT, OTHER, "NOIVU", "000.00.01.H41"):
        found = directory.find(code)
        assert found is not None
        assert found.code == OTHER
        assert [mandate.uid for mandate in found.mandates] == ["MST:2", "MST:1"]
    unit = AgencyCode("H41.01.01")
    assert callers(ledger) == {SYSTEM: {RECIPIENT, unit}, "other": {RECIPIENT, OTHER, unit}}


def test_a_merger_may_leave_the_mandates_behind(ledger: Ledger) -> None:
    administration = town(ledger)
    with ledger.read() as view:
        version = view.directory_version()
    merged = administration.merge("NOIVU", OTHER, with_mandates=False)
    assert [mandate.uid for mandate in merged.succession.new.mandates] == ["MST:2"]
    assert [code for code, _ in changed_since(ledger, version)] == [RECIPIENT, OTHER], "it has one more code"


def test_a_renamed_agency_keeps_all_it_had_and_its_systems(ledger: Ledger) -> None:
    administration = town(ledger)
    administration.rename(RECIPIENT, "NOIVU")
    new, unit = AgencyCode("NOIVU"), AgencyCode("H41.01.01")
    with ledger.read() as view:
        directory = view.directory()
    found = directory.find("000.00.01.H41")
    assert found is not None
    assert (found.code, found.name, found.aliases, len(found.mandates)) == (new, "Sở Nội vụ", (), 2)
    assert directory.find(RECIPIENT) == found
    assert callers(ledger)[SYSTEM] == {RECIPIENT, new, unit}
    administration.rename(new, "H41.77")
    assert callers(ledger)[SYSTEM] == {RECIPIENT, new, unit, "H41.77"}


def test_what_does_not_fit_changes_nothing(ledger: Ledger) -> None:
    administration = town(ledger)
    with ledger.read() as view:
        before = (view.directory_version(), view.directory().agencies)
    with pytest.raises(DirectoryError, match="cannot be merged into itself; name two agencies"):
        administration.merge(RECIPIENT, "NOIVU")
    with pytest.raises(DirectoryError, match=r"means H41\.02 already"):
        administration.rename(RECIPIENT, OTHER)
    with pytest.raises(DirectoryError, match="would stand above itself"):
        administration.put_agencies([Agency(code=RECIPIENT, name="x", parent="H41.01.01")])
    with ledger.read() as view:
        assert (view.directory_version(), view.directory().agencies) == before


def test_mandates_that_are_added_at_one_moment_are_all_kept(ledger: Ledger) -> None:
    """Whoever amends an agency looks and writes in one transaction, and the others take turns."""
    with ledger.begin() as book:
        book.put_agency(Agency(code=OTHER, name="x"))
    administration = Administration(ledger=ledger, now=lambda: AT, new_token=str)

    def add(number: int) -> Agency | None:
        mandate = Mandate(uid=f"MST:{number:010}")
        return administration.amend_mandates(OTHER, lambda agency: (*agency.mandates, mandate))

    with ThreadPoolExecutor(6) as pool:
        assert all(pool.map(add, range(24)))
    with ledger.read() as view:
        (agency,) = view.directory().agencies
    assert len(set(agency.mandates)) == 24


def test_a_name_that_comes_over_the_wire_undoes_no_mandate_of_that_moment(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.put_agency(Agency(code=OTHER, name="x"))
    administration = Administration(ledger=ledger, now=lambda: AT, new_token=str)
    enrolment = Enrolment(ledger=ledger, may_enrol=lambda _: True, now=lambda: AT)
    caller = Caller(system=SystemId("hub"), agencies=frozenset())

    def change(number: int) -> object:
        match number % 3:
            case 0:
                return enrolment.register(caller, Registration(code=OTHER, name=f"name {number}"))
            case 1:
                return enrolment.close(caller, OTHER)
            case _:
                mandate = Mandate(uid=f"MST:{number:010}")
                return administration.amend_mandates(OTHER, lambda agency: (*agency.mandates, mandate))

    with ThreadPoolExecutor(6) as pool:
        assert all(isinstance(changed, Agency) for changed in pool.map(change, range(36)))
    with ledger.read() as view:
        (agency,) = view.directory().agencies
    assert len(set(agency.mandates)) == 12


def test_an_amendment_that_fails_changes_nothing(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.put_agency(FULL)
    administration = Administration(ledger=ledger, now=lambda: AT, new_token=str)

    def refuse(agency: Agency) -> tuple[Mandate, ...]:
        raise LookupError

    assert administration.amend_mandates("unknown", refuse) is None
    with pytest.raises(LookupError):
        administration.amend_mandates(FULL.old_code, refuse)
    with ledger.read() as view:
        assert list(view.directory().agencies) == [FULL]


def test_a_code_that_means_two_agencies_is_refused_by_the_database(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as book:
        book.put_agency(FULL)
        book.put_agency(Agency(code=OTHER, name="x", aliases=("H41.1",)))


def test_a_system_comes_back_as_it_was_put_last(ledger: Ledger) -> None:
    one = SystemRecord(id=SYSTEM, name="QLVB", agencies=frozenset({RECIPIENT, OTHER}))
    two = SystemRecord(id=SystemId("z"), name="other", agencies=frozenset(), active=False, hub=True)
    with ledger.begin() as book:
        for code in (RECIPIENT, OTHER):
            book.put_agency(Agency(code=code, name=code))
        book.put_system(two)
        book.put_system(one)
        assert book.view.systems() == [one, two]
        assert book.view.system(SYSTEM) == one
        assert book.view.system(SystemId("unknown")) is None
        changed = SystemRecord(id=SYSTEM, name="QLVB 2", agencies=frozenset({OTHER}), active=False)
        book.put_system(changed)
        assert book.view.system(SYSTEM) == changed
        assert book.view.system(two.id) == two


def test_a_system_speaks_only_for_agencies_of_the_directory(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset({RECIPIENT})))


def test_a_key_is_found_until_and_after_it_is_revoked(ledger: Ledger) -> None:
    second = KeyRecord(id="k0", system=SYSTEM, digest="e" * 64, created_at=AT + timedelta(days=1))
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset()))
        book.put_key(KEY)
        book.put_key(second)
        assert book.view.keys(SYSTEM) == [KEY, second]
        assert book.view.key("k1") == KEY
        assert book.view.key("unknown") is None
        assert book.revoke_key("k1", at=AT)
        assert not book.revoke_key("k1", at=AT + timedelta(days=1))
        assert not book.revoke_key("unknown", at=AT)
        revoked = book.view.key("k1")
    assert revoked is not None
    assert revoked.revoked_at == AT
    assert not revoked.valid(AT)
