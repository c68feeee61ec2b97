"""Whom the courier may try, how many letters at once, who is told; and which process posts to whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import structlog

from tests.unit.workers.uplink.hub import AT
from tests.unit.workers.uplink.test_uplink_standing import Time, Works
from trunk.domain.agency import Agency, DeliveryMode
from trunk.domain.delivery import AgencyCode
from trunk.domain.push_reply import CONFIRMED, Verdict
from trunk.errors import LedgerUnavailableError
from trunk.workers.push.shares import Shares
from trunk.workers.push.standings import FORGIVEN, Standings

H, OTHER = AgencyCode("H41"), AgencyCode("H36")
DOWN = Verdict(code="timeout")
LETTER = Verdict(code="status_400", lasting=True, recipients=False)
GONE = Verdict(code="status_410", lasting=True)


def standings(time: Time) -> Standings:
    return Standings(
        now=time,
        chance=lambda: 0.0,
        each=3,
        longest=timedelta(minutes=5),
        alarm_every=timedelta(hours=1),
    )


def test_failures_in_a_row_open_the_breaker_and_one_success_closes_it() -> None:
    time = Time()
    made = standings(time)
    for _ in range(FORGIVEN):
        made.note(H, DOWN)
        assert made.room(H) == 3
    made.note(H, DOWN)
    assert (made.room(H), made.room(OTHER)) == (0, 3)
    time.pass_by(3)
    assert made.room(H) == 1, "a probe"
    made.note(H, DOWN)
    assert made.room(H) == 0
    time.pass_by(3)
    assert made.room(H) == 0, "longer each time"
    time.pass_by(300)
    made.note(H, CONFIRMED)
    assert (made.room(H), made.suspect(H)) == (3, False)


def test_nobody_is_left_alone_longer_than_the_settings_say() -> None:
    time = Time()
    made = standings(time)
    for _ in range(50):
        made.note(H, DOWN)
    time.pass_by(300)
    assert made.room(H) == 1


def test_a_letter_that_is_refused_says_nothing_against_its_recipient() -> None:
    made = standings(Time())
    for _ in range(10):
        made.note(H, LETTER)
    assert (made.room(H), made.suspect(H)) == (3, False)


def test_administrators_are_told_at_once_of_what_they_must_mend_and_hourly_of_the_rest() -> None:
    time = Time()
    made = standings(time)
    with structlog.testing.capture_logs() as logs:
        for verdict, seconds in (
            (DOWN, 0),
            (DOWN, 3000),
            (GONE, 1),
            (GONE, 1),
            (DOWN, 3599),
            (DOWN, 3600),
            (CONFIRMED, 0),
        ):
            time.pass_by(seconds)
            made.note(H, verdict)
    told = [(line["event"], line.get("code")) for line in logs]
    assert told == [
        ("push_recipient_failing", "status_410"),
        ("push_recipient_failing", "timeout"),
        ("push_recipient_failing", "timeout"),
        ("push_recipient_recovered", None),
    ]


def test_figures_are_of_each_recipient() -> None:
    made = standings(Time())
    made.note(H, DOWN)
    made.note(H, DOWN)
    agencies = [Agency(code=code, name="x", mode=DeliveryMode.PUSH) for code in (H, OTHER)]
    first, second = made.figures(agencies)
    assert (first.outcomes, first.failing_since, first.proven) == ({"timeout": 2}, AT, False)
    assert (second.outcomes, second.failing_since, second.left_alone) == ({}, None, False)


def shares(works: Any, time: Time, owner: str) -> Shares:
    return Shares(owner=owner, scribe=works, now=time)


def test_one_process_has_an_agency_until_it_falls_silent() -> None:
    works, time = Works(), Time()
    one, two = shares(works, time, "one"), shares(works, time, "two")
    assert one.hold(H)
    assert (one.held(H), two.hold(H), two.held(H)) == (True, False, False)
    time.pass_by(15)
    assert one.hold(H)
    time.pass_by(15)
    assert not two.hold(H)
    time.pass_by(6)
    assert not one.held(H), "it ran out"
    assert two.hold(H)
    assert not one.hold(H)


def test_what_is_given_up_is_free_at_once() -> None:
    works, time = Works(), Time()
    one, two = shares(works, time, "one"), shares(works, time, "two")
    one.hold(H)
    one.give_up()
    assert (one.held(H), two.hold(H)) == (False, True)


def test_another_process_is_not_asked_again_with_every_look() -> None:
    works, time = Works(), Time()
    assert shares(works, time, "one").hold(H)
    two = shares(works, time, "two")
    assert not two.hold(H)
    works.away = True
    assert not two.hold(H), "no question to the ledger"
    time.pass_by(6)
    with pytest.raises(LedgerUnavailableError):
        two.hold(H)
