"""What documents are called, what they say of each other, how statuses stand, which request an answer closes."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from envelopes.model import (
    Business,
    BusinessKind,
    Document,
    DocumentCode,
    Organization,
    Replacement,
    ResponseFor,
    StatusCode,
)
from trunk.domain.agency import Agency, Directory
from trunk.domain.business_status import Standing, standing
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState, to_close
from trunk.domain.delivery import AgencyCode, DeliveryId, EnvelopeId
from trunk.domain.document_key import key, keys_of_id
from trunk.domain.relation import RelationKind, relations, spoken_of

AT = datetime(2026, 11, 22, 8, tzinfo=UTC)
DAY = date(2026, 11, 2)
DIRECTORY = Directory(
    [
        Agency(code=AgencyCode("H41"), name="UBND", old_code="000.00.00.H41"),
        Agency(code=AgencyCode("H41.01"), name="Sở", old_code="000.00.01.H41", aliases=("SO1",)),
        Agency(code=AgencyCode("H41.09"), name="Sở cũ", successor="H41.01"),
    ]
)
KEY = "H41.01,2026/11/02,12/stn-vp"


@pytest.mark.parametrize("organ", ["H41.01", "000.00.01.H41", "SO1", "H41.09"])
@pytest.mark.parametrize("code", ["12/STN-VP", " 12 / stn-vp ", "12/STN-VP\n"])
def test_one_document_has_one_key_under_all_its_agencys_codes(organ: str, code: str) -> None:
    assert key(DIRECTORY, organ, DAY, code) == KEY


@pytest.mark.parametrize(("organ", "day", "code"), [("", DAY, "12/A"), ("H41", None, "12/A"), ("H41", DAY, " ")])
def test_what_is_not_said_makes_no_key(organ: str, day: date | None, code: str) -> None:
    assert not key(DIRECTORY, organ, day, code)


def test_a_vietnamese_letter_is_one_letter_however_it_is_composed() -> None:
    assert key(DIRECTORY, "H41", DAY, "1/QĐ-SỞ") == key(DIRECTORY, "H41", DAY, "1/QĐ-SO\u031b\u0309")


@pytest.mark.parametrize(
    ("document_id", "keys"),
    [
        ("000.00.01.H41,2026/11/02,12/STN-VP", [KEY]),
        ("H41.01,2026-11-2,12/STN-VP", [KEY]),
        ("KHAC,2026/11/02,12/STN-VP", ["KHAC,2026/11/02,12/stn-vp"]),
        ("H41.01,2026/02/30,12/STN-VP", []),
        ("7f6c2a", []),
        ("", []),
    ],
)
def test_a_document_id_by_the_rule_says_the_key_and_others_say_nothing(document_id: str, keys: list[str]) -> None:
    assert list(keys_of_id(DIRECTORY, document_id)) == keys


def a_document(business: Business, *spoken: ResponseFor) -> Document:
    return Document(
        sender=Organization(organ_id="000.00.01.H41"),
        recipients=(Organization(organ_id="H41"),),
        document_id="new",
        code=DocumentCode(number="13", notation="STN-VP"),
        subject="V/v",
        promulgation_date=DAY,
        business=business,
        response_for=spoken,
    )


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        (BusinessKind.NEW, RelationKind.ANSWERS),
        (BusinessKind.REVOKE, RelationKind.REVOKES),
        (BusinessKind.UPDATE, RelationKind.ANSWERS),
        (BusinessKind.REPLACE, RelationKind.ANSWERS),
    ],
)
def test_what_response_for_means(kind: BusinessKind, meant: RelationKind) -> None:
    (found,) = relations(a_document(Business(kind=kind), ResponseFor(document_id="old")), DIRECTORY)
    assert (found.kind, found.spoken.document_id) == (meant, "old")


@pytest.mark.parametrize(
    ("kind", "meant"),
    [
        (BusinessKind.REVOKE, RelationKind.REVOKES),
        (BusinessKind.UPDATE, RelationKind.UPDATES),
        (BusinessKind.REPLACE, RelationKind.REPLACES),
    ],
)
def test_the_document_that_the_business_names_is_named_once(kind: BusinessKind, meant: RelationKind) -> None:
    business = Business(kind=kind, document_id="old")
    for spoken in [(), (ResponseFor(document_id="old"),), (ResponseFor(document_id="old"),) * 2]:
        (found,) = relations(a_document(business, *spoken), DIRECTORY)
        assert (found.kind, found.spoken.document_id) == (meant, "old")


def test_a_new_document_that_names_one_in_its_business_says_nothing_of_it() -> None:
    assert relations(a_document(Business(document_id="old")), DIRECTORY) == ()


def test_each_replaced_document_is_named_with_its_receivers() -> None:
    replaced = (Replacement(document_id="a", organ_ids=("H41",)), Replacement(document_id="b"))
    business = Business(kind=BusinessKind.REPLACE, document_id="a", replacements=replaced)
    found = relations(a_document(business, ResponseFor(document_id="b"), ResponseFor(document_id="c")), DIRECTORY)
    assert [(one.kind, one.spoken.document_id, one.organ_ids) for one in found] == [
        (RelationKind.REPLACES, "a", ("H41",)),
        (RelationKind.REPLACES, "b", ()),
        (RelationKind.ANSWERS, "c", ()),
    ]


def test_a_revocation_that_names_no_agency_means_a_document_of_its_own() -> None:
    spoken = ResponseFor(code="12/STN-VP", promulgation_date=DAY)
    (found,) = relations(a_document(Business(kind=BusinessKind.REVOKE), spoken), DIRECTORY)
    assert found.spoken.keys == (KEY,)
    assert spoken_of(spoken, DIRECTORY).keys == ()


_WORDS = [code.value for code in StatusCode][:6]
_TAKEN_IN = {"03", "04", "05", "06"}


@pytest.mark.parametrize("before", [frozenset(c) for n in range(4) for c in itertools.combinations(_WORDS, n)])
@pytest.mark.parametrize("said", _WORDS)
def test_how_a_status_stands_to_those_before_it(said: str, before: frozenset[str]) -> None:
    found = standing(said, before)
    if said in before:
        assert found is Standing.REPEATS
    elif said == "02":
        assert found is (Standing.CONTRADICTS if before & _TAKEN_IN else Standing.ADVANCES)
    elif "02" in before:
        assert found is (Standing.LATE if said == "01" else Standing.CONTRADICTS)
    else:
        assert found is (Standing.ADVANCES if all(other < said for other in before) else Standing.LATE)


@pytest.mark.parametrize("said", ["15", "16"])
def test_an_answer_needs_a_question(said: str) -> None:
    for before in (frozenset[str](), frozenset({said}), frozenset(_WORDS)):
        assert standing(said, before, open_request=True) is Standing.ANSWERS
        assert standing(said, before) is Standing.UNASKED
    assert standing("13", frozenset({"13"})) is Standing.REQUESTS


def asked(name: str, kind: RequestKind, state: RequestState = RequestState.OPEN, *, minutes: int = 0) -> ChangeRequest:
    return ChangeRequest(
        id=name,
        kind=kind,
        state=state,
        delivery_id=DeliveryId("D"),
        envelope_id=EnvelopeId("E"),
        asked_by=EnvelopeId(f"by-{name}"),
        asked_at=AT + timedelta(minutes=minutes),
    )


def test_an_answer_closes_a_recall_before_an_update_and_the_newest_first() -> None:
    recalls = [asked("r1", RequestKind.RECALL), asked("r2", RequestKind.RECALL, minutes=1)]
    update = asked("u", RequestKind.UPDATE, minutes=9)
    for order in itertools.permutations([*recalls, update]):
        assert to_close(order) is recalls[1]
    assert to_close([update]) is update
    assert to_close([asked("x", RequestKind.RECALL), asked("y", RequestKind.RECALL)]) == asked("y", RequestKind.RECALL)


@pytest.mark.parametrize("state", sorted(set(RequestState) - {RequestState.OPEN}))
def test_what_is_closed_is_not_closed_again(state: RequestState) -> None:
    assert to_close([asked("r", RequestKind.RECALL, state)]) is None
    update = asked("u", RequestKind.UPDATE)
    assert to_close([asked("r", RequestKind.RECALL, state, minutes=5), update]) is update
