"""trunk admin replay: who and why go into the journal; nothing happens by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.cli.town import FIRST, Town
from trunk.cli.exits import Exit
from trunk.domain.delivery import Delivery
from trunk.domain.delivery import DeliveryEvent as E
from trunk.domain.tracking import JournalEvent


def replay(town: Town, *arguments: str, exit_code: int = 0, reason: str = "their disk was full") -> str:
    result = town.run("admin", "replay", "--reason", reason, *arguments)
    assert result.exit_code == exit_code, result.output
    return result.output


def state(town: Town, delivery: Delivery) -> str:
    with town.ledger.read() as view:
        found = view.delivery(delivery.id)
    assert found is not None
    return found.state


def last_line(town: Town, delivery: Delivery) -> JournalEvent:
    track = town.tracking().track(delivery.envelope_id)
    assert track is not None
    return next(d for d in track.deliveries if d.delivery.id == delivery.id).timeline[-1]


@pytest.fixture
def expired(town: Town) -> list[Delivery]:
    made = town.accept("1") + town.accept("2", to=(FIRST,))
    for delivery in made:
        town.happens(delivery, E.LIFETIME_ENDED)
    return made


def test_a_replay_is_journalled_with_who_and_why(town: Town, expired: list[Delivery]) -> None:
    assert "1  queued again" in replay(town, expired[0].id)
    assert state(town, expired[0]) == "queued"
    line = last_line(town, expired[0])
    assert (line.event, line.actor, line.reason) == ("replay_ordered", "an", "their disk was full")


@pytest.mark.parametrize("named", ["chị Bình", "operator/binh"])
def test_whoever_is_named_the_user_of_the_machine_did_it(town: Town, expired: list[Delivery], named: str) -> None:
    replay(town, expired[0].id, "--operator", f" {named} ")
    line = last_line(town, expired[0])
    assert (line.actor, line.reason) == ("an", f"their disk was full (ordered by {named})")


@pytest.mark.parametrize("named", ["two\nlines", "x" * 1000])
def test_a_name_that_cannot_be_kept_is_refused(town: Town, expired: list[Delivery], named: str) -> None:
    assert "TRK-154" in replay(town, expired[0].id, "--operator", named, exit_code=Exit.USAGE)
    assert "--reason is required" in replay(town, expired[0].id, "--operator", "binh", reason="", exit_code=Exit.USAGE)
    assert state(town, expired[0]) == "expired"


def test_a_reason_is_required(town: Town, expired: list[Delivery]) -> None:
    for reason in ("", "  "):
        assert "--reason is required" in replay(town, expired[0].id, reason=reason, exit_code=Exit.USAGE)
    assert state(town, expired[0]) == "expired"


def test_more_than_one_without_a_terminal_needs_yes(town: Town, expired: list[Delivery]) -> None:
    ids = [d.id for d in expired]
    assert "3 deliveries, and nobody to ask" in replay(town, *ids, exit_code=Exit.USAGE)
    assert {state(town, d) for d in expired} == {"expired"}
    assert "3  queued again" in replay(town, *ids, "--yes")


def test_a_filter_takes_what_has_not_arrived(town: Town, expired: list[Delivery]) -> None:
    delivered = town.accept("3", to=(FIRST,))[0]
    town.happens(delivered, E.HANDED_OVER)
    replay(town, "--agency", "000.00.17.H36", "--yes")
    assert [state(town, d) for d in (*expired, delivered)] == ["queued", "expired", "queued", "delivered"]
    replay(town, "--agency", FIRST, "--state", "delivered", "--yes")
    assert state(town, delivered) == "queued"


def test_a_dry_run_changes_nothing_and_needs_no_reason(town: Town, expired: list[Delivery]) -> None:
    result = town.run("admin", "replay", "--state", "expired", "--dry-run")
    assert result.exit_code == 0
    assert "Total" in result.stdout
    assert "1/STN-VP" in result.stdout
    assert {state(town, d) for d in expired} == {"expired"}
    told = town.json("admin", "replay", "--state", "expired", "--dry-run", "--json")
    assert set(told["would_replay"]) == {d.id for d in expired}


def test_the_pace_is_kept(town: Town, expired: list[Delivery]) -> None:
    replay(town, *(d.id for d in expired), "--yes", "--per-second", "0.5")
    assert town.slept == [2, 2]


@pytest.mark.parametrize(("event", "stays"), [(E.RETURNED, "refused"), (E.HELD_BACK, "recalled")])
def test_what_is_settled_stays_and_is_exit_code_1(town: Town, expired: list[Delivery], event: E, stays: str) -> None:
    town.happens(expired[0], event)
    output = replay(town, expired[0].id, expired[1].id, "--yes", exit_code=Exit.REFUSED)
    assert "1  settled, left alone" in output
    assert "1  queued again" in output
    assert state(town, expired[0]) == stays


def test_an_unknown_delivery_is_exit_code_3(town: Town) -> None:
    assert "no such delivery" in replay(town, "D-none", exit_code=Exit.NOT_FOUND)


def test_twice_is_once(town: Town, expired: list[Delivery]) -> None:
    replay(town, expired[0].id)
    assert "1  queued already" in replay(town, expired[0].id)


def test_everything_is_never_meant_by_accident(town: Town, expired: list[Delivery]) -> None:
    assert "nothing is chosen" in replay(town, "--yes", exit_code=Exit.USAGE)
    both = replay(town, expired[0].id, "--agency", FIRST, exit_code=Exit.USAGE)
    assert "not both" in both


def test_an_interruption_tells_what_was_done(town: Town, expired: list[Delivery]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    town.meanwhile = [lambda: None, interrupt]
    output = replay(town, *(d.id for d in expired), "--yes", "--per-second", "1", exit_code=Exit.INTERRUPTED)
    assert "2  queued again" in output
    assert "1  not reached" in output


def test_the_result_can_be_json(town: Town, expired: list[Delivery], tmp_path: Path) -> None:
    told = town.json("admin", "replay", expired[0].id, "--reason", "x", "--json")
    assert told == {"outcomes": {expired[0].id: "queued"}, "not_reached": 0}


@pytest.mark.parametrize("reason", ["x" * 1001, "two\nlines", "nul\x00", "x" * 100_000])
def test_a_reason_that_cannot_be_kept_is_refused_with_its_code(
    town: Town, expired: list[Delivery], reason: str
) -> None:
    assert "TRK-154" in replay(town, expired[0].id, reason=reason, exit_code=Exit.USAGE)
    assert state(town, expired[0]) == "expired"


def test_deliveries_are_chosen_by_time_and_by_why_they_failed(town: Town, expired: list[Delivery]) -> None:
    failed = town.accept("3", to=(FIRST,))[0]
    town.happens(failed, E.PUBLISHED, E.ATTEMPT_FAILED)  # with the reason "disk full"
    found = town.json("admin", "replay", "--reason-code", "disk", "--dry-run", "--json")
    assert found == {
        "would_replay": [failed.id],
        "counts": [{"agency": FIRST, "state": "deferred", "count": 1}],
    }
    until = town.json("admin", "replay", "--until", "2026-11-22T09:00:01+07:00", "--dry-run", "--json")
    assert set(until["would_replay"]) == {one.id for one in expired}
    for code in ("dis", "full"):
        assert "TRK-155" in replay(town, "--reason-code", code, "--yes", exit_code=Exit.REFUSED)


@pytest.mark.parametrize("time", ["yesterday", "2026-13-01", "2d ago", "1700000000"])
def test_a_malformed_time_is_wrong_usage(town: Town, time: str) -> None:
    for option in ("--since", "--until"):
        assert town.run("admin", "replay", option, time, "--dry-run").exit_code == Exit.USAGE


def test_a_filter_that_means_nothing_that_can_be_replayed_is_refused_with_its_code(
    town: Town, expired: list[Delivery]
) -> None:
    assert "TRK-155" in replay(town, "--state", "deferred", "--yes", exit_code=Exit.REFUSED)
    assert "TRK-115" in replay(town, "--state", "received", "--yes", exit_code=Exit.REFUSED)


def test_what_was_purged_is_left_alone_by_name(town: Town, expired: list[Delivery]) -> None:
    purged(town, expired[0])
    assert "purged" in replay(town, expired[0].id, exit_code=Exit.REFUSED)


def purged(town: Town, delivery: Delivery) -> None:
    with town.ledger.begin() as book:
        line = JournalEvent(at=town.now, event="octets_purged", actor="retention")
        book.note(line, envelope_id=delivery.envelope_id)


@pytest.mark.parametrize(
    ("events", "word", "code"),
    [
        ((), "unknown", Exit.NOT_FOUND),
        ((E.RECEIPTED,), "settled", Exit.REFUSED),
        ((E.HELD_BACK,), "settled", Exit.REFUSED),
        ((E.LIFETIME_ENDED,), "purged", Exit.REFUSED),
    ],
)
def test_a_dry_run_of_named_ones_ends_as_the_replay_does(
    town: Town, expired: list[Delivery], events: tuple[E, ...], word: str, code: Exit
) -> None:
    (other,) = town.accept("3", to=(FIRST,))
    town.happens(other, *events)
    if word == "purged":
        purged(town, other)
    name = other.id if events else "NO-SUCH-ID"
    dry = town.json("admin", "replay", name, expired[0].id, "--dry-run", "--json", exit_code=code)
    assert dry == {"would_replay": [expired[0].id], "left_alone": {name: word}}
    shown = town.run("admin", "replay", name, expired[0].id, "--dry-run")
    assert (shown.exit_code, shown.stdout) == (code, f"{expired[0].id}\n")
    assert name in shown.stderr
    wish = ("admin", "replay", name, expired[0].id, "--yes", "--reason", "x", "--json")
    assert town.json(*wish, exit_code=code)["outcomes"] == {expired[0].id: "queued", name: word}


def test_a_dry_run_by_filter_counts_and_shows_what_the_replay_puts_back(town: Town, expired: list[Delivery]) -> None:
    (received,), (waits,) = town.accept("3", to=(FIRST,)), town.accept("4", to=(FIRST,))
    town.happens(received, E.RECEIPTED)
    purged(town, expired[2])
    states = ("--state", "expired", "--state", "received", "--state", "queued")
    dry = town.json("admin", "replay", *states, "--dry-run", "--json")
    assert sum(one["count"] for one in dry["counts"]) == 3
    shown = town.run("admin", "replay", *states, "--dry-run").stdout
    assert [f"{number}/STN-VP" in shown for number in range(1, 5)] == [True, False, False, True]
    done = town.json("admin", "replay", *states, "--yes", "--reason", "x", "--json")["outcomes"]
    assert done == {expired[0].id: "queued", expired[1].id: "queued", waits.id: "already_queued"}
    assert set(dry["would_replay"]) == set(done)
