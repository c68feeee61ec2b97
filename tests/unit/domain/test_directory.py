"""Which agency a code means, who speaks for whom: whatever was merged, renamed or put under another."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunk.domain.agency import Agency, Caller, Directory, Naming, SystemId, converted
from trunk.domain.delivery import AgencyCode

OLD, NEW, UNIT, DEEP = (AgencyCode(code) for code in ("H41.01", "H41.02", "H41.01.05", "H41.01.05.01"))
ANCIENT = AgencyCode("H41.00")


def agency(code: str, **more: object) -> Agency:
    return Agency(**{"code": AgencyCode(code), "name": code, **more})


MERGED = Directory(
    [
        agency(ANCIENT, successor=OLD),
        agency(OLD, old_code="000.00.01.H41", aliases=("SNV",), successor=NEW),
        agency(NEW, old_code="000.00.02.H41"),
        agency(UNIT, parent=OLD, unit=True),
        agency(DEEP, parent=UNIT, unit=True),
        agency("H41.03", parent=NEW),
    ]
)

# codes of 2016 and 2020


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("000.00.17.H36", "H36.17"),
        ("000.00.00.G12", "G12"),
        ("000.05.17.H36", "H36.17.05"),
        ("012.05.17.H36", "H36.17.05.012"),
        ("001.00.17.H36", ""),
        ("000.05.00.H36", ""),
        ("H36.17", ""),
        ("000.00.17.h36", ""),
        ("00.00.17.H36", ""),
        ("000.00.17.H36\n", ""),
        ("000.00.17.Z36", ""),
        ("٠٠٠.00.17.H36", ""),
        ("", ""),
    ],
)
def test_zero_groups_are_dropped_and_the_rest_is_reversed(code: str, expected: str) -> None:
    assert converted(code) == expected


groups = st.tuples(st.integers(0, 999), st.integers(0, 99), st.integers(0, 99), st.sampled_from("AGHY"))


def spelled(parts: tuple[int, int, int, str]) -> str:
    return f"{parts[0]:03}.{parts[1]:02}.{parts[2]:02}.{parts[3]}36"


@given(groups, groups)
def test_two_codes_never_become_one(one: tuple[int, int, int, str], other: tuple[int, int, int, str]) -> None:
    first, second = converted(spelled(one)), converted(spelled(other))
    assert one == other or first != second or first == ""


@given(groups)
def test_a_converted_code_reads_back_and_is_converted_once(parts: tuple[int, int, int, str]) -> None:
    code = converted(spelled(parts))
    assert converted(code) == ""
    if code:
        filled = [0] * (4 - len(code.split("."))) + [int(group) for group in reversed(code.split(".")[1:])]
        assert (*filled, parts[3]) == parts


@given(st.text(max_size=20))
def test_any_text_can_be_asked_for(text: str) -> None:
    assert converted(text) == "" or MERGED.registered(text) is MERGED.registered(converted(text))


def test_a_registered_code_comes_before_a_converted_one() -> None:
    named, by_rule = agency("H36.17"), agency("H36.99", old_code="000.00.17.H36")
    directory = Directory([by_rule, named])
    assert directory.find("H36.17") == named
    assert directory.find("000.00.17.H36") == by_rule
    assert Directory([by_rule]).find("H36.17") == by_rule
    assert Directory([named]).find("000.00.17.H36") == named


@pytest.mark.parametrize(
    ("code", "naming", "written"),
    [
        (NEW, Naming.CODE, NEW),
        (OLD, Naming.CODE, OLD),
        ("000.00.01.H41", Naming.OLD_CODE, OLD),
        ("SNV", Naming.ALIAS, OLD),
        ("000.00.03.H41", Naming.CONVERTED, "H41.03"),
    ],
)
def test_a_code_says_why_it_means_an_agency(code: str, naming: Naming, written: str) -> None:
    meaning = MERGED.meaning(code)
    assert meaning is not None
    assert (meaning.naming, meaning.written.code) == (naming, written)
    assert meaning.agency == MERGED.find(code)
    assert MERGED.meaning("Z99") is None


# mergers and units


def test_a_merged_agencys_codes_lead_to_its_successor() -> None:
    for code in (ANCIENT, OLD, "SNV", "000.00.01.H41", NEW):
        found = MERGED.find(code)
        assert found is not None
        assert found.code == NEW
        assert MERGED.family(AgencyCode(code)) == {ANCIENT, OLD, NEW}
    registered = MERGED.registered("SNV")
    assert registered is not None
    assert registered.code == OLD


def test_the_successor_speaks_for_all_that_became_it_and_not_the_other_way_round() -> None:
    assert MERGED.spoken_for([NEW]) == {NEW, OLD, ANCIENT, UNIT, DEEP}, "and not for H41.03, which is no unit"
    assert MERGED.spoken_for([OLD]) == {OLD, ANCIENT, UNIT, DEEP}
    assert MERGED.spoken_for([UNIT]) == {UNIT, DEEP}
    assert MERGED.spoken_for([AgencyCode("gone")]) == {"gone"}


@pytest.mark.parametrize(
    ("speaks_for", "code", "may"),
    [
        (OLD, OLD, True),
        (OLD, "SNV", True),
        (OLD, NEW, False),
        (OLD, "000.00.02.H41", False),
        (OLD, UNIT, True),
        (NEW, NEW, True),
        (NEW, OLD, True),
        (NEW, UNIT, True),
        (UNIT, OLD, False),
        (UNIT, UNIT, True),
        (NEW, "Z99", False),
    ],
)
def test_a_merged_agencys_system_sends_under_the_old_code_only(speaks_for: str, code: str, may: bool) -> None:  # noqa: FBT001 - a table
    agencies = MERGED.spoken_for([AgencyCode(speaks_for)])
    assert MERGED.may_write_as(Caller(system=SystemId("s"), agencies=agencies), code) is may


def test_a_circle_of_successors_leads_nowhere() -> None:
    circle = Directory([agency("A", successor="B"), agency("B", successor="A"), agency("C", successor="A")])
    for code in ("A", "B", "C"):
        assert circle.find(code) == circle.registered(code)
        assert circle.family(AgencyCode(code)) == {code}
        assert circle.spoken_for([AgencyCode(code)]) == {code}


def test_a_long_chain_of_renamings_is_followed() -> None:
    chain = [agency(f"A{n}", successor=f"A{n + 1}") for n in range(30)]
    found = Directory([*chain, agency("A30")]).find("A0")
    assert found is not None
    assert found.code == "A30"


def test_who_stands_above() -> None:
    unit = MERGED.registered(DEEP)
    assert unit is not None
    assert [above.code for above in MERGED.ascent(unit)] == [UNIT, NEW]


@pytest.mark.parametrize(
    ("others", "what"),
    [
        ([agency("A", unit=True)], "a unit needs a parent"),
        ([agency("A", parent="X")], "parent: no agency has the code X"),
        ([agency("A", parent="A")], "parent: A would stand above itself"),
        ([agency("A", parent="a"), agency("B", aliases=("a",), parent="A")], "parent: A would stand above itself"),
        ([agency("A", parent="B"), agency("B", successor="A")], ""),
        ([agency("A", parent="B", unit=True), agency("B")], ""),
    ],
)
def test_a_place_that_cannot_be_has_a_reason_and_a_remedy(others: Sequence[Agency], what: str) -> None:
    fault = Directory(others).misplaced(others[0])
    assert (fault[0] if fault else "") == what
    assert fault is None or fault[1]


# whatever stands in the tables

CODES = ("A", "B", "C", "D", "H36.17", "000.00.17.H36", "x", "y")


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Any agencies at all, circles included; only a code means one agency."""
    codes = draw(st.lists(st.sampled_from(CODES), unique=True, min_size=1))
    split = draw(st.integers(1, len(codes)))
    own, further = codes[:split], codes[split:]
    given_away = {code: draw(st.sampled_from(own)) for code in further}
    any_code = st.sampled_from(("", *CODES))
    return Directory(
        [
            agency(
                code,
                aliases=tuple(alias for alias, to in given_away.items() if to == code),
                successor=draw(any_code),
                parent=draw(any_code),
                unit=draw(st.booleans()),
            )
            for code in own
        ]
    )


