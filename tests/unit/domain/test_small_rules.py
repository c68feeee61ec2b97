from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signing.verdict import Role, Signer
from trunk.domain import credential, dates, identity
from trunk.domain.agency import Agency, Directory, GivenCodes, Mandate, SystemId
from trunk.domain.delivery import AckKind, AgencyCode, DeliveryState
from trunk.domain.retry import RetrySchedule
from trunk.domain.tracking import Progress, progress

NOW = datetime(2026, 11, 22, 8, tzinfo=UTC)


def test_an_agency_is_found_by_each_of_its_codes() -> None:
    agency = Agency(code=AgencyCode("H36.17"), name="Sở", old_code="000.00.17.H36", aliases=("17.H36",))
    directory = Directory([agency])
    assert [directory.find(code) for code in ("H36.17", "000.00.17.H36", "17.H36")] == [agency] * 3
    assert directory.find("h36.17") is None


def test_a_code_that_means_two_agencies_is_a_clash() -> None:
    first = Agency(code=AgencyCode("A01"), name="A", old_code="000.00.00.A01")
    second = Agency(code=AgencyCode("B01"), name="B", aliases=("000.00.00.A01",))
    known = GivenCodes([first])
    assert list(known.clashes(second)) == [("000.00.00.A01", first)]
    assert list(known.clashes(first)) == []


def test_a_code_that_an_agency_gave_up_is_free() -> None:
    first = Agency(code=AgencyCode("A01"), name="A", old_code="000.00.00.A01")
    second = Agency(code=AgencyCode("B01"), name="B", aliases=("000.00.00.A01",))
    known = GivenCodes([first])
    known.put(replace(first, old_code=""))
    assert list(known.clashes(second)) == []
    known.put(second)
    assert list(known.clashes(first)) == [("000.00.00.A01", second)]


def signer(**changes: Any) -> Signer:
    known: dict[str, Any] = {"fingerprint": "ab", "subject_uid": "CCCD:001085000001", "domain": "public"}
    return Signer(serial="1", issuer="CN=CA", not_before=NOW, not_after=NOW, role=Role.PERSON, **{**known, **changes})


def test_a_mandate_holds_between_its_dates_only() -> None:
    mandate = Mandate(fingerprint="ab", valid_from=NOW, valid_until=NOW + timedelta(days=1))
    agency = Agency(code=AgencyCode("A01"), name="A", mandates=(mandate,))
    assert agency.may_be_signed_by(signer(), at=NOW)
    assert not agency.may_be_signed_by(signer(), at=NOW - timedelta(seconds=1))
    assert not agency.may_be_signed_by(signer(), at=NOW + timedelta(days=1))
    assert not agency.may_be_signed_by(signer(fingerprint="cd"), at=NOW)


@pytest.mark.parametrize(
    ("mandate", "covered"),
    [
        (Mandate(fingerprint="ab"), True),
        (Mandate(fingerprint="ab", domain="public"), True),
        (Mandate(fingerprint="ab", domain="cong-vu"), False),
        (Mandate(uid="CCCD:001085000001"), True),
        (Mandate(uid="CCCD:001085000001", domain="public"), True),
        (Mandate(uid="CCCD:001085000001", domain="cong-vu"), False),
        (Mandate(uid="cccd:001085000001"), False),
        (Mandate(uid="CCCD:00108500000"), False),
    ],
)
def test_a_mandate_means_a_certificate_or_a_uid_exactly(mandate: Mandate, covered: bool) -> None:  # noqa: FBT001 - a table
    assert mandate.covers(signer()) is covered


def test_a_signer_without_uid_has_nobodys_mandate() -> None:
    assert not Mandate(uid="CCCD:001085000001").covers(signer(subject_uid=""))


@pytest.mark.parametrize("who", [{}, {"fingerprint": "ab", "uid": "MST:1"}])
def test_a_mandate_names_one_or_the_other(who: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="either"):
        Mandate(**who)


def test_a_persons_number_is_shown_masked_and_an_organisations_whole() -> None:
    assert Mandate(uid="CCCD:001085000001").shown_uid == "CCCD:*********001"
    assert Mandate(uid="BHXH:0100000000").shown_uid == "BHXH:*******000"
    assert Mandate(uid="MST:0100000000").shown_uid == "MST:0100000000"


@given(attempts=st.integers(1, 1000), chance=st.floats(0, 1, exclude_max=True))
def test_a_wait_grows_and_is_bounded(attempts: int, chance: float) -> None:
    schedule = RetrySchedule(first=timedelta(seconds=10), longest=timedelta(minutes=5))
    wait = schedule.next_attempt(attempts, now=NOW, chance=lambda: chance) - NOW
    assert timedelta(seconds=5) <= wait <= timedelta(minutes=5)


def test_a_key_is_spelled_split_and_compared() -> None:
    record = credential.KeyRecord(
        id="k1", system=SystemId("s"), digest=credential.digest_of("se_cret"), created_at=NOW, expires_at=NOW
    )
    assert credential.split(credential.spell("k1", "se_cret")) == ("k1", "se_cret")
    assert record.opens_with("se_cret")
    assert not record.opens_with("se_cres")
    assert record.valid(NOW - timedelta(seconds=1))
    assert not record.valid(NOW)


@given(st.text(max_size=60))
def test_what_is_no_key_is_no_key(text: str) -> None:
    parts = credential.split(text)
    assert parts is None or credential.spell(*parts) == text


@given(st.dates(min_value=date(1000, 1, 1)))
def test_dates_survive_the_ledger(day: date) -> None:
    assert dates.parse_date(dates.spell_date(day)) == day


def test_an_identity_depends_on_all_its_parts() -> None:
    base = {"sender": AgencyCode("A"), "document_id": "d", "sha256": "0"}
    keys = {
        identity.of_submission(**{**base, **change})
        for change in ({}, {"sender": AgencyCode("B")}, {"document_id": "e"}, {"sha256": "1"})
    }
    assert len(keys) == 4
    assert identity.of_acknowledgement(AckKind.DELIVERED, "d1") == "delivered:d1"


def test_the_least_advanced_delivery_decides_the_summary() -> None:
    s = DeliveryState
    assert progress([s.RECEIVED, s.DISPATCHED]) is Progress.WAITING
    assert progress([s.RECEIVED, s.EXPIRED]) is Progress.UNDELIVERED
    assert progress([s.RECEIVED, s.REFUSED]) is Progress.REFUSED
    assert progress([s.RECEIVED, s.DELIVERED]) is Progress.DELIVERED
    assert progress([s.RECEIVED]) is Progress.RECEIVED
    assert progress([]) is Progress.KEPT
