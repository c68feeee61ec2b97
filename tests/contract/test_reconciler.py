"""The reconciler: what nothing else would send is sent, what cannot be right is set aside, and nothing twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

import pika
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from queues import names
from queues.broker import QueueError
from queues.embedded import EmbeddedBroker
from queues.rabbitmq import RabbitBroker, Tuning
from scripts.private_rabbitmq import RabbitServer
from tests.contract.test_broker import eventually
from tests.ledger_kit import AT, RECIPIENT, lease, move, one_delivery, step
from trunk.application.dispatch import Dispatch
from trunk.application.reconcile import Pace, Reconciled, Reconciler
from trunk.domain.agency import Agency, DeliveryMode, Directory
from trunk.domain.ailment import Ailment
from trunk.domain.delivery import DeliveryEvent, DeliveryId, DeliveryState
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.storage.leases import HOUSEKEEPING, LONGER
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.storage.tables import DELIVERY, LEASE, OUTBOX
from trunk.workers.loops import Went
from trunk.workers.steps import reconcile_step
from trunk.workers.uplink.lease import Lease

SECOND = timedelta(seconds=1)


@dataclass
class Night:
    """A reconciler, a relay, and a clock that is moved."""

    ledger: Ledger
    scribe: Scribe
    broker: EmbeddedBroker | RabbitBroker
    mode: DeliveryMode = DeliveryMode.AMQP
    at: datetime = AT
    pace: Pace = field(default_factory=Pace)

    def __post_init__(self) -> None:
        self.reconciler = Reconciler(
            ledger=self.ledger,
            scribe=self.scribe,
            broker=self.broker,
            directory=lambda: Directory([Agency(code=RECIPIENT, name="Sở Mẫu", mode=self.mode)]),
            now=lambda: self.at,
            pace=self.pace,
        )
        self.relay = self.new_relay()

    def new_relay(self) -> Dispatch:
        return Dispatch(
            ledger=self.ledger,
            scribe=self.scribe,
            broker=self.broker,
            directory=lambda: Directory(()),
            now=lambda: self.at,
            owner="relay",
        )

    def passes(self, after: timedelta = SECOND) -> Reconciled:
        self.at += after
        return self.reconciler.run_once()

    def state(self, delivery_id: str) -> DeliveryState:
        with self.ledger.read() as view:
            found = view.delivery(delivery_id)
        assert found is not None
        return found.state


@pytest.fixture
def night(ledger: Ledger, scribe: Scribe) -> Iterator[Night]:
    broker = EmbeddedBroker()
    yield Night(ledger=ledger, scribe=scribe, broker=broker)
    broker.close()


def rows(engine: Engine, table: sa.Table) -> Sequence[sa.Row[tuple[object, ...]]]:
    with engine.connect() as connection:
        return connection.execute(sa.select(table)).all()


def edit(engine: Engine, statement: sa.Update | sa.Delete | sa.Insert) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


def test_what_is_well_is_left_alone(night: Night, engine: Engine) -> None:
    one_delivery(night.ledger)
    before = rows(engine, OUTBOX)
    assert night.passes().idle
    assert rows(engine, OUTBOX) == before


def test_what_is_queued_without_a_notice_gets_one_and_only_one(night: Night, engine: Engine) -> None:
    delivery = one_delivery(night.ledger)
    edit(engine, sa.delete(OUTBOX))
    assert night.passes().put_back == 2  # the document and the acknowledgement
    assert night.passes().idle
    with night.ledger.begin() as book:
        assert f"{delivery.id}.0" in lease(book, now=night.at)
    with night.ledger.read() as view:
        track = view.track(delivery.envelope_id)
    assert track is not None
    line = track.deliveries[0].timeline[-1]
    assert (line.event, line.actor, line.reason) == (DeliveryEvent.BROKER_FORGOT, "reconciler", Ailment.UNQUEUED)
    with night.ledger.read() as view:
        assert view.check_journal(against=(), passed=lambda _: None).faults == []


def test_a_leased_notice_is_no_lost_one(night: Night) -> None:
    one_delivery(night.ledger)
    with night.ledger.begin() as book:
        lease(book)
    assert night.passes().idle


def test_an_entry_without_its_delivery_is_set_aside_and_the_others_go_on(night: Night, engine: Engine) -> None:
    delivery = one_delivery(night.ledger)
    orphan = {"delivery_id": "gone", "version": 0, "urgency": 4, "ready_at": AT, "owner": None}
    edit(engine, sa.insert(OUTBOX).values(orphan))
    assert night.passes().set_aside == 1
    assert night.passes().idle
    with night.ledger.read() as view:
        (aside,) = view.looking.set_aside()
    assert (aside.code, aside.reference) == (Ailment.ORPHAN, "gone")
    night.relay.run_once()
    assert night.state(delivery.id) == DeliveryState.DISPATCHED


def test_a_lease_of_an_entry_from_the_future_ends_now(night: Night, engine: Engine) -> None:
    delivery = one_delivery(night.ledger)
    edit(engine, sa.update(OUTBOX).values(ready_at=AT + timedelta(days=400), owner="a wrong clock"))
    assert night.relay.run_once().idle
    assert night.passes().freed == 2
    night.relay.run_once()
    assert night.state(delivery.id) == DeliveryState.DISPATCHED


def test_work_that_is_leased_into_the_future_is_free_now(night: Night, engine: Engine) -> None:
    edit(engine, sa.insert(LEASE).values(name="uplink:national", owner="zombie", until=AT + timedelta(days=3)))
    edit(engine, sa.insert(LEASE).values(name="other", owner="alive", until=AT + 20 * SECOND))
    assert night.passes().leases_freed == 1
    assert [row.name for row in rows(engine, LEASE)] == ["other"]


def test_a_backup_keeps_its_octets_for_as_long_as_it_takes(night: Night, engine: Engine) -> None:
    edit(engine, sa.insert(LEASE).values(name=HOUSEKEEPING, owner="a backup", until=AT + LONGER[HOUSEKEEPING]))
    assert night.passes().idle
    assert [row.name for row in rows(engine, LEASE)] == [HOUSEKEEPING]
    edit(engine, sa.update(LEASE).values(until=AT + 3 * LONGER[HOUSEKEEPING]))
    assert night.passes().leases_freed == 1


def test_a_link_whose_end_is_known_here_is_closed(night: Night) -> None:
    delivery = one_delivery(night.ledger)
    link = HubLink(
        id="l1", hub="national", direction=Direction.UP, remote_id="r1", state=LinkState.OPEN, at=AT,
        envelope_id=delivery.envelope_id, delivery_id=delivery.id,
    )  # fmt: skip
    with night.ledger.begin() as book:
        book.hub_links.put(link)
    assert night.passes().idle
    with night.ledger.begin() as book:
        current = book.delivery(delivery.id)
        assert current is not None
        book.write(step(current, DeliveryEvent.RECEIPTED), at=AT, actor="test")
    assert night.passes().links_closed == 1
    assert night.passes().idle


def sent_up(night: Night) -> DeliveryId:
    delivery = one_delivery(night.ledger)
    with night.ledger.begin() as book:
        book.hub_links.put(
            HubLink(
                id="l1", hub="national", direction=Direction.UP, remote_id="r1", state=LinkState.OPEN, at=AT,
                envelope_id=delivery.envelope_id, delivery_id=delivery.id,
            )
        )  # fmt: skip
    return delivery.id


def test_the_other_hub_is_asked_about_what_only_our_own_lifetime_ended(night: Night) -> None:
    delivery_id = sent_up(night)
    with night.ledger.begin() as book:
        move(book, delivery_id, DeliveryEvent.LIFETIME_ENDED)
    assert night.passes(after=timedelta(days=89)).idle
    assert night.passes(after=timedelta(days=2)).links_closed == 1


def test_a_link_is_not_closed_when_its_mail_was_sent_anew_since_somebody_looked(night: Night) -> None:
    delivery_id = sent_up(night)
    with night.ledger.begin() as book:
        move(book, delivery_id, DeliveryEvent.RECEIPTED)
    with night.ledger.read() as view:
        assert view.looking.finished_links(9, now=AT) == ["l1"]
    with night.ledger.begin() as book:
        book._connection.execute(sa.update(DELIVERY).values(state=DeliveryState.DISPATCHED, waiting=True))
    with night.ledger.begin() as book:
        assert book.mending.close_links(["l1"], now=AT) == 0


def test_an_agency_that_pulls_needs_no_broker(night: Night) -> None:
    night.mode = DeliveryMode.PULL
    one_delivery(night.ledger)
    night.relay.run_once()
    assert night.passes(after=timedelta(days=2)).idle


def test_a_notice_that_nobody_took_is_published_again_ever_more_seldom(night: Night) -> None:
    delivery = one_delivery(night.ledger)
    night.relay.run_once()
    assert night.passes(after=10 * SECOND).idle
    published = []
    for minute in range(24 * 60):
        night.broker.close()  # what was in memory is gone
        night.broker = night.reconciler.broker = EmbeddedBroker()
        night.broker.declare([RECIPIENT])
        if night.passes(after=60 * SECOND).published_again:
            published.append(minute)
            assert night.state(delivery.id) == DeliveryState.QUEUED
            assert night.reconciler.run_once().idle  # nothing twice
            night.new_relay().run_once()
    assert len(published) <= 12
    assert published[0] == 0
    night.broker.close()


def test_what_a_clock_that_was_ahead_has_published_waits_for_no_other_day(night: Night) -> None:
    delivery = one_delivery(night.ledger)
    night.relay.run_once()
    night.broker.close()
    night.broker = night.reconciler.broker = EmbeddedBroker()
    night.broker.declare([RECIPIENT])
    assert night.passes(after=timedelta(days=1)).published_again == 1  # by a process whose clock is a day ahead
    night.new_relay().run_once()
    night.broker.close()  # and its notice is lost
    night.broker = night.reconciler.broker = EmbeddedBroker()
    night.broker.declare([RECIPIENT])
    assert night.passes(after=-timedelta(days=1)).published_again == 1
    with night.ledger.read() as view:
        found = view.delivery(delivery.id)
    assert found is not None
    assert found.due_at == night.at
    night.new_relay().run_once()
    assert night.passes().idle
    night.broker.close()


def test_other_notices_in_the_queue_give_it_more_patience(night: Night) -> None:
    one_delivery(night.ledger)
    night.relay.run_once()  # the notice stands in its queue
    assert night.passes(after=timedelta(minutes=29)).idle
    assert night.passes(after=timedelta(minutes=2)).published_again == 1


def test_a_walk_reaches_everybody_in_turn(night: Night) -> None:
    night.reconciler.pace = Pace(batch=2)
    for n in range(5):
        one_delivery(night.ledger, f"VB-{n}", octets=str(n).encode())
    night.relay.run_once()
    done = [night.passes(after=timedelta(hours=1) if n == 0 else SECOND).published_again for n in range(4)]
    assert done[:3] == [2, 2, 1]


def test_a_broker_that_is_away_stops_no_other_repair(
    night: Night, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_delivery(night.ledger)
    night.relay.run_once()
    one_delivery(night.ledger, "VB-2", octets=b"2")
    edit(engine, sa.delete(OUTBOX))

    def away(_: str) -> int:
        raise QueueError("away")

    monkeypatch.setattr(night.broker, "waiting", away)
    done = night.passes(after=timedelta(hours=2))
    assert (done.put_back, done.published_again) == (2, 0)


def test_one_process_at_a_time_reconciles(night: Night, engine: Engine) -> None:
    one_delivery(night.ledger)
    edit(engine, sa.delete(OUTBOX))
    leases = [Lease(name="reconciler", owner=o, scribe=night.scribe, now=lambda: night.at) for o in "ab"]
    first, second = (reconcile_step(night.reconciler, lease) for lease in leases)
    assert first() is Went.IDLE
    edit(engine, sa.delete(OUTBOX))
    assert second() is Went.IDLE
    assert not rows(engine, OUTBOX)  # the other one has the work
    night.at += timedelta(minutes=1)  # the first fell silent
    second()
    assert len(rows(engine, OUTBOX)) == 2


def test_the_reconcilers_own_lease_from_the_future_stops_it_not(night: Night, engine: Engine) -> None:
    one_delivery(night.ledger)
    edit(engine, sa.delete(OUTBOX))
    edit(engine, sa.insert(LEASE).values(name="reconciler", owner="zombie", until=AT + timedelta(days=400)))
    mine = Lease(name="reconciler", owner="a", scribe=night.scribe, now=lambda: night.at)
    reconcile_step(night.reconciler, mine)()
    assert len(rows(engine, OUTBOX)) == 2
    assert [row.owner for row in rows(engine, LEASE)] == ["a"]


# RabbitMQ


@pytest.fixture
def rabbit(rabbitmq_url: str) -> Iterator[RabbitBroker]:
    tuning = Tuning(connect_timeout_seconds=5, pause_most_seconds=0.5, newborn_seconds=0)
    broker = RabbitBroker(rabbitmq_url, confirm_timeout_seconds=5, tuning=tuning)
    yield broker
    broker.close()


def vhost(url: str) -> str:
    return unquote(urlsplit(url).path.removeprefix("/"))


def user(url: str) -> str:
    return urlsplit(url).username or "guest"


def gone(broker: RabbitBroker) -> bool:
    try:
        return broker.waiting(RECIPIENT) is None
    except QueueError:
        return False


@pytest.mark.rabbitmq
def test_a_queue_that_was_deleted_comes_back_with_its_notices(
    ledger: Ledger, scribe: Scribe, rabbit: RabbitBroker, rabbitmq_url: str
) -> None:
    night = Night(ledger=ledger, scribe=scribe, broker=rabbit)
    delivery = one_delivery(ledger)
    night.relay.run_once()
    eventually(lambda: rabbit.waiting(RECIPIENT) == 1)
    assert rabbit.waiting("nobody") is None
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    connection.channel().queue_delete(names.encode(RECIPIENT))
    connection.close()
    assert rabbit.waiting(RECIPIENT) is None
    assert night.passes(after=16 * SECOND).published_again == 1
    assert night.passes().idle
    night.relay.run_once()
    assert night.state(delivery.id) == DeliveryState.DISPATCHED
    eventually(lambda: rabbit.waiting(RECIPIENT) == 1)


@pytest.mark.rabbitmq
def test_what_a_wiped_volume_held_comes_back(
    ledger: Ledger, scribe: Scribe, rabbit: RabbitBroker, rabbitmq_url: str, rabbitmq_server: RabbitServer
) -> None:
    night = Night(ledger=ledger, scribe=scribe, broker=rabbit)
    one_delivery(ledger)
    night.relay.run_once()
    eventually(lambda: rabbit.waiting(RECIPIENT) == 1)
    for command in (("delete_vhost",), ("add_vhost",)):  # everything in the virtual host goes, as with its volume
        rabbitmq_server.ctl(*command, vhost(rabbitmq_url))
    rabbitmq_server.ctl("set_permissions", "-p", vhost(rabbitmq_url), user(rabbitmq_url), ".*", ".*", ".*")
    eventually(lambda: gone(rabbit))
    assert night.passes(after=16 * SECOND).published_again == 1
    night.relay.run_once()
    eventually(lambda: rabbit.waiting(RECIPIENT) == 1)
