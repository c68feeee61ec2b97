"""A clock that is set back, by an hour or a day: nobody waits until it has caught up again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.workers.uplink.hub import AT
from tests.unit.workers.uplink.test_uplink_standing import Time, Works
from trunk.domain.delivery import AgencyCode
from trunk.workers.patience import Patience
from trunk.workers.push.shares import Shares
from trunk.workers.uplink.address_book import BookReader
from trunk.workers.uplink.lease import Lease

HOUR, DAY = 3600, 24 * 3600
H = AgencyCode("H41")


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_who_failed_before_the_clock_was_set_back_is_tried_again(back: int) -> None:
    patience = Patience(forgiven=0, chance=lambda: 0.0)
    patience.failed("there", now=AT)
    assert not patience.has("there", now=AT)
    assert patience.has("there", now=AT - timedelta(seconds=back))
    patience.failed("there", now=AT - timedelta(seconds=back))
    assert not patience.has("there", now=AT - timedelta(seconds=back)), "and then left alone as always"


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_a_lease_from_before_the_clock_was_set_back_is_renewed_before_it_is_used(back: int) -> None:
    works: Any = Works()
    time = Time()
    lease = Lease(name="x", owner="one", scribe=works, now=time)
    lease.step()
    assert lease.held
    time.pass_by(-back)
    assert not lease.held
    lease.step()
    assert lease.held
    assert works.until <= time.now + 3 * lease.renewal


@pytest.mark.parametrize("back", [HOUR, DAY])
def test_an_agency_held_before_the_clock_was_set_back_is_asked_for_again(back: int) -> None:
    works: Any = Works()
    time = Time()
    one, two = (Shares(owner=owner, scribe=works, now=time) for owner in ("one", "two"))
    assert one.hold(H)
    assert not two.hold(H)
    time.pass_by(-back)
    assert not one.held(H), "another clock may have given it to somebody else"
    one.give_up()
    assert two.hold(H), "asked at once, not when the clock has caught up"
    assert works.until <= time.now + two.span


def test_the_address_book_is_read_again_though_the_clock_was_set_back() -> None:
    read: list[str] = []

    class Counting(BookReader):
        def _read(self) -> None:
            read.append("all")

    time = Time()
    nobody: Any = None
    book = Counting(client=nobody, agencies=nobody, standing=nobody, every=timedelta(hours=6), now=time)
    book.read_if_due()
    book.read_if_due()
    assert len(read) == 1
    time.pass_by(-DAY)
    book.read_if_due()
    assert len(read) == 2
