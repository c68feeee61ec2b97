from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.values import (
    VIETNAM,
    collapse,
    parse_date,
    parse_flag,
    parse_number,
    parse_time,
    spell_date,
    spell_time,
    well_formed_document_id,
)


@pytest.mark.parametrize(
    "text",
    [
        "2026/05/04",
        "2026-05-04",
        "04/05/2026",
        "2026/5/4",
        " 2026/05/04\n",
        "2026/05/04 00:00:00",
        "2026-05-04T08:30:00Z",
    ],
)
def test_a_date_is_read_in_every_shape_in_use(text: str) -> None:
    assert parse_date(text) == date(2026, 5, 4)


@pytest.mark.parametrize("text", ["", "2014/02/30", "31/04/2026", "0000/01/01", "2026.05.04", "ngày 4", "2026/05-04"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_a_time_without_a_zone_is_vietnams() -> None:
    assert parse_time("2026/05/04 08:30:15") == datetime(2026, 5, 4, 1, 30, 15, tzinfo=UTC)
    assert parse_time("2026/05/04") == datetime(2026, 5, 4, tzinfo=VIETNAM)


def test_a_time_with_a_zone_keeps_it() -> None:
    assert parse_time("2026-05-04T08:30:15.250Z") == datetime(2026, 5, 4, 8, 30, 15, 250_000, tzinfo=UTC)
    west = timezone(-timedelta(hours=3, minutes=30))
    assert parse_time("2026-05-04T08:30:15-03:30") == datetime(2026, 5, 4, 8, 30, 15, tzinfo=west)


@pytest.mark.parametrize(
    "text", ["", "2026/05/04 24:30:00", "2026/05/04 08:61:00", "2026-05-04T08:30:00+99:00", "null"]
)
def test_what_is_no_time_is_none(text: str) -> None:
    assert parse_time(text) is None


@given(st.datetimes(min_value=datetime(1000, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)))  # noqa: DTZ001
def test_what_is_spelt_is_read_back(instant: datetime) -> None:
    assert parse_time(spell_time(instant)) == instant.replace(microsecond=0)
    assert parse_date(spell_date(instant.date())) == instant.date()


def test_only_xml_white_space_is_collapsed() -> None:
    assert collapse(" \r\n H41.01\t") == "H41.01"
    assert collapse("a \n b") == "a b"
    assert collapse("\u00a0H41") == "\u00a0H41"


def test_numbers_and_flags_may_be_empty() -> None:
    assert [parse_number(text) for text in ("", "07", " 3 ", "٣", "-1", "x")] == [None, 7, 3, None, None, None]
    assert [parse_flag(text) for text in ("", "True", "false", "1", "0", "có")] == [
        None,
        True,
        False,
        True,
        False,
        None,
    ]


def test_a_document_id_is_well_formed_if_its_date_exists() -> None:
    assert well_formed_document_id("000.00.00.Y91,2026/05/04,27/STN-VP")
    for odd in ("Y91.01,2014/02/30,27/STN-VP", "Y91.01,2026-05-04,27/STN-VP", "018f4d2e", "", "a,2026/05/04,27"):
        assert not well_formed_document_id(odd)
