"""What the ledger promises of steps: compare-and-swap, the journal, places in the inbox."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from tests.ledger_kit import (
    AT,
    LIFETIME,
    OTHER,
    RECIPIENT,
    SENDER,
    SYSTEM,
    acceptance,
    entered,
    lease,
    move,
    one_delivery,
    step,
)
from trunk.domain.business_status import Standing
from trunk.domain.delivery import DeliveryEvent, DeliveryState, EnvelopeId
from trunk.domain.tracking import JournalEvent, StatusReport
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

E = DeliveryEvent
SOON = AT + timedelta(minutes=5)


def inbox(ledger: Ledger) -> list[str]:
    with ledger.read() as view:
        return [item.delivery.id for item in view.inbox([RECIPIENT], after=None, limit=100).items]


def test_a_step_is_written_with_its_line_in_the_journal(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    failed = step(first, E.ATTEMPT_FAILED, due_at=SOON)
    with ledger.begin() as book:
        assert book.write(failed, at=AT, actor=SYSTEM, reason="no room")
        assert book.delivery(first.id) == failed.after
    with ledger.read() as view:
        track = view.track(first.envelope_id)
    assert track is not None
    assert list(track.deliveries[0].timeline) == [
        JournalEvent(
            at=AT,
            event="attempt_failed",
            actor=SYSTEM,
            state=DeliveryState.DEFERRED,
            reason="no room",
            delivery_id=first.id,
        )
    ]


def test_only_one_of_two_writers_wins(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    published, expired = step(first, E.PUBLISHED), step(first, E.LIFETIME_ENDED)
    with ledger.begin() as book:
        assert book.write(published, at=AT, actor="relay")
    with ledger.begin() as book:
        assert not book.write(expired, at=AT, actor="sweep")
        assert book.write_all([expired], at=AT, actor="sweep") == set()
        assert book.delivery(first.id) == published.after
    with ledger.read() as view:
        track = view.track(first.envelope_id)
    assert track is not None
    assert [event.event for event in track.deliveries[0].timeline] == ["published"]


def test_of_many_racing_writers_one_wins(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    together = threading.Barrier(6)

    def write(_: int) -> bool:
        together.wait()
        with ledger.begin() as book:
            return book.write(step(first, E.PUBLISHED), at=AT, actor="relay")

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == [False] * 5 + [True]


def test_processes_that_read_before_they_write_take_turns(ledger: Ledger, ledger_url: str) -> None:
    first = one_delivery(ledger)
    engines = [open_engine(ledger_url) for _ in range(3)]

    def work(of: Ledger) -> int:
        written = 0
        for _ in range(20):
            with of.begin() as book:
                current = book.delivery(first.id)
                assert current is not None
                event = E.BROKER_FORGOT if current.state is DeliveryState.DISPATCHED else E.PUBLISHED
                written += book.write(step(current, event), at=AT, actor="x")
        return written

    with ThreadPoolExecutor(3) as pool:
        written = sum(pool.map(work, map(Ledger, engines)))
    for engine in engines:
        engine.dispose()
    with ledger.read() as view:
        last = view.delivery(first.id)
    assert last is not None
    assert last.version == written >= 20


def test_a_window_is_written_whole_but_for_what_others_moved(ledger: Ledger) -> None:
    window = [one_delivery(ledger, f"VB-{n}") for n in range(6)]
    with ledger.begin() as book:
        move(book, window[2].id, E.HANDED_OVER)
    steps = [step(d, E.PUBLISHED) for d in window[:4]]
    steps += [step(window[4], E.ATTEMPT_FAILED, due_at=SOON), step(window[5], E.ATTEMPT_FAILED, due_at=AT + LIFETIME)]
    with ledger.begin() as book:
        written = book.write_all(steps, at=AT, actor="relay")
        assert written == {d.id for n, d in enumerate(window) if n != 2}
        assert [book.delivery(s.after.id) == s.after for s in steps] == [n != 2 for n in range(6)]
    with ledger.read() as view:
        events = [view.track(d.envelope_id) for d in window]
    assert [[e.event for e in track.deliveries[0].timeline] for track in events if track] == [
        ["published"],
        ["published"],
        ["handed_over"],
        ["published"],
        ["attempt_failed"],
        ["attempt_failed"],
    ]


def test_the_same_step_twice_in_a_window_is_written_once(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    with ledger.begin() as book:
        assert book.write_all([step(first, E.PUBLISHED)] * 2, at=AT, actor="relay") == {first.id}
    with ledger.read() as view:
        track = view.track(first.envelope_id)
    assert track is not None
    assert len(track.deliveries[0].timeline) == 1


def test_an_empty_window_is_nothing(ledger: Ledger) -> None:
    with ledger.begin() as book:
        assert book.write_all([], at=AT, actor="relay") == set()


@pytest.mark.parametrize("way", ["alone", "in a window"])
def test_a_step_back_to_queued_has_its_notice_published_again_under_a_new_id(ledger: Ledger, way: str) -> None:
    first = one_delivery(ledger)
    with ledger.begin() as book:
        published = move(book, first.id, E.PUBLISHED)
        lease(book)
        book.strike(range(1, 10), owner="relay")
        forgot = step(published, E.BROKER_FORGOT)
        if way == "in a window":
            book.write_all([forgot], at=SOON, actor="relay")
        else:
            book.write(forgot, at=SOON, actor="relay")
        assert lease(book, now=AT) == []  # it falls due when it was ordered, not when the delivery once did
        assert lease(book, now=SOON) == [f"{first.id}.2"]


def test_what_is_offered_again_goes_to_the_end_of_the_inbox_and_what_the_broker_forgot_keeps_its_place(
    ledger: Ledger,
) -> None:
    a, b, c = (one_delivery(ledger, f"VB-{n}") for n in range(3))
    with ledger.begin() as book:
        move(book, a.id, E.PUBLISHED, E.BROKER_FORGOT)
        current = book.delivery(b.id)
        assert current is not None
        deferred = step(current, E.ATTEMPT_FAILED, due_at=SOON)
        book.write(deferred, at=AT, actor="x")
        book.write(step(deferred.after, E.FELL_DUE), at=AT, actor="sweep")
    assert inbox(ledger) == [a.id, c.id, b.id]
    with ledger.begin() as book:
        move(book, a.id, E.PUBLISHED, E.REPLAY_ORDERED)
    assert inbox(ledger) == [c.id, b.id, a.id]
    with ledger.begin() as book:
        moved = [step(move(book, d.id, E.PUBLISHED), E.REPLAY_ORDERED) for d in (c, b)]
        book.write_all(moved, at=AT, actor="an operator")
    assert inbox(ledger) == [a.id, c.id, b.id]


def test_what_is_delivered_leaves_the_inbox_and_what_is_replayed_comes_back(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    with ledger.begin() as book:
        move(book, first.id, E.HANDED_OVER)
    assert inbox(ledger) == []
    with ledger.begin() as book:
        move(book, first.id, E.REPLAY_ORDERED)
    assert inbox(ledger) == [first.id]


def test_deferred_deliveries_fall_due_at_their_time_the_longest_due_first(ledger: Ledger) -> None:
    later, sooner, queued = (one_delivery(ledger, f"VB-{n}") for n in range(3))
    with ledger.begin() as book:
        book.write(step(later, E.ATTEMPT_FAILED, due_at=SOON), at=AT, actor="x")
        book.write(step(sooner, E.ATTEMPT_FAILED, due_at=AT), at=AT, actor="x")
    with ledger.begin() as book:
        assert [d.id for d in book.fallen_due(AT, 10)] == [sooner.id]
        assert [d.id for d in book.fallen_due(SOON, 10)] == [sooner.id, later.id]
        assert [d.id for d in book.fallen_due(SOON, 1)] == [sooner.id]
        move(book, sooner.id, E.FELL_DUE)
        move(book, later.id, E.HANDED_OVER)
        assert book.fallen_due(SOON, 10) == []
        assert book.delivery(queued.id) == queued


def test_what_was_deferred_by_a_clock_that_was_set_back_since_falls_due(ledger: Ledger) -> None:
    soon, tomorrow = (one_delivery(ledger, f"VB-{n}") for n in range(2))
    hours, day = timedelta(hours=2), timedelta(days=1)
    with ledger.begin() as book:
        book.write(step(soon, E.ATTEMPT_FAILED, due_at=SOON), at=AT, actor="x")
        book.write(step(tomorrow, E.ATTEMPT_FAILED, due_at=AT + day), at=AT, actor="x")
    with ledger.begin() as book:
        assert [d.id for d in book.fallen_due(AT, 10, ahead=AT + hours)] == [tomorrow.id]
        assert book.fallen_due(AT, 10, ahead=AT + 2 * day) == []
        assert [d.id for d in book.fallen_due(SOON, 10, ahead=SOON + hours)] == [soon.id], "in its time first"


def test_waiting_deliveries_outlive_their_time_and_delivered_ones_do_not(ledger: Ledger) -> None:
    queued, published, deferred, taken = (one_delivery(ledger, f"VB-{n}") for n in range(4))
    with ledger.begin() as book:
        move(book, published.id, E.PUBLISHED)
        book.write(step(deferred, E.ATTEMPT_FAILED, due_at=SOON), at=AT, actor="x")
        move(book, taken.id, E.HANDED_OVER)
    end = AT + LIFETIME
    with ledger.begin() as book:
        assert book.outlived(end - timedelta(microseconds=1), 10) == []
        found = {d.id for d in book.outlived(end, 100) if d.addressee == RECIPIENT}
        assert found == {queued.id, published.id, deferred.id}
        assert len(book.outlived(end, 2)) == 2


def test_two_sweepers_share_the_work_and_wait_for_nobody(ledger: Ledger, engine: Engine) -> None:
    due = [one_delivery(ledger, f"VB-{n}") for n in range(4)]
    with ledger.begin() as book:
        book.write_all([step(d, E.ATTEMPT_FAILED, due_at=AT) for d in due], at=AT, actor="x")
    with ledger.begin() as book:
        mine = book.fallen_due(SOON, 2)
        assert len(mine) == 2
        if engine.dialect.name == "sqlite":
            return  # there, only one of them is in the ledger at a time
        with Ledger(engine).begin() as other:
            others = other.fallen_due(SOON, 10)
    assert {d.id for d in mine} | {d.id for d in others} == {d.id for d in due}
    assert len(others) == 2


def test_what_an_embedded_broker_forgot_is_queued_again(ledger: Ledger) -> None:
    published = [one_delivery(ledger, f"VB-{n}") for n in range(3)]
    queued, taken = one_delivery(ledger, "VB-8"), one_delivery(ledger, "VB-9")
    with ledger.begin() as book:
        lease(book)
        book.strike(range(1, 100), owner="relay")
        for d in published:
            move(book, d.id, E.PUBLISHED)
        move(book, taken.id, E.PUBLISHED, E.HANDED_OVER)
    with ledger.begin() as book:
        assert book.requeue_dispatched(at=SOON, actor="relay") == 3
        assert book.requeue_dispatched(at=SOON, actor="relay") == 0
        assert set(lease(book, now=SOON)) == {f"{d.id}.2" for d in published}
        assert book.delivery(queued.id) == queued
    assert inbox(ledger) == [d.id for d in (*published, queued)]


def test_a_note_and_a_status_belong_to_their_envelope_and_delivery(ledger: Ledger) -> None:
    first = one_delivery(ledger)
    (status,) = entered(ledger, acceptance("status", b"<status/>", sender=RECIPIENT, to=(SENDER,)))
    (stray,) = entered(ledger, acceptance("stray", b"<stray/>", sender=OTHER, to=(SENDER,)))
    report = StatusReport(
        envelope_id=status.envelope.id,
        code="03",
        description="đã vào sổ",
        reporter=RECIPIENT,
        at=AT,
        delivery_id=first.id,
    )
    unmatched = StatusReport(
        envelope_id=stray.envelope.id,
        code="01",
        description="",
        reporter=OTHER,
        at=AT,
        delivery_id=None,
        standing=Standing.UNMATCHED,
    )
    note = JournalEvent(at=AT, event="status_03", actor="h41-01", delivery_id=first.id)
    whole = JournalEvent(at=AT, event="noted", actor="lan", reason="theo yêu cầu")
    with ledger.begin() as book:
        book.record_status(report, about=first.envelope_id)
        book.record_status(unmatched, about=first.envelope_id)
        book.note(note, envelope_id=first.envelope_id)
        book.note(whole, envelope_id=first.envelope_id)
    with ledger.read() as view:
        track = view.track(first.envelope_id)
    assert track is not None
    assert list(track.deliveries[0].statuses) == [report]
    assert list(track.deliveries[0].timeline) == [note]
    assert list(track.unmatched) == [unmatched]
    assert track.timeline[-1] == whole


@pytest.mark.parametrize("statement", ["UPDATE journal SET actor = 'nobody'", "DELETE FROM journal"])
def test_the_journal_can_only_grow(ledger: Ledger, engine: Engine, statement: str) -> None:
    first = one_delivery(ledger)
    with pytest.raises(DBAPIError, match="append-only"), engine.begin() as connection:
        connection.execute(sa.text(statement))
    with ledger.read() as view:
        track = view.track(first.envelope_id)
    assert track is not None
    assert [event.actor for event in track.timeline] == [SYSTEM]


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - that is the point
    with pytest.raises(ValueError, match="zone"), ledger.begin() as book:
        book.note(JournalEvent(at=naive, event="x", actor="x"), envelope_id=EnvelopeId("E"))


def test_times_come_back_aware_and_exact_whatever_zone_they_came_in(ledger: Ledger) -> None:
    hanoi = timezone(timedelta(hours=7))
    at = datetime(2026, 11, 22, 23, 59, 59, 999_999, tzinfo=hanoi)
    (accepted,) = entered(ledger, acceptance("VB-1", at=at))
    with ledger.read() as view:
        envelope = view.envelope(accepted.envelope.id)
    assert envelope is not None
    assert envelope.accepted_at == at
    assert envelope.accepted_at.utcoffset() == timedelta(0)
