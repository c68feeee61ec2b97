"""A trunk whose clock jumps, by libfaketime: nothing expires early, nobody waits for the clock to catch up."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scripts.agency_system import AgencySystem
from scripts.province import FIRST, SENDER, Province, make_province
from scripts.server_packages import FAKETIME
from scripts.trunk_process import TrunkProcess

SETTINGS = """
[delivery]
retry_first_seconds = 0.5

[reconciler]
every_seconds = 1

[examination]
processes = 1
"""
JUMPS = {"-1d": -24, "+1h": 1, "-1h": -1, "+1d": 24}  #: as libfaketime spells them, and in hours


@pytest.fixture
def library(pytestconfig: pytest.Config) -> Path:
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
    if not found:
        line = f"{FAKETIME.package} is not installed: python scripts/private_servers.py install --for-tests"
        if pytestconfig.getoption("--require-servers"):
            pytest.fail(line, pytrace=False)
        pytest.skip(line)
    return found[0]


class Clock:
    """What the trunk takes for the time, changed while it runs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.jump("+0")

    def jump(self, by: str) -> None:
        """From the right time, whatever was said before; replaced whole, for it is read all the time."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(by + "\n", encoding="ascii")
        fresh.replace(self._file)


@pytest.fixture
def jumping(tmp_path: Path, library: Path) -> Iterator[tuple[Province, Clock, TrunkProcess]]:
    province = make_province(tmp_path / "province", settings=SETTINGS)
    clock = Clock(tmp_path / "time")
    environment = {
        "LD_PRELOAD": str(library),
        "FAKETIME_TIMESTAMP_FILE": str(tmp_path / "time"),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",  # as of a real clock that is set: that one goes on
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with TrunkProcess(province.config, environment=environment) as trunk:
        yield province, clock, trunk
        assert trunk.stop() == 0


def eventually(what: str, seen: object, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not seen():  # type: ignore[operator]
        assert time.monotonic() < until, what
        time.sleep(0.2)


@pytest.mark.parametrize("by", ["-1d", *(pytest.param(one, marks=pytest.mark.full) for one in JUMPS if one != "-1d")])
def test_a_jump_of_the_clock_and_back_loses_and_delays_nothing(
    jumping: tuple[Province, Clock, TrunkProcess], by: str
) -> None:
    province, clock, trunk = jumping
    sender, first = (AgencySystem(base_url=trunk.url(), key=province.keys[code]) for code in (SENDER, FIRST))
    letters = [province.signed(str(n), recipients=(FIRST,)) for n in range(2)]
    before = sender.submit(letters[0]).json["envelope_id"]
    eventually("dispatched in time", lambda: _states(sender, before) == {"dispatched"})
    clock.jump(by)
    (item,) = first.mail(kind="document")
    assert first.say(item["delivery_id"], {"outcome": "failed", "reason": "not now"}).status == 200
    assert _off_by(sender, before) == JUMPS[by], "the trunk lives in another time"
    eventually("offered again while the clock is wrong", lambda: _states(sender, before) == {"dispatched"})
    clock.jump("+0")
    eventually(
        "the loops go on",
        lambda: sender.call("GET", "/readyz").status == 200,
    )
    after = sender.submit(letters[1]).json["envelope_id"]
    eventually("dispatched after it", lambda: _states(sender, after) == {"dispatched"})
    assert _states(sender, before) == {"dispatched"}, "nothing has expired"
    for item in list(first.mail(kind="document")):
        octets = first.fetch(item["delivery_id"]).octets
        assert octets in letters
        assert first.confirm(item["delivery_id"], octets).status == 200
    for one in (before, after):
        assert _states(sender, one) == {"delivered"}
    facts = sorted(item["acknowledges"] for item in sender.mail(kind="acknowledgement"))
    assert facts == ["accepted", "accepted", "delivered", "delivered"]


@pytest.mark.full
def test_a_clock_that_is_set_back_every_second_stops_no_loop(jumping: tuple[Province, Clock, TrunkProcess]) -> None:
    province, clock, trunk = jumping
    sender, first = (AgencySystem(base_url=trunk.url(), key=province.keys[code]) for code in (SENDER, FIRST))
    for second in range(8):
        clock.jump(f"-{2 * second}")
        letter = province.signed(str(second), recipients=(FIRST,))
        envelope = sender.submit(letter).json["envelope_id"]
        eventually("dispatched", lambda envelope=envelope: _states(sender, envelope) == {"dispatched"}, seconds=30)
    (*_, last) = first.mail(kind="document")
    assert first.fetch(last["delivery_id"]).status == 200


def _off_by(sender: AgencySystem, envelope_id: str) -> int:
    """How many hours the last failure is away from now."""
    (delivery,) = sender.track(envelope_id).json["deliveries"]
    at = next(one["at"] for one in reversed(delivery["timeline"]) if one["event"] == "attempt_failed")
    return round((datetime.fromisoformat(at) - datetime.now(UTC)).total_seconds() / 3600)  # noqa: TID251  the right one


def _states(sender: AgencySystem, envelope_id: str) -> set[str]:
    return {one["state"] for one in sender.track(envelope_id).json["deliveries"]}
