"""Who is late with what, found without walking the ledger, alike on both databases."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine, event

from tests.ledger_kit import OTHER, RECIPIENT, SENDER, acceptance, entered, move, one_delivery
from trunk.application.deadlines import rules
from trunk.application.punctuality import Punctuality
from trunk.domain.agency import Agency, Caller, SystemId
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryEvent
from trunk.domain.entry import EnvelopeKind
from trunk.domain.punctuality import LateKind, OverdueReport
from trunk.domain.relation import RelationKind
from trunk.domain.tracking import StatusReport
from trunk.settings import Deadlines
from trunk.storage.engine import is_sqlite
from trunk.storage.ledger import Ledger
from trunk.storage.tables import RELATION

WEDNESDAY = datetime(2026, 11, 25, 2, 0, tzinfo=UTC)  # nine o'clock in Vietnam
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
E, K = DeliveryEvent, LateKind
Ask = Callable[..., Punctuality]


@pytest.fixture
def ask(ledger: Ledger) -> Ask:
    return lambda now: Punctuality(ledger=ledger, now=lambda: now, rules=rules(Deadlines()))


def named(report: OverdueReport) -> list[tuple[str, list[LateKind]]]:
    return [(line.envelope.document_id, [late.kind for late in line.lates]) for line in report.deliveries]


def sent(ledger: Ledger, name: str, *events: DeliveryEvent, **values: Any) -> Delivery:
    delivery = one_delivery(ledger, name, octets=name.encode(), **{"at": WEDNESDAY, **values})
    with ledger.begin() as book:
        move(book, delivery.id, *events, at=values.get("at", WEDNESDAY) + MINUTE)
    return delivery


def caller(*codes: AgencyCode) -> Caller:
    return Caller(system=SystemId("s"), agencies=frozenset(codes))


def test_each_is_late_with_what_it_owes_the_longest_first(ledger: Ledger, ask: Ask) -> None:
    sent(ledger, "waits")
    sent(ledger, "urgent", urgency=2, at=WEDNESDAY + HOUR)
    sent(ledger, "taken", E.HANDED_OVER)
    sent(ledger, "received", E.HANDED_OVER, E.RECEIPTED)
    sent(ledger, "refused", E.HANDED_OVER, E.RETURNED)
    sent(ledger, "expired", E.LIFETIME_ENDED)
    sent(ledger, "recalled", E.HELD_BACK)
    sent(ledger, "fresh", at=WEDNESDAY + 9 * HOUR)
    sent(ledger, "status", kind=EnvelopeKind.STATUS)
    report = ask(WEDNESDAY + 9 * HOUR).overdue()
    assert named(report) == [
        ("urgent", [K.NOT_FETCHED, K.NOT_RECEIVED]),
        ("waits", [K.NOT_FETCHED, K.NOT_RECEIVED]),
        ("taken", [K.NOT_RECEIVED]),
    ]
    assert report.by_agency == {RECIPIENT: {K.NOT_FETCHED: 2, K.NOT_RECEIVED: 3}}


def test_nothing_is_late_before_its_hour_nor_after_it_is_forgotten(ledger: Ledger, ask: Ask) -> None:
    sent(ledger, "waits")
    assert named(ask(WEDNESDAY + 6 * HOUR).overdue()) == []
    assert named(ask(WEDNESDAY + 6 * HOUR + MINUTE).overdue()) == [("waits", [K.NOT_FETCHED])]
    assert named(ask(WEDNESDAY + 89 * DAY).overdue()) == [("waits", [K.NOT_FETCHED, K.NOT_RECEIVED])]
    forgotten = ask(WEDNESDAY + 91 * DAY).overdue()
    assert (named(forgotten), forgotten.by_agency) == ([], {})


def test_what_was_fetched_but_not_confirmed_is_not_late_with_fetching(ledger: Ledger, ask: Ask) -> None:
    delivery = sent(ledger, "waits")
    with ledger.begin() as book:
        assert book.fetched([delivery.id], at=WEDNESDAY + MINUTE)
    assert named(ask(WEDNESDAY + DAY).overdue()) == [("waits", [K.NOT_RECEIVED])]


def test_a_cut_list_still_counts_everything(ledger: Ledger, ask: Ask) -> None:
    for n in range(5):
        sent(ledger, f"d{n}", at=WEDNESDAY + n * MINUTE)
    report = ask(WEDNESDAY + DAY).overdue(limit=2, kinds={K.NOT_RECEIVED})
    assert named(report) == [("d0", [K.NOT_RECEIVED]), ("d1", [K.NOT_RECEIVED])]
    assert report.by_agency == {RECIPIENT: {K.NOT_RECEIVED: 5}}


@pytest.mark.parametrize("way", ["document_id", "document_key", "status", "unit", "stranger", "nothing"])
def test_an_answer_is_a_document_of_the_recipient_or_status_06(ledger: Ledger, ask: Ask, way: str) -> None:
    asked = sent(ledger, "asks", E.HANDED_OVER, E.RECEIPTED, due_date="2026/11/27", document_key="H41,2026/11/25,1")
    unit = AgencyCode("H41.01.01")
    with ledger.begin() as book:
        book.put_agency(Agency(code=RECIPIENT, name="Sở"))
        book.put_agency(Agency(code=unit, name="Phòng", parent=RECIPIENT, unit=True))
    if way == "status":
        finish(ledger, asked)
    elif way != "nothing":
        sender = {"unit": unit, "stranger": OTHER}.get(way, RECIPIENT)
        key = "H41,2026/11/25,1" if way == "document_key" else ""
        answer(ledger, sender=sender, document_id="" if key else "asks", document_key=key)
    expected = [("asks", [K.NOT_ANSWERED])] if way in ("stranger", "nothing") else []
    assert named(ask(WEDNESDAY + 2 * DAY).overdue()) == []
    report = ask(WEDNESDAY + 3 * DAY).overdue()
    assert (named(report), bool(report.by_agency)) == (expected, bool(expected))


def finish(ledger: Ledger, asked: Delivery) -> None:
    (status,) = entered(ledger, acceptance("06", kind=EnvelopeKind.STATUS, sender=RECIPIENT, to=(SENDER,)))
    report = StatusReport(
        envelope_id=status.envelope.id,
        code="06",
        description="",
        reporter=RECIPIENT,
        at=WEDNESDAY + DAY,
        delivery_id=asked.id,
    )
    with ledger.begin() as book:
        book.record_status(report, about=asked.envelope_id)


def answer(ledger: Ledger, *, sender: AgencyCode, document_id: str, document_key: str) -> None:
    (said,) = entered(ledger, acceptance("answers", b"a", sender=sender, to=(SENDER,), at=WEDNESDAY + HOUR))
    with ledger.begin() as book:
        move(book, said.deliveries[0].id, E.HANDED_OVER, E.RECEIPTED)
        row = {
            "envelope_id": said.envelope.id,
            "ordinal": 0,
            "place": 0,
            "kind": RelationKind.ANSWERS,
            "organ_id": "",
            "document_id": document_id,
            "document_code": "",
            "promulgation_date": "",
            "document_key": document_key,
            "organ_ids": "[]",
        }
        book._connection.execute(sa.insert(RELATION).values(row))


def test_a_system_sees_what_its_agencies_receive_and_what_they_sent(ledger: Ledger, ask: Ask) -> None:
    sent(ledger, "mine", sender=SENDER, to=(RECIPIENT,))
    sent(ledger, "to-me", sender=OTHER, to=(SENDER,))
    sent(ledger, "to-myself", sender=SENDER, to=(SENDER,))
    sent(ledger, "others", sender=OTHER, to=(RECIPIENT,))
    reports = ask(WEDNESDAY + DAY)
    seen = reports.overdue(caller=caller(SENDER))
    assert sorted(name for name, _ in named(seen)) == ["mine", "to-me", "to-myself"]
    assert {code: sum(counts.values()) for code, counts in seen.by_agency.items()} == {RECIPIENT: 2, SENDER: 4}
    assert [name for name, _ in named(reports.overdue(caller=caller(SENDER), recipient=RECIPIENT))] == ["mine"]
    found = reports.report(start=WEDNESDAY, end=WEDNESDAY + DAY, caller=caller(SENDER))
    assert [(one.agency, one.documents) for one in found] == [(SENDER, 2), (RECIPIENT, 1)]
    everything = reports.report(start=WEDNESDAY, end=WEDNESDAY + DAY)
    assert [(one.agency, one.documents) for one in everything] == [(SENDER, 2), (RECIPIENT, 2)]


def test_an_agency_is_late_also_with_what_came_under_the_codes_of_before_a_merger(ledger: Ledger, ask: Ask) -> None:
    sent(ledger, "old", to=(OTHER,))
    sent(ledger, "others", to=(SENDER,))
    with ledger.begin() as book:
        book.put_agency(Agency(code=RECIPIENT, name="Sở"))
        book.put_agency(Agency(code=OTHER, name="Sở cũ", successor=RECIPIENT))
    reports = ask(WEDNESDAY + DAY)
    assert [name for name, _ in named(reports.overdue(recipient=RECIPIENT))] == ["old"]
    assert [one.agency for one in reports.report(start=WEDNESDAY, end=WEDNESDAY + DAY, recipient=RECIPIENT)] == [OTHER]


def test_a_report_is_of_documents_accepted_in_its_time(ledger: Ledger, ask: Ask) -> None:
    sent(ledger, "before", E.HANDED_OVER, at=WEDNESDAY - MINUTE)
    sent(ledger, "first", E.HANDED_OVER, E.RECEIPTED)
    sent(ledger, "waits", at=WEDNESDAY + HOUR)
    sent(ledger, "after", at=WEDNESDAY + 2 * HOUR)
    sent(ledger, "status", kind=EnvelopeKind.STATUS)
    (one,) = ask(WEDNESDAY + DAY).report(start=WEDNESDAY, end=WEDNESDAY + 2 * HOUR)
    assert (one.agency, one.documents) == (RECIPIENT, 2)
    assert one.fetched == one.received
    assert one.fetched is not None
    assert (one.fetched.count, one.fetched.median, one.fetched.p90) == (1, 60, 60)
    assert one.late_in_period == {K.NOT_FETCHED: 1, K.NOT_RECEIVED: 1}
    assert one.late_now == {K.NOT_FETCHED: 2, K.NOT_RECEIVED: 3}


def test_no_question_walks_the_ledger(engine: Engine, ledger: Ledger, ask: Ask) -> None:
    """The planners are asked of every statement: a ledger that grows must not slow a report down."""
    sent(ledger, "waits", due_date="2026/11/27")
    asked: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", keep)
    reports = ask(WEDNESDAY + 5 * DAY)
    for who in (None, caller(RECIPIENT)):
        reports.overdue(caller=who)
        reports.report(start=WEDNESDAY, end=WEDNESDAY + DAY, caller=who)
    event.remove(engine, "before_cursor_execute", keep)
    selects = [
        (statement, given)
        for statement, given in asked
        if statement.startswith("SELECT") and "ENV" in statement.upper()
    ]
    assert selects
    for statement, given in selects:
        plan = explained(engine, statement, given)
        assert not [line for line in plan if walks(line)], (statement, plan)


def explained(engine: Engine, statement: str, given: Any) -> list[str]:
    with engine.connect() as connection:
        if is_sqlite(engine):
            return [str(row[-1]) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", given)]
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")  # a table of one row is walked gladly
        return [str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {statement}", given)]


def walks(line: str) -> bool:
    """A whole table, or a whole index of everything; the partial index of what waits is as small as that."""
    whole = line.startswith(("SCAN envelope", "SCAN delivery", "SCAN relation")) or "Seq Scan on" in line
    return whole and "ix_delivery_" not in line and "agency" not in line
