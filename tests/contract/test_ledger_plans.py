"""A document's way through an old ledger costs what it costs in a new one: no statement on it reads a table whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from queues.embedded import EmbeddedBroker
from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, acknowledgement, document
from tests.plans_kit import Plans
from trunk.application.acknowledge import Acknowledger
from trunk.application.advancing import Planner
from trunk.application.dispatch import Dispatch
from trunk.application.handover import Confirmed, Content, Handover, Taken
from trunk.domain.agency import Caller, Directory, SystemId
from trunk.domain.delivery import DeliveryId
from trunk.domain.entry import AlreadyThere, Entered
from trunk.domain.retry import RetrySchedule
from trunk.domain.tracking import InboxItem, InboxPage
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe
from trunk.storage.tables import ENVELOPE

LATER = AT + timedelta(hours=1)
READER = Caller(system=SystemId("sys-reader"), agencies=frozenset({RECIPIENT, OTHER}))


class Acknowledging:
    """Owes an acknowledgement for whatever happens."""

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def entry(self, *_: object, **__: object) -> object:
        return acknowledgement(document(f"ack-{next(self._numbers)}", b"<edXML/>"))


@pytest.fixture
def plans(engine: Engine) -> Plans:
    return Plans(engine)


@pytest.fixture
def handover(ledger: Ledger, scribe: Scribe, tmp_path: Path) -> Handover:
    return Handover(
        ledger=ledger,
        scribe=scribe,
        payloads=PayloadStore(tmp_path),
        planner=Planner(acknowledger=cast("Acknowledger", Acknowledging())),
        schedule=RetrySchedule(),
        now=lambda: LATER,
        chance=lambda: 0.5,
    )


@pytest.fixture
def relay(ledger: Ledger, scribe: Scribe) -> Iterator[Dispatch]:
    broker = EmbeddedBroker()
    yield Dispatch(
        ledger=ledger,
        scribe=scribe,
        broker=broker,
        directory=lambda: Directory(()),
        now=lambda: LATER,
        owner="relay",
    )
    broker.close()


def submit(scribe: Scribe, *, again: bool = False) -> None:
    numbers = range(3)
    answers = [
        scribe.accept(acceptance(f"VB-{n}", f"<edXML>{n}</edXML>".encode(), to=(RECIPIENT, OTHER), key=f"key-{n}"))
        for n in numbers
    ]
    assert {type(answer.result(20)) for answer in answers} == {AlreadyThere if again else Entered}


def inbox(handover: Handover) -> Sequence[InboxItem]:
    page = handover.inbox(READER)
    assert isinstance(page, InboxPage)
    return page.items


def test_from_submission_to_confirmation_no_table_is_read_whole(
    plans: Plans, ledger: Ledger, scribe: Scribe, relay: Dispatch, handover: Handover
) -> None:
    submit(scribe)
    submit(scribe, again=True)
    while not relay.run_once().idle:
        pass
    first, *others = inbox(handover)
    content = handover.fetch(READER, first.delivery.id)
    assert isinstance(content, Content)
    assert len(handover.fetch_small(READER, others)) == len(others) == 5
    for several in ([first], others):
        words = [(item.delivery.id, Taken(sha256=item.envelope.sha256)) for item in several]
        assert {type(answer) for answer in handover.confirm_all(READER, words)} == {Confirmed}
    with ledger.read() as view:
        assert view.track(first.envelope.id) is not None
        assert view.newest_position([SENDER])
        assert view.offered(SENDER, each=20, without=[])
        assert view.find("VB-1", seen_by=[SENDER])
    assert len(plans.asked) > 25, "what the trunk asks was looked at"
    assert not plans.whole


def test_looking_for_what_is_late_reads_no_table_whole(plans: Plans, ledger: Ledger, scribe: Scribe) -> None:
    submit(scribe)
    with ledger.begin() as book:
        assert not book.fallen_due(LATER, 10)
        assert not book.outlived(LATER, 10)
    assert not plans.whole


@pytest.mark.postgres
def test_what_is_asked_again_and_again_stays_prepared(postgres_ledger_url: str) -> None:
    """psycopg prepares at the sixth time, and forgets all of it at a ROLLBACK."""
    engine = open_engine(postgres_ledger_url, pool_size=1)
    for _ in range(8):
        with Ledger(engine).read() as view:
            view.with_envelope(DeliveryId("nobody's"))
    with engine.connect() as connection:
        prepared = connection.execute(sa.text("SELECT statement FROM pg_prepared_statements")).scalars().all()
    engine.dispose()
    assert any("JOIN" in statement for statement in prepared)


def test_a_statement_without_an_index_is_noticed(plans: Plans, engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(sa.select(ENVELOPE.c.id).where(ENVELOPE.c.subject == "x"))
    assert list(plans.whole.values()) == [{"envelope"}]
