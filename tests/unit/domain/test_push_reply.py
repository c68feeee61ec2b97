"""What answers mean: only the right digest is a confirmation, whatever the status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trunk.domain.push_reply import Said, asked_wait, judge

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
SHA = "ab" * 32


@given(st.integers(100, 999), st.lists(st.sampled_from([SHA, SHA.upper(), "00" * 32, ""]), max_size=2), st.booleans())
def test_nothing_but_the_right_digest_of_a_whole_request_confirms(status: int, digests: list[str], whole: bool) -> None:  # noqa: FBT001
    verdict = judge(Said(status=status, digests=tuple(digests), whole=whole), sha256=SHA, now=AT)
    right = 200 <= status < 300 and whole and {one.lower() for one in digests} == {SHA}
    assert verdict.confirmed is right


@pytest.mark.parametrize(
    ("status", "lasting", "recipients"),
    [
        (301, True, True),
        (400, True, False),
        (401, True, True),
        (404, True, True),
        (410, True, True),
        (413, True, False),
        (408, False, True),
        (423, False, False),
        (425, False, True),
        (429, False, True),
        (500, False, True),
        (503, False, True),
        (600, True, True),
    ],
)
def test_refusals_differ_in_what_they_say_of_the_next_attempt(status: int, *, lasting: bool, recipients: bool) -> None:
    verdict = judge(Said(status=status), sha256=SHA, now=AT)
    assert (verdict.lasting, verdict.recipients, verdict.confirmed) == (lasting, recipients, False)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("-5", 0),
        ("99999999999999", 3600),
        ("Sun, 22 Nov 2026 08:31:00 GMT", 60),
        ("Sun, 22 Nov 2026 07:31:00 GMT", 0),
        ("Sun, 22 Nov 2099 07:31:00 GMT", 3600),
        ("soon", 0),
        ("", 0),
        ("١٢", 0),
    ],
)
def test_a_wait_that_is_asked_for_is_kept_to_within_bounds(text: str, seconds: int) -> None:
    assert asked_wait(text, now=AT) == timedelta(seconds=seconds)


@given(st.text(max_size=40))
def test_no_wait_is_longer_than_an_hour_or_shorter_than_none(text: str) -> None:
    assert timedelta() <= asked_wait(text, now=AT) <= timedelta(hours=1)
