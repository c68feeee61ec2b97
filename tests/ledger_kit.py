"""What the tests of the ledger share: a fresh ledger on each database, and things to enter in it."""

from __future__ import annotations

import hashlib
import itertools
import shutil
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from scripts.private_postgresql import PostgresServer
from trunk.domain import identity
from trunk.domain.agency import SystemId
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryEvent, DeliveryId, EnvelopeId, Step, advance
from trunk.domain.entry import (
    Acceptance,
    AcceptedEnvelope,
    Entered,
    Entry,
    EntryResult,
    EnvelopeKind,
    EnvelopeRecord,
    Payload,
)
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Book, Ledger
from trunk.storage.scribe import Scribe
from trunk.storage.tables import COUNTER, METADATA

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
LIFETIME = timedelta(days=7)
SENDER = AgencyCode("H41")
RECIPIENT = AgencyCode("H41.01")
OTHER = AgencyCode("H41.02")
TRUNK = AgencyCode("TRUC")
SYSTEM = SystemId("h41-qlvb")
DATABASES = ("sqlite", pytest.param("postgresql", marks=pytest.mark.postgres))

_serial = itertools.count(1)


def new_id() -> str:
    """Ids of one run are ordered, as the trunk's are."""
    return f"id{next(_serial):08}"


def payload(octets: bytes) -> Payload:
    return Payload(sha256=hashlib.sha256(octets).hexdigest(), size=len(octets), octets=octets)


def delivery(envelope_id: str, addressee: AgencyCode = RECIPIENT, *, urgency: int = 0, at: datetime = AT) -> Delivery:
    return Delivery(
        id=DeliveryId(new_id()),
        envelope_id=EnvelopeId(envelope_id),
        addressee=addressee,
        urgency=urgency,
        due_at=at,
        expires_at=at + LIFETIME,
    )


def document(document_id: str, octets: bytes, *, at: datetime = AT, **values: object) -> EnvelopeRecord:
    given: dict[str, object] = {
        "id": EnvelopeId(new_id()),
        "kind": EnvelopeKind.DOCUMENT,
        "sender": SENDER,
        "system": SYSTEM,
        "document_id": document_id,
        "document_code": f"{document_id}/UBND-VX",
        "subject": f"Về việc {document_id}",
        "accepted_at": at,
        **values,
    }
    sha256 = hashlib.sha256(octets).hexdigest()
    key = identity.of_submission(sender=AgencyCode(str(given["sender"])), document_id=document_id, sha256=sha256)
    return EnvelopeRecord(**{"identity": key, "sha256": sha256, "size": len(octets), **given})


def acknowledgement(about: EnvelopeRecord, kind: AckKind = AckKind.ACCEPTED, *, sealed: bytes | None = None) -> Entry:
    octets = sealed or f"<sealed {kind} {about.id}>".encode()
    record = EnvelopeRecord(
        id=EnvelopeId(new_id()),
        kind=EnvelopeKind.ACKNOWLEDGEMENT,
        identity=identity.of_acknowledgement(kind, about.identity),
        sender=TRUNK,
        system=None,
        document_id=about.document_id,
        sha256=hashlib.sha256(octets).hexdigest(),
        size=len(octets),
        accepted_at=about.accepted_at,
        about=about.id,
        acknowledges=kind,
    )
    back = delivery(record.id, about.sender, urgency=about.urgency, at=about.accepted_at)
    return Entry(envelope=record, payload=payload(octets), deliveries=(back,))


def acceptance(
    document_id: str = "VB-1",
    octets: bytes = b"<edXML/>",
    *,
    to: Collection[AgencyCode] = (RECIPIENT,),
    key: str | None = None,
    at: datetime = AT,
    **values: object,
) -> Acceptance:
    """A submission, with ids of its own each time: the same document twice is what a sender's repetition makes."""
    record = document(document_id, octets, at=at, **values)
    deliveries = tuple(delivery(record.id, code, urgency=record.urgency, at=at) for code in to)
    entry = Entry(envelope=record, payload=payload(octets), deliveries=deliveries)
    return Acceptance(entry=entry, acknowledgement=acknowledgement(record), idempotency_key=key)


def accept(ledger: Ledger, *acceptances: Acceptance) -> list[EntryResult]:
    with ledger.begin() as book:
        return book.accept(acceptances)


def entered(ledger: Ledger, *acceptances: Acceptance) -> list[AcceptedEnvelope]:
    """Accept them; they must be new."""
    results = accept(ledger, *acceptances)
    assert all(isinstance(result, Entered) for result in results)
    return [result.accepted for result in results if isinstance(result, Entered)]


def one_delivery(ledger: Ledger, document_id: str = "VB-1", **values: object) -> Delivery:
    """A document on its way to one agency."""
    (accepted,) = entered(ledger, acceptance(document_id, **values))
    return accepted.deliveries[0]


def step(current: Delivery, event: DeliveryEvent, *, due_at: datetime | None = None) -> Step:
    worked_out = advance(current, event, due_at=due_at)
    assert worked_out is not None
    return worked_out


def move(book: Book, delivery_id: DeliveryId, *events: DeliveryEvent, at: datetime = AT) -> Delivery:
    """Walk a delivery through ``events``."""
    for event in events:
        current = book.delivery(delivery_id)
        assert current is not None
        assert book.write(step(current, event), at=at, actor="test")
    moved = book.delivery(delivery_id)
    assert moved is not None
    return moved


def lease(book: Book, limit: int = 1_000, *, now: datetime = AT, owner: str = "relay") -> list[str]:
    """The message ids of what was leased for a minute."""
    return [e.message_id for e in book.lease(limit, now=now, until=now + timedelta(minutes=1), owner=owner)]


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_ledger_url(postgres_server: PostgresServer) -> str:
    """One database for all tests: making one takes longer than most of them, and so does its end."""
    url = postgres_server.new_database()
    engine = open_engine(url)
    migrate.upgrade(engine)
    engine.dispose()
    return url


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty ledger with all its tables, on each of the two databases."""
    if request.param == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "ledger.db")
        return f"sqlite:///{tmp_path}/ledger.db"
    url: str = request.getfixturevalue("postgres_ledger_url")
    _empty(url)
    return url


def _empty(url: str) -> None:
    engine = open_engine(url)
    names = ", ".join(table.name for table in METADATA.sorted_tables if table is not COUNTER)
    with engine.begin() as connection:
        connection.execute(sa.text("SET LOCAL session_replication_role = replica"))  # the journal's trigger sleeps
        connection.execute(sa.text(f"TRUNCATE {names} RESTART IDENTITY"))
        connection.execute(sa.update(COUNTER).values(value=0))
    engine.dispose()


@pytest.fixture
def engine(ledger_url: str) -> Iterator[Engine]:
    engine = open_engine(ledger_url)
    yield engine
    engine.dispose()


@pytest.fixture
def ledger(engine: Engine) -> Ledger:
    return Ledger(engine)


@pytest.fixture
def scribe(ledger: Ledger) -> Iterator[Scribe]:
    scribe = Scribe(ledger)
    yield scribe
    scribe.close()
