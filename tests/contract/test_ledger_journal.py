# ruff: noqa: S608, ISC004
"""The journal's chains: every way to tamper with a line is noticed, also with the triggers out of the way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

from tests.ledger_kit import AT, acceptance, entered
from trunk.domain.delivery import EnvelopeId
from trunk.domain.operator import Operator
from trunk.domain.tracking import JournalEvent
from trunk.storage.chain import Head
from trunk.storage.journal import Checked
from trunk.storage.ledger import Ledger


def _checked(ledger: Ledger, against: tuple[Head, ...] = ()) -> Checked:
    with ledger.read() as view:
        return view.check_journal(against=against, passed=lambda _: None)


def _heads(ledger: Ledger) -> tuple[Head, ...]:
    with ledger.read() as view:
        return tuple(view.journal_heads())


def _noted(ledger: Ledger, *reasons: str) -> None:
    for reason in reasons:
        with ledger.begin() as book:
            line = JournalEvent(at=AT, event="noted", actor="lan", reason=reason)
            book.note(line, envelope_id=EnvelopeId("e"))


def _by_hand(engine: Engine, *statements: str) -> None:
    """As somebody with the database's password would."""
    with engine.begin() as connection:
        _sleep(connection)
        for statement in statements:
            connection.execute(sa.text(statement))


def _sleep(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))
        return
    for trigger in ("journal_no_update", "journal_no_delete"):
        connection.execute(sa.text(f"DROP TRIGGER IF EXISTS {trigger}"))


def test_what_the_trunk_writes_is_whole(ledger: Ledger) -> None:
    entered(ledger, acceptance("1"), acceptance("2"))
    _noted(ledger, "một", "hai")
    found = _checked(ledger)
    assert (found.faults, found.chains, found.lines) == ([], 1, 7)


