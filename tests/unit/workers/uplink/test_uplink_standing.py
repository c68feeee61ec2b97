"""When the other hub may be asked, and which process asks it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.workers.uplink.hub import AT
from trunk.errors import LedgerUnavailableError
from trunk.workers.uplink.exchange import HubFaultError
from trunk.workers.uplink.lease import Lease
from trunk.workers.uplink.standing import Standing


@dataclass
class Time:
    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Works:
    """A scribe of which only the work of leases is asked."""

    owner: str = ""
    until: datetime = AT
    away: bool = False
    released: list[str] = field(default_factory=list)

    def perform(self, work: Callable[[Any], Any]) -> Future[Any]:
        if self.away:
            raise LedgerUnavailableError("away")
        future: Future[Any] = Future()
        future.set_result(work(self))
        return future

    def take_work(self, _: str, *, owner: str, now: datetime, until: datetime) -> bool:
        if self.owner not in ("", owner) and self.until > now:
            return False
        self.owner, self.until = owner, until
        return True

    def release_work(self, _: str, *, owner: str) -> None:
        self.owner = "" if self.owner == owner else self.owner


def standing(time: Time) -> Standing:
    return Standing("national", now=time, chance=lambda: 0.0, poll_seconds=15)


def test_a_hub_that_fails_is_left_alone_longer_each_time_and_forgiven_at_once() -> None:
    time = Time()
    one = standing(time)
    one.failed(HubFaultError("timeout"))
    assert one.open, "once is nothing"
    waits = []
    for _ in range(12):
        one.failed(HubFaultError("timeout"))
        waited = 0.0
        while not one.open:
            time.pass_by(0.5)
            waited += 0.5
        waits.append(waited)
    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, 60)
    one.failed(HubFaultError("timeout"))
    one.answered("sent")
    assert one.open


def test_what_ails_it_is_told_with_the_time_since_when() -> None:
    time = Time()
    one = standing(time)
    one.check()
    one.failed(HubFaultError("secret", told=True))
    time.pass_by(3600)
    one.failed(HubFaultError("secret", told=True))
    with pytest.raises(RuntimeError, match="national does not answer since 01:02:03 UTC: secret"):
        one.check()
    one.answered("listed")
    one.check()


def test_one_message_that_fails_keeps_up_no_other() -> None:
    time = Time()
    one = standing(time)
    for _ in range(9):
        one.failed(HubFaultError("number_20", whole=False), about="bad")
    assert one.open
    one.check()
    assert not one.may("bad")
    assert one.may("good")
    assert one.failures("bad") == 9
    one.settled("bad")
    assert one.may("bad")


def test_one_process_works_and_another_takes_over_when_it_falls_silent() -> None:
    time, works = Time(), Works()
    first, second = (Lease(name="x", owner=name, scribe=works, now=time) for name in ("a", "b"))
    assert not first.held
    first.step()
    second.step()
    assert (first.held, second.held) == (True, False)
    works.away = True
    for _ in range(2):  # two renewals fail
        time.pass_by(5)
        with pytest.raises(LedgerUnavailableError):
            first.step()
    assert first.held
    time.pass_by(5)
    works.away = False
    assert not first.held, "it stops before another may begin"
    second.step()
    first.step()
    assert (first.held, second.held) == (False, True)
    second.give_up()
    first.step()
    assert (first.held, second.held) == (True, False)