some_codes = st.frozensets(st.sampled_from([AgencyCode(code) for code in CODES]))


@given(directories())
def test_every_code_of_an_agency_means_it_or_what_it_became(directory: Directory) -> None:
    for one in directory.agencies:
        for code in one.codes:
            assert directory.registered(code) == one
            found = directory.find(code)
            assert found is not None
            assert directory.find(found.code) == found, "what it became is as it is now"
            assert found == one or one.successor
            assert one.code in directory.spoken_for([found.code])


@given(directories(), some_codes, some_codes)
def test_speaking_for_more_is_speaking_for_all_of_it(
    directory: Directory, some: frozenset[AgencyCode], more: frozenset[AgencyCode]
) -> None:
    spoken = directory.spoken_for(some)
    assert some <= spoken
    assert directory.spoken_for(spoken) == spoken
    assert spoken <= directory.spoken_for(some | more)
    assert directory.spoken_for(some | more) == spoken | directory.spoken_for(more)


@given(directories())
def test_a_family_is_the_same_seen_from_each_of_it(directory: Directory) -> None:
    for one in directory.agencies:
        family = directory.family(one.code)
        assert one.code in family
        assert all(directory.family(code) == family for code in family)
        assert {directory.find(code) for code in family} == {directory.find(one.code)}


@given(directories())
def test_no_place_is_looked_at_for_ever(directory: Directory) -> None:
    for one in directory.agencies:
        assert len(directory.ascent(one)) <= len(directory.agencies)
        assert directory.misplaced(one) is None or one.parent or one.unit
