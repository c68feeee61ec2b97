"""Names of attachments become names of files that harm nobody; words exist for everything that can be said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from envelopes.model import Attachment, StatusCode
from trunk.cli.envelope_extract import safe_name
from trunk.cli.output import age, clean
from trunk.cli.words import (
    ACKNOWLEDGEMENT,
    EVENT,
    KIND,
    PROGRESS,
    STATE,
    STATE_STYLE,
    STATUS,
    URGENCY,
    Language,
)
from trunk.domain.delivery import AckKind, DeliveryEvent, DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.tracking import Progress


@given(st.text(max_size=400))
def test_a_name_stays_in_its_folder(name: str) -> None:
    safe = safe_name(Attachment(content_id="1", name=name), taken=set())
    assert safe not in {"", ".", ".."}
    assert not set(safe) & set('/\\:*?"<>|\0\n')
    assert not safe.startswith((".", "-"))
    assert len(safe.encode()) <= 255


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("công văn.pdf", "công văn.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("-rf", "_-rf"),
        ("NUL.txt", "_NUL.txt"),
        ("", "cid"),
        ("a" * 300 + ".pdf", "a" * 150 + ".pdf"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_harmless(name: str, expected: str) -> None:
    assert safe_name(Attachment(content_id="cid", name=name), taken=set()) == expected


def test_a_name_that_is_taken_gets_a_number_whatever_its_case() -> None:
    taken = {"a.pdf", "a (2).pdf"}
    assert safe_name(Attachment(content_id="1", name="A.PDF"), taken=taken) == "A (3).PDF"


def test_everything_that_can_be_said_has_words_in_both_languages() -> None:
    for words, members in (
        (STATE, DeliveryState),
        (STATE_STYLE, DeliveryState),
        (ACKNOWLEDGEMENT, AckKind),
        (STATUS, StatusCode),
        (PROGRESS, Progress),
        (KIND, EnvelopeKind),
    ):
        assert set(words) == set(members)
    assert set(EVENT) == {*DeliveryEvent, "accepted", "status_reported", "fetched", "octets_purged"}
    assert set(URGENCY) == {1, 2, 3, 4}


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (timedelta(seconds=-5), "just now"),
        (timedelta(minutes=59), "59 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=2), "2 days"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(since: timedelta, expected: str) -> None:
    assert age(since, Language.EN) == expected


def test_a_text_is_shown_on_one_line_without_control() -> None:
    assert clean("a\n\tb \x1b[31m\u202ec") == "a b \N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}c"
    assert clean("abcdef", limit=4) == "abc…"
