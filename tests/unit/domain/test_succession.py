"""An agency becomes another, or is told why it cannot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trunk.domain.agency import Agency, Contact, DeliveryMode, Directory, Mandate
from trunk.domain.delivery import AgencyCode
from trunk.domain.succession import Succession, Unfit, merge, rename


def agency(code: str, **more: object) -> Agency:
    return Agency(**{"code": AgencyCode(code), "name": code, **more})


FULL = agency(
    "H41.01",
    old_code="000.00.01.H41",
    aliases=("SNV", "H41.77"),
    mode=DeliveryMode.AMQP,
    signature_policy="seal-suffices",
    mandates=(Mandate(uid="MST:1"), Mandate(uid="MST:2")),
    parent="H41",
    contact=Contact(email="a@b"),
)
TOWN = Directory(
    [
        agency("H41"),
        FULL,
        agency("H41.02", mandates=(Mandate(uid="MST:2"), Mandate(uid="MST:3"))),
        agency("H41.02.01", parent="H41.02", unit=True),
        agency("H41.02.02", parent="H41.02", unit=True),
        agency("H41.03", active=False),
        agency("H41.04", successor="H41.02"),
    ]
)


def done(outcome: Succession | Unfit) -> Succession:
    assert isinstance(outcome, Succession), outcome
    return outcome


def test_a_merger_changes_the_one_and_gives_its_mandates_to_the_other() -> None:
    merged = done(merge(TOWN, "SNV", "H41.02", with_mandates=True))
    assert merged.old == replace(FULL, successor="H41.02")
    assert [mandate.uid for mandate in merged.new.mandates] == ["MST:2", "MST:3", "MST:1"]
    assert done(merge(TOWN, "SNV", "H41.02", with_mandates=False)).new == merged.before


def test_units_are_merged_with_units() -> None:
    assert done(merge(TOWN, "H41.02.01", "H41.02.02", with_mandates=True)).old.successor == "H41.02.02"
    assert done(merge(TOWN, "H41.02.01", "H41.02", with_mandates=True)).old.successor == "H41.02"
    assert done(merge(TOWN, "H41.03", "H41.02", with_mandates=True)).old.successor == "H41.02", "closed ones too"


@pytest.mark.parametrize(
    ("old", "into", "what", "remedy"),
    [
        ("Z99", "H41", "no agency has the code Z99", "agency list"),
        ("H41", "Z99", "no agency has the code Z99", "agency list"),
        ("H41.01", "SNV", "H41.01 cannot be merged into itself", "two agencies"),
        ("H41.01", "H41.03", "H41.03 is closed", "active = true"),
        ("H41.01", "H41.04", "H41.04 became H41.02 itself", "merge into H41.02"),
        ("H41.04", "H41.01", "H41.04 became H41.02 already", "name H41.02"),
        ("H41.02", "H41.04", "H41.04 became H41.02 itself", "merge into H41.02"),
        ("H41.01", "H41.02.01", "H41.02.01 is a unit of H41.02", "merge into H41.02"),
        ("H41", "H41.01", "H41 stands above H41.01", "another parent"),
    ],
)
def test_a_merger_that_cannot_be(old: str, into: str, what: str, remedy: str) -> None:
    unfit = merge(TOWN, old, into, with_mandates=True)
    assert isinstance(unfit, Unfit)
    assert unfit.what == what
    assert remedy in unfit.remedy


def test_a_renamed_agency_takes_everything_with_it() -> None:
    renamed = done(rename(TOWN, "H41.01", "H41.20"))
    assert renamed.new == replace(FULL, code=AgencyCode("H41.20"))
    assert (renamed.old.successor, renamed.old.codes, renamed.old.mandates) == ("H41.20", ("H41.01",), ())
    assert renamed.before is None


def test_one_of_its_further_codes_becomes_its_code() -> None:
    assert done(rename(TOWN, "H41.01", "H41.77")).new.codes == ("H41.77", "000.00.01.H41", "SNV")
    assert done(rename(TOWN, "H41.01", "000.00.01.H41")).new.codes == ("000.00.01.H41", "SNV", "H41.77")


def test_a_code_of_2016_may_become_that_of_2020() -> None:
    town = Directory([agency("000.00.17.H36")])
    renamed = done(rename(town, "000.00.17.H36", "H36.17"))
    after = Directory([renamed.old, renamed.new])
    assert after.find("000.00.17.H36") == after.find("H36.17") == renamed.new


@pytest.mark.parametrize(
    ("old", "code", "what", "remedy"),
    [
        ("Z99", "H41.20", "no agency has the code Z99", "agency list"),
        ("SNV", "H41.01", "H41.01 is its code already", "new code"),
        ("H41.01", "H41.02", "the code H41.02 means H41.02 already", "merge H41.01 --into H41.02"),
        ("H41.04", "H41.20", "H41.04 became H41.02 already", "name H41.02"),
    ],
)
def test_a_renaming_that_cannot_be(old: str, code: str, what: str, remedy: str) -> None:
    unfit = rename(TOWN, old, code)
    assert isinstance(unfit, Unfit)
    assert unfit.what == what
    assert remedy in unfit.remedy
