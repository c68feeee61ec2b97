"""Ordered replays on both databases: each delivery once, whoever works, dies or is shut out in between."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from tests.ledger_kit import AT, acceptance, entered, move
from trunk.application.operators import Operators
from trunk.application.replay import Replay
from trunk.application.replay_jobs import ReplayJobs, ReplayWish
from trunk.domain.control import OperatorKey, Role
from trunk.domain.delivery import Delivery, DeliveryEvent
from trunk.domain.delivery import DeliveryState as S
from trunk.domain.entry import EnvelopeKind
from trunk.domain.operator import Operator
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.replaying import Job, JobProgress, JobState
from trunk.domain.tracking import JournalEvent, Search
from trunk.storage.ledger import Ledger
from trunk.storage.purging import PURGED
from trunk.workers.loops import Went
from trunk.workers.replaying import ReplayTurns

E = DeliveryEvent
_numbers = count(1)


def operators(ledger: Ledger) -> Operators:
    root = ledger.acting(Operator(name="root", now=lambda: AT))
    return Operators(ledger=root, now=lambda: AT, new_token=lambda n: f"{next(_numbers):0{n}}")


def jobs(ledger: Ledger) -> ReplayJobs:
    replay = Replay(ledger=ledger, now=lambda: AT, lifetime=timedelta(days=7))
    return ReplayJobs(ledger=ledger, replay=replay, now=lambda: AT, new_id=lambda: f"job-{next(_numbers)}")


def expired(ledger: Ledger, number: int) -> list[Delivery]:
    found = entered(ledger, *(acceptance(f"VB-{n}", f"{n}".encode()) for n in range(number)))
    with ledger.begin() as book:
        return [move(book, one.deliveries[0].id, E.LIFETIME_ENDED) for one in found]


def ordered(ledger: Ledger, deliveries: list[Delivery], key: OperatorKey | None = None) -> Job:
    holder = key or operators(ledger).add("binh", Role.ADMINISTRATOR).key
    wish = ReplayWish(deliveries=[one.id for one in deliveries], reason="down", per_second=50)
    entered_ = jobs(ledger).order(holder, wish)
    assert isinstance(entered_, JobProgress)
    return entered_.job


def states(ledger: Ledger, deliveries: list[Delivery]) -> list[str]:
    with ledger.read() as view:
        return [found.state.value for one in deliveries if (found := view.delivery(one.id))]


def lines(ledger: Ledger, event: str) -> list[tuple[str, str]]:
    with ledger.read() as view:
        found = view.journal(since=None, actor="", envelope_id="", limit=10_000)
    return [(line.actor, line.reason) for line in found if line.event == event]


def progress(ledger: Ledger, job: Job) -> JobProgress:
    found = jobs(ledger).progress(job.id)
    assert isinstance(found, JobProgress)
    return found


def test_a_key_that_is_revoked_in_the_middle_ends_the_replay(ledger: Ledger) -> None:
    deliveries = expired(ledger, 4)
    job = ordered(ledger, deliveries)
    assert jobs(ledger).work(job, 2) == 2
    assert [one.operator for one in operators(ledger).revoke("binh")] == ["binh"]
    assert jobs(ledger).work(job, 2) == 0
    found = progress(ledger, job)
    assert (found.job.state, found.job.ended_because) == (JobState.STOPPED, Code.OPERATOR_KEY)
    assert states(ledger, deliveries) == ["queued", "queued", "expired", "expired"]
    assert lines(ledger, "admin_replay_stopped") == [("operator/binh", f"{job.id} TRK-151: down")]
    assert jobs(ledger).running() == []


def test_two_that_work_off_one_replay_put_nothing_back_twice(ledger: Ledger) -> None:
    deliveries = expired(ledger, 12)
    job = ordered(ledger, deliveries)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: [jobs(ledger).work(job, 3) for _ in range(6)], range(2)))
    assert progress(ledger, job).outcomes == {"queued": 12}
    assert len(lines(ledger, "replay_ordered")) == 12
    assert len(lines(ledger, "admin_replay_finished")) == 1


def test_a_replay_that_was_cut_off_goes_on_where_it_was(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = expired(ledger, 3)
    job = ordered(ledger, deliveries)
    whole = Replay.put_back

    def cut(self: Replay, book: Any, delivery_id: Any, order: Any) -> Any:
        done = whole(self, book, delivery_id, order)
        if delivery_id == deliveries[1].id:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(Replay, "put_back", cut)
    with pytest.raises(KeyboardInterrupt):
        jobs(ledger).work(job, 3)
    monkeypatch.undo()
    assert states(ledger, deliveries) == ["queued", "expired", "expired"]
    assert progress(ledger, job).outcomes == {"queued": 1}
    assert jobs(ledger).work(job, 3) == 2
    assert jobs(ledger).work(job, 3) == 0
    assert progress(ledger, job).job.state is JobState.FINISHED
    assert len(lines(ledger, "replay_ordered")) == 3


def test_what_was_settled_since_it_was_ordered_is_left_alone_and_named(ledger: Ledger) -> None:
    deliveries = expired(ledger, 2)
    job = ordered(ledger, deliveries)
    with ledger.begin() as book:
        move(book, deliveries[0].id, E.RECEIPTED)
    jobs(ledger).work(job, 5)
    assert progress(ledger, job).outcomes == {"TRK-115": 1, "queued": 1}
    assert [(one.delivery_id, one.code) for one in jobs(ledger).not_put_back(job.id)] == [
        (deliveries[0].id, Code.ALREADY_SETTLED)
    ]


def test_a_filter_means_the_same_to_the_count_and_to_the_order(ledger: Ledger) -> None:
    deliveries = expired(ledger, 3)
    search = Search(kinds=frozenset({EnvelopeKind.DOCUMENT}), agency=deliveries[0].addressee, limit=1)
    wish = ReplayWish(search=search, reason="down", per_second=1)
    counted = jobs(ledger).rehearse(wish)
    assert not isinstance(counted, Rejected)
    assert [(one.agency, one.state, one.count) for one in counted] == [("H41.01", "expired", 3)]
    key = operators(ledger).add("binh", Role.ADMINISTRATOR).key
    entered_ = jobs(ledger).order(key, wish)
    assert isinstance(entered_, JobProgress)
    assert entered_.job.total == 3


def test_a_filter_counts_nothing_that_the_order_would_leave_alone(ledger: Ledger) -> None:
    deliveries = expired(ledger, 4)
    with ledger.begin() as book:
        move(book, deliveries[0].id, E.RECEIPTED)
        move(book, deliveries[1].id, E.REPLAY_ORDERED)
        line = JournalEvent(at=AT, event=PURGED, actor="retention")
        book.note(line, envelope_id=deliveries[2].envelope_id)
    states = frozenset({S.EXPIRED, S.RECEIVED, S.QUEUED})
    wish = ReplayWish(
        search=Search(kinds=frozenset({EnvelopeKind.DOCUMENT}), states=states, limit=9), reason="down", per_second=50
    )
    counted = jobs(ledger).rehearse(wish)
    assert not isinstance(counted, Rejected)
    assert [(one.state, one.count) for one in counted] == [("expired", 1), ("queued", 1)]
    key = operators(ledger).add("binh", Role.ADMINISTRATOR).key
    ordered_ = jobs(ledger).order(key, wish)
    assert isinstance(ordered_, JobProgress)
    jobs(ledger).work(ordered_.job, 9)
    assert progress(ledger, ordered_.job).outcomes == {"queued": 1, "already_queued": 1}
    only = dataclasses.replace(wish, search=Search(kinds=frozenset({EnvelopeKind.DOCUMENT}), limit=9))
    assert jobs(ledger).rehearse(only) == jobs(ledger).order(key, only) == refuse(Code.NOTHING_MATCHES)


def test_the_pace_is_kept_and_the_notices_are_woken(ledger: Ledger) -> None:
    deliveries = expired(ledger, 5)
    ordered(ledger, deliveries)
    clock, woken = [0.0], []
    turns = ReplayTurns(jobs=jobs(ledger), lease=HeldLease(), seconds=lambda: clock[0], wake=lambda: woken.append(1))
    turns.jobs.ledger.check()
    assert turns.step() is Went.WORKED
    assert states(ledger, deliveries).count("queued") == 5
    assert woken == [1]


def test_a_slow_pace_puts_back_one_at_a_time(ledger: Ledger) -> None:
    deliveries = expired(ledger, 3)
    key = operators(ledger).add("binh", Role.ADMINISTRATOR).key
    wish = ReplayWish(deliveries=[one.id for one in deliveries], reason="down", per_second=0.5)
    assert isinstance(jobs(ledger).order(key, wish), JobProgress)
    clock = [0.0]
    turns = ReplayTurns(jobs=jobs(ledger), lease=HeldLease(), seconds=lambda: clock[0], wake=lambda: None)
    seen = []
    for now in (0.0, 1.9, 2.0, 3.9, 4.0, 6.0, 8.0):
        clock[0] = now
        turns.step()
        seen.append(states(ledger, deliveries).count("queued"))
    assert seen == [1, 1, 2, 2, 3, 3, 3]
    assert turns.step() is Went.IDLE


class HeldLease:
    """Always ours."""

    held = True

    def step(self) -> Went:
        return Went.IDLE


def test_an_operator_is_of_one_role_and_has_two_keys_at_most(ledger: Ledger) -> None:
    admin = operators(ledger)
    first = admin.add("binh", Role.ADMINISTRATOR)
    admin.add("binh", Role.ADMINISTRATOR)
    for role in Role:
        with pytest.raises(ValueError, match="revoke"):
            admin.add("binh", role)
    for name in ("", "a b", "a/b", "ô", "x" * 65):
        with pytest.raises(ValueError, match="no name"):
            admin.add(name, Role.MONITOR)
    assert isinstance(admin.authenticate(first.spelled), OperatorKey)
    assert [one.id for one in admin.revoke(first.key.id)] == [first.key.id]
    assert admin.revoke(first.key.id) == []
    refused = admin.authenticate(first.spelled)
    assert isinstance(refused, Rejected)
    assert refused.code is Code.OPERATOR_KEY
    with ledger.read() as view:
        assert first.spelled not in str(view.operator_keys())
    assert len(lines(ledger, "admin_operator_added")) == 2
    assert lines(ledger, "admin_operator_revoked") == [("root", f"binh {first.key.id}")]
