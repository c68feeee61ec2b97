"""Codes are data: whatever they contain, the queue's name is legal, and no two share one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queues import names


@given(st.text(alphabet=st.characters(), max_size=20))
def test_a_code_comes_back_from_its_name(code: str) -> None:
    assert names.decode(names.encode(code)) == code


@given(st.text(alphabet=st.characters(), max_size=400))
def test_a_name_is_always_legal(code: str) -> None:
    name = names.encode(code)
    assert name.isascii()
    assert len(name) <= 255
    assert not set(name) & set("*#\x00 ")
    assert not name.startswith("amq.")


@given(st.text(max_size=300), st.text(max_size=300))
def test_different_codes_have_different_names(one: str, other: str) -> None:
    assert (names.encode(one) == names.encode(other)) == (one == other)


def test_an_agency_code_stays_readable() -> None:
    assert names.encode("000.00.00.G22") == "trunk.to.000.00.00.G22"


def test_long_codes_that_begin_alike_have_different_names_that_cannot_be_decoded() -> None:
    one, other = names.encode("x" * 300 + "1"), names.encode("x" * 300 + "2")
    assert one != other
    assert names.decode(one) is None


def test_the_longest_code_that_fits_is_not_shortened() -> None:
    code = "x" * (255 - len(names.PREFIX))
    assert names.decode(names.encode(code)) == code
    assert names.decode(names.encode(code + "x")) is None


@pytest.mark.parametrize("name", ["", "trunk.dead-letters", "amq.gen-1"])
def test_a_name_of_somebody_else_is_not_decoded(name: str) -> None:
    assert names.decode(name) is None