TAMPERING: dict[str, tuple[str, set[str]]] = {
    "edited": ("UPDATE journal SET reason = 'no' WHERE reason = 'b'", {"edited"}),
    "deleted": ("DELETE FROM journal WHERE reason = 'b'", {"missing"}),
    "truncated": ("DELETE FROM journal WHERE reason = 'd'", {"truncated"}),
    "without a link": (
        "INSERT INTO journal (at, envelope_id, event, actor, reason) SELECT at, 'e', 'noted', 'x', 'y' FROM journal"
        " WHERE reason = 'a'",
        {"inserted"},
    ),
    "inserted twice": (
        "INSERT INTO journal (at, envelope_id, event, actor, reason, node, sequence, hash)"
        " SELECT at, envelope_id, event, actor, reason, node, sequence, hash FROM journal WHERE reason = 'b'",
        {"inserted"},
    ),
    "all of it": ("DELETE FROM journal", {"truncated"}),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_noticed(ledger: Ledger, engine: Engine, how: str) -> None:
    _noted(ledger, "a", "b", "c", "d")
    statement, told = TAMPERING[how]
    _by_hand(engine, statement)
    assert {fault.what for fault in _checked(ledger).faults} == told


def test_lines_that_changed_places_are_noticed(ledger: Ledger, engine: Engine) -> None:
    _noted(ledger, "a", "b", "c", "d")
    _by_hand(
        engine,
        "UPDATE journal SET id = 1000 WHERE reason = 'b'",
        "UPDATE journal SET id = 1001 WHERE reason = 'd'",
        "UPDATE journal SET id = 1002 WHERE reason = 'c'",
    )
    assert "reordered" in {fault.what for fault in _checked(ledger).faults}


def test_a_chain_that_is_gone_with_its_head_is_missed_by_the_next(ledger: Ledger, engine: Engine) -> None:
    _noted(ledger, "a", "b")
    _noted(Ledger(engine), "c")
    node = _heads(ledger)
    gone = next(head.node for head in node if head.sequence == 3)
    _by_hand(engine, f"DELETE FROM journal WHERE node = '{gone}'", f"DELETE FROM journal_head WHERE node = '{gone}'")
    assert {fault.what for fault in _checked(ledger).faults} == {"cut_off"}


def test_an_act_whose_chain_has_ended_cannot_vanish_with_its_head(ledger: Ledger, engine: Engine) -> None:
    """A command has a chain of its own; by the time that another one is opened, the newest line is some mail's."""
    _noted(ledger, "mail")
    before = {head.node for head in _heads(ledger)}
    _noted(Ledger(engine), "an operator was added")
    (node,) = {head.node for head in _heads(ledger)} - before
    _noted(ledger, "more mail")
    assert ledger.name_chains(at=AT) == 1
    assert ledger.name_chains(at=AT) == 0, "named already"
    _noted(Ledger(engine), "another command")
    assert _checked(ledger).faults == []
    _by_hand(engine, f"DELETE FROM journal WHERE node = '{node}'", f"DELETE FROM journal_head WHERE node = '{node}'")
    assert [(fault.what, fault.node) for fault in _checked(ledger).faults] == [("cut_off", node)]


def test_a_chain_that_goes_on_is_named_again_after_a_while(ledger: Ledger, engine: Engine) -> None:
    other = Ledger(engine)
    _noted(ledger, "ours")
    _noted(other, "theirs")
    assert ledger.name_chains(at=AT) == 1
    _noted(other, "more of theirs")
    assert ledger.name_chains(at=AT + timedelta(minutes=1)) == 0
    assert ledger.name_chains(at=AT + timedelta(minutes=11)) == 1
    assert other.name_chains(at=AT) == 1, "and they name ours"
    assert _checked(ledger).faults == []


@pytest.mark.parametrize("made_up", [True, False])
def test_heads_kept_elsewhere_tell_a_journal_that_was_set_back(
    ledger: Ledger, engine: Engine, *, made_up: bool
) -> None:
    _noted(ledger, "a")
    before = _heads(ledger)
    _noted(ledger, "b")
    kept = _heads(ledger)
    assert not _checked(ledger, before).faults
    assert not _checked(ledger, kept).faults
    _by_hand(
        engine,
        "DELETE FROM journal WHERE reason = 'b'",
        f"UPDATE journal_head SET sequence = 2, hash = '{before[0].hash}'",
    )
    if made_up:
        _by_hand(
            engine,
            "INSERT INTO journal (at, envelope_id, event, actor, reason, node, sequence, hash)"
            f" SELECT at, 'e', 'noted', 'x', 'y', node, 3, '{'f' * 64}' FROM journal WHERE reason = 'a'",
        )
    whats = {fault.what for fault in _checked(ledger, kept).faults}
    assert ("rewritten" if made_up else "rolled_back") in whats


def test_a_transaction_that_fails_leaves_no_gap(ledger: Ledger) -> None:
    _noted(ledger, "a")

    def failing() -> None:
        with ledger.begin() as book:
            book.note(JournalEvent(at=AT, event="noted", actor="lan"), envelope_id=EnvelopeId("e"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()
    _noted(ledger, "b")
    assert not _checked(ledger).faults


def test_what_happens_and_its_line_are_committed_together(ledger: Ledger, engine: Engine) -> None:
    """One commit for both: a crash, or a commit that fails, leaves neither without the other."""
    commits: list[int] = []

    def count(connection: Connection) -> None:
        commits.append(connection.execute(sa.text("SELECT count(*) FROM journal")).scalar_one())

    event.listen(engine, "commit", count)
    entered(ledger, acceptance("1"))
    event.remove(engine, "commit", count)
    assert commits == [3]  # the chain's beginning, the acceptance, its acknowledgement


def test_many_writers_make_whole_chains(ledger: Ledger, engine: Engine) -> None:
    others = [ledger, Ledger(engine), Ledger(engine)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: _noted(others[n % 3], str(n)), range(60)))
    found = _checked(ledger)
    assert (found.faults, found.chains, found.lines) == ([], 3, 63)


def test_what_an_operator_does_is_a_line(engine: Engine, ledger: Ledger) -> None:
    with ledger.acting(Operator(name="an", now=lambda: AT, why="theo yêu cầu")).begin() as book:
        book.act("purged", "3 envelopes")
    with ledger.read() as view:
        (line,) = view.journal(since=None, actor="an", envelope_id="", limit=5)
    assert (line.event, line.reason) == ("admin_purged", "3 envelopes: theo yêu cầu")
