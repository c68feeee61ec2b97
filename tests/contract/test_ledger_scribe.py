"""What group commit promises: an answer of one's own, after the commit, and nobody suffers for another."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import IntegrityError

from tests.ledger_kit import AT, RECIPIENT, SENDER, acceptance, lease, move, one_delivery, step
from trunk.domain.delivery import Delivery, DeliveryEvent, DeliveryId, DeliveryState
from trunk.domain.entry import AlreadyThere, Entered, KeyTaken
from trunk.domain.tracking import JournalEvent
from trunk.errors import LedgerUnavailableError, OverloadedError
from trunk.storage.engine import is_sqlite, open_engine
from trunk.storage.group import OutcomeUnknownError
from trunk.storage.ledger import Book, Ledger
from trunk.storage.moving import Movement
from trunk.storage.scribe import Scribe


@contextmanager
def held(scribe: Scribe) -> Iterator[None]:
    """Keep the writer busy, so that what is asked meanwhile is one group."""
    busy, go = threading.Event(), threading.Event()

    def wait(_: Book) -> None:
        busy.set()
        go.wait(20)

    holding = scribe.perform(wait)
    busy.wait(20)
    try:
        yield
    finally:
        go.set()
    holding.result(20)


@contextmanager
def commits(engine: Engine) -> Iterator[list[int]]:
    counted: list[int] = []

    def count(_: object) -> None:
        counted.append(1)

    event.listen(engine, "commit", count)
    yield counted
    event.remove(engine, "commit", count)


def test_many_are_written_in_one_transaction(scribe: Scribe, engine: Engine) -> None:
    with commits(engine) as counted:
        with held(scribe):
            futures = [scribe.accept(acceptance(f"VB-{n}")) for n in range(50)]
            futures += [scribe.accept(acceptance("VB-7"))]
            work = scribe.perform(lambda book: len(book.view.find("VB-49")))
        results = [future.result(20) for future in futures]
        assert work.result(20) == 1
    assert [type(r) for r in results] == [Entered] * 50 + [AlreadyThere]
    assert len(counted) == 2  # the one that was held, and the group


def test_moves_of_one_group_are_written_together(scribe: Scribe, ledger: Ledger, engine: Engine) -> None:
    window = [one_delivery(ledger, f"VB-{n}") for n in range(20)]
    wanted = [Movement(step=step(one, DeliveryEvent.HANDED_OVER), at=AT, actor="qlvb") for one in window]
    with statements(engine) as said:
        with held(scribe):
            futures = [scribe.move(movement) for movement in [*wanted, wanted[7]]]
        assert [future.result(20) for future in futures] == [True] * 20 + [False], "of two the first"
    assert len(said) < 20
    with ledger.read() as view:
        assert all(view.delivery(one.id).state is DeliveryState.DELIVERED for one in window)
        (first,) = view.track(window[7].envelope_id).deliveries
        assert [line.event for line in first.timeline] == ["handed_over"]


def test_octets_leave_on_record_and_only_once(scribe: Scribe, ledger: Ledger) -> None:
    here, recalled = one_delivery(ledger, "VB-1"), one_delivery(ledger, "VB-2")
    with ledger.begin() as book:
        move(book, recalled.id, DeliveryEvent.HELD_BACK)
    with held(scribe):
        futures = [depart(scribe, one) for one in (here, here, recalled)]
    assert [future.result(20) for future in futures] == [True, True, False]
    assert depart(scribe, here).result(20), "and again later"
    with ledger.read() as view:
        (left,) = view.track(here.envelope_id).deliveries
        (kept,) = view.track(recalled.envelope_id).deliveries
    assert [line.event for line in left.timeline] == ["fetched"]
    assert [line.event for line in kept.timeline] == ["held_back"]


def test_a_move_that_cannot_be_written_is_undone_alone(scribe: Scribe, ledger: Ledger) -> None:
    good, bad = (step(one_delivery(ledger, f"VB-{n}"), DeliveryEvent.HANDED_OVER) for n in range(2))
    bad = dataclasses.replace(bad, after=dataclasses.replace(bad.after, due_at=AT.replace(tzinfo=None)))
    with held(scribe):
        futures = [scribe.move(Movement(step=one, at=AT, actor="qlvb")) for one in (good, bad)]
    assert futures[0].result(20)
    assert isinstance(futures[1].exception(20), ValueError)


def depart(scribe: Scribe, delivery: Delivery) -> Future[bool]:
    line = JournalEvent(at=AT, event="fetched", actor="qlvb", delivery_id=delivery.id)
    return scribe.depart(delivery.id, line, envelope_id=delivery.envelope_id)


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    said: list[str] = []

    def hear(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        said.append(statement)

    event.listen(engine, "before_cursor_execute", hear)
    yield said
    event.remove(engine, "before_cursor_execute", hear)


def test_nobody_is_answered_before_the_commit(ledger: Ledger, engine: Engine) -> None:
    scribe = Scribe(ledger)
    answered_early: list[bool] = []
    futures = []

    def look(_: object) -> None:
        answered_early.extend(future.done() for future in futures)

    with held(scribe):
        event.listen(engine, "commit", look)
        futures = [scribe.accept(acceptance("VB-1")), scribe.perform(lambda book: 1 // 0)]
    futures[0].result(20)
    assert isinstance(futures[1].exception(20), ZeroDivisionError)
    event.remove(engine, "commit", look)
    scribe.close()
    assert not any(answered_early[-2:])


def test_work_that_fails_is_undone_alone(scribe: Scribe, ledger: Ledger) -> None:
    def spoil(book: Book) -> None:
        book.reserve(40)  # places that go back with it
        book.accept([acceptance("spoilt")])
        raise KeyError("mine")

    with held(scribe):
        good = scribe.accept(acceptance("good"))
        bad = scribe.perform(spoil)
        after = scribe.perform(lambda book: book.accept([acceptance("after")]))
    assert isinstance(good.result(20), Entered)
    assert isinstance(bad.exception(20), KeyError)
    assert isinstance(after.result(20)[0], Entered)
    for n in range(9):
        scribe.accept(acceptance(f"later{n}")).result(20)
    with ledger.read() as view:
        positions = [item.position for item in view.inbox([RECIPIENT, SENDER], after=None, limit=99).items]
        assert view.find("spoilt") == []
    assert len(positions) == len(set(positions)) == 22


def test_nobody_is_told_of_a_commit_when_the_database_has_undone_everything(scribe: Scribe, ledger: Ledger) -> None:
    """SQLite gives up the whole transaction where a statement cannot be undone alone: here, when its disk is full."""
    connections: list[Connection] = []

    def fill(book: Book) -> None:
        connection = book._connection
        connections.append(connection)
        if not is_sqlite(connection):
            raise KeyError("PostgreSQL undoes a part alone")
        connection.exec_driver_sql("PRAGMA max_page_count = 1")
        try:
            book.mending.lay_aside("TRK-000", "x", "x" * 1_000_000, at=AT)
        finally:
            connection.exec_driver_sql("PRAGMA max_page_count = 1000000")

    with held(scribe):
        good = scribe.accept(acceptance("good"))
        full = scribe.perform(fill)
        after = scribe.perform(lambda book: book.accept([acceptance("after")]))
    assert full.exception(20) is not None
    told = [isinstance(one.exception(20), LedgerUnavailableError) for one in (good, after)]
    with ledger.read() as view:
        assert [not view.find("good"), not view.find("after")] == told
    assert told == [is_sqlite(connections[0])] * 2


def test_work_that_breaks_a_constraint_is_undone_alone(scribe: Scribe) -> None:
    with held(scribe):
        futures = [scribe.perform(lambda book, u=u: book.accept([acceptance(f"VB{u}", urgency=u)])) for u in (0, 9, 1)]
    assert isinstance(futures[1].exception(20), IntegrityError)
    assert [type(futures[n].result(20)[0]) for n in (0, 2)] == [Entered, Entered]


def test_one_bad_acceptance_does_not_spoil_the_group(scribe: Scribe) -> None:
    with held(scribe):
        futures = [scribe.accept(acceptance(f"VB-{n}", urgency=9 if n == 2 else 0)) for n in range(5)]
    assert isinstance(futures[2].exception(20), IntegrityError)
    assert [type(f.result(20)) for n, f in enumerate(futures) if n != 2] == [Entered] * 4


def test_a_taken_key_is_told_to_the_one_who_used_it(scribe: Scribe) -> None:
    with held(scribe):
        first, second = (scribe.accept(acceptance(f"VB-{n}", key="k")) for n in range(2))
    entered = first.result(20)
    assert isinstance(entered, Entered)
    assert second.result(20) == KeyTaken(entered.accepted.envelope.id)


def test_who_has_gone_away_is_not_written_for(scribe: Scribe, ledger: Ledger) -> None:
    with held(scribe):
        gone = scribe.accept(acceptance("gone"))
        assert gone.cancel()
        stayed = scribe.accept(acceptance("stayed"))
    stayed.result(20)
    with ledger.read() as view:
        assert view.find("gone") == []


def test_the_line_has_an_end(ledger: Ledger) -> None:
    scribe = Scribe(ledger, waiting=3)
    with held(scribe):
        futures = [scribe.accept(acceptance(f"VB-{n}")) for n in range(3)]
        with pytest.raises(OverloadedError):
            scribe.accept(acceptance("one too many"))
        with pytest.raises(OverloadedError):
            scribe.perform(lambda _: None)
    assert [type(f.result(20)) for f in futures] == [Entered] * 3
    scribe.close()


def test_closing_commits_what_waits_and_refuses_what_comes_later(ledger: Ledger) -> None:
    scribe = Scribe(ledger, linger_seconds=5)
    future = scribe.accept(acceptance("VB-1"))
    scribe.close()
    assert isinstance(future.result(0), Entered)
    with pytest.raises(LedgerUnavailableError):
        scribe.accept(acceptance("VB-2"))
    scribe.close()


def test_a_group_is_no_larger_than_it_may_be(ledger: Ledger, engine: Engine) -> None:
    scribe = Scribe(ledger, group=10)
    with commits(engine) as counted:
        with held(scribe):
            futures = [scribe.accept(acceptance(f"VB-{n}")) for n in range(25)]
        for future in futures:
            future.result(20)
    scribe.close()
    assert len(counted) == 4


def test_who_had_company_waits_longer_for_the_next_and_who_is_alone_does_not(ledger: Ledger, engine: Engine) -> None:
    scribe = Scribe(ledger, linger_seconds=0, busy_linger_seconds=600)
    assert isinstance(scribe.accept(acceptance("VB-alone")).result(30), Entered)
    assert isinstance(scribe.accept(acceptance("VB-alone-again")).result(30), Entered)
    with held(scribe):
        together = [scribe.accept(acceptance(f"VB-{n}")) for n in range(2)]
    assert [type(future.result(30)) for future in together] == [Entered, Entered]
    with commits(engine) as counted:
        first = scribe.accept(acceptance("VB-first"))
        with pytest.raises(TimeoutError):
            first.result(0.5)
        second = scribe.accept(acceptance("VB-second"))
        scribe.close()
    assert isinstance(first.result(0), Entered)
    assert isinstance(second.result(0), Entered)
    assert len(counted) == 1


def test_two_processes_that_accept_the_same_agree(ledger_url: str) -> None:
    engines = [open_engine(ledger_url) for _ in range(2)]
    scribes = [Scribe(Ledger(engine)) for engine in engines]
    with ThreadPoolExecutor(8) as pool:
        futures = list(
            pool.map(lambda n: scribes[n % 2].accept(acceptance(f"VB-{n // 4}", key=f"k{n // 4}")), range(200))
        )
    results = [future.result(30) for future in futures]
    for scribe in scribes:
        scribe.close()
    for engine in engines:
        engine.dispose()
    assert sum(isinstance(r, Entered) for r in results) == 50
    first = {r.accepted.envelope.document_id: r.accepted for r in results if isinstance(r, Entered)}
    assert all(
        r == AlreadyThere(first[r.accepted.envelope.document_id]) for r in results if isinstance(r, AlreadyThere)
    )


def test_two_processes_that_move_the_same_deliveries_crosswise_lose_nothing(ledger: Ledger, ledger_url: str) -> None:
    deliveries = [one_delivery(ledger, f"VB-{n}") for n in range(12)]
    engines = [open_engine(ledger_url) for _ in range(2)]
    scribes = [Scribe(Ledger(engine), linger_seconds=0.005) for engine in engines]

    def touch(delivery_id: DeliveryId) -> object:
        def work(book: Book) -> object:
            return move(book, delivery_id, DeliveryEvent.HANDED_OVER, DeliveryEvent.REPLAY_ORDERED)

        return work

    futures = [
        scribe.perform(touch(d.id))
        for _ in range(3)
        for scribe, order in zip(scribes, (deliveries, deliveries[::-1]), strict=True)
        for d in order
    ]
    for future in futures:
        future.result(60)
    for scribe in scribes:
        scribe.close()
    for engine in engines:
        engine.dispose()
    with ledger.read() as view:
        versions = {d.id: found.version for d in deliveries if (found := view.delivery(d.id))}
    assert set(versions.values()) == {12}


class LostInCommit:
    """The database commits, and its answer is lost on the way, so many ``times``; or it is lost before it commits."""

    def __init__(self, engine: Engine, *, committed: bool, times: int = 1) -> None:
        self._engine, self._committed, self._times = engine, committed, times

    def __enter__(self) -> None:
        self._commit = self._engine.dialect.do_commit
        self._engine.dialect.do_commit = self._lose

    def __exit__(self, *_: object) -> None:
        self._engine.dialect.do_commit = self._commit

    def _lose(self, connection: object) -> None:
        self._times -= 1
        if not self._times:
            self.__exit__()
        if self._committed:
            self._commit(connection)
        else:
            self._engine.dialect.do_rollback(connection)
        raise LedgerUnavailableError("the line is dead")


def test_what_was_committed_without_an_answer_is_found_and_told(scribe: Scribe, engine: Engine) -> None:
    known = scribe.accept(acceptance("known", key="k")).result(20)
    scribe.accept(acceptance("other")).result(20)
    with LostInCommit(engine, committed=True, times=2):  # what is held, and the group
        with held_and_forgiven(scribe):
            new, old = scribe.accept(acceptance("new")), scribe.accept(acceptance("known"))
            taken, work = scribe.accept(acceptance("other", key="k")), scribe.perform(lambda _: 1)
        assert isinstance(new.result(20), Entered)
        assert isinstance(known, Entered)
        assert old.result(20) == AlreadyThere(known.accepted)
        for unknown in (taken, work):
            error = unknown.exception(20)
            assert isinstance(error, OutcomeUnknownError)
            assert "unknown" in str(error)
    assert isinstance(scribe.accept(acceptance("new")).result(20), AlreadyThere)


def test_what_was_lost_before_the_commit_is_told_as_unknown_and_may_be_repeated(scribe: Scribe, engine: Engine) -> None:
    submitted = acceptance("VB-1")
    with LostInCommit(engine, committed=False):
        error = scribe.accept(submitted).exception(20)
    assert isinstance(error, OutcomeUnknownError)
    assert error.temporary
    assert isinstance(scribe.accept(submitted).result(20), Entered)


@contextmanager
def held_and_forgiven(scribe: Scribe) -> Iterator[None]:
    """As ``held``, where the holding transaction itself may be lost."""
    with pytest.raises(OutcomeUnknownError), held(scribe):
        yield


def test_a_writer_that_dies_takes_the_process_down(ledger_url: str) -> None:
    program = f"""
import sys, time
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
scribe = Scribe(Ledger(open_engine({ledger_url!r})))
def work(book):
    raise SystemExit("a mistake that nobody foresaw")
scribe.perform(work)
time.sleep(60)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 70
    assert done.stderr.count("\n") == 1
    assert "writer died of SystemExit" in done.stderr


def test_leases_and_steps_travel_with_the_group(scribe: Scribe) -> None:
    with held(scribe):
        scribe.accept(acceptance("VB-1"))
        leased = scribe.perform(lease)
    assert len(leased.result(20)) == 2
