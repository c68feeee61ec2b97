"""A SQLite ledger that holds much: finished documents, entered as the trunk enters them, while a trunk runs on it.

SQLite has no second voice that could multiply what is there (``filling.sql``), so each document is made here: one of
its own time and digest, without octets that anybody would read, to one recipient, with the acknowledgement of its
acceptance; both deliveries have ended, so that nothing more happens to them.
"""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import UTC, datetime, timedelta
from typing import Final

from rich.progress import track

from scripts.bench.show import console
from scripts.bench.stand import Stand
from scripts.province import SENDER
from trunk.domain import identity
from trunk.domain.agency import SystemId
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import Acceptance, Entry, EnvelopeKind, EnvelopeRecord, Payload
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

DELIVERIES_EACH: Final = 2
_PART: Final = 500  #: documents in a transaction: the trunk waits for it
_LIFETIME: Final = timedelta(days=7)
_TRUNK: Final = AgencyCode("TRUC")
_SYSTEM: Final = SystemId("bench")


def fill(stand: Stand, to: str, documents: int, *, days: float) -> int:
    """So many documents to ``to``, evenly in the last ``days``. Returns how many deliveries that is."""
    ledger, now = Ledger(open_engine(stand.province.settings().database_url)), datetime.now(UTC)  # noqa: TID251  the real year before now
    step = timedelta(days=days) / documents
    parts = [range(first, min(first + _PART, documents)) for first in range(0, documents, _PART)]
    for part in track(parts, description=f"filling the ledger with {documents:,} documents", console=console):
        with ledger.begin() as book:
            book.accept([_finished(AgencyCode(to), number, now - step * (documents - number)) for number in part])
    ledger.close()
    return documents * DELIVERIES_EACH


def _finished(to: AgencyCode, number: int, at: datetime) -> Acceptance:
    document = _record(EnvelopeKind.DOCUMENT, AgencyCode(SENDER), _SYSTEM, number, at)
    said = _record(EnvelopeKind.ACKNOWLEDGEMENT, _TRUNK, None, number, at, about=document)
    return Acceptance(
        entry=_entry(document, to),
        acknowledgement=_entry(said, AgencyCode(SENDER)),
    )


def _record(
    kind: EnvelopeKind,
    sender: AgencyCode,
    system: SystemId | None,
    number: int,
    at: datetime,
    *,
    about: EnvelopeRecord | None = None,
) -> EnvelopeRecord:
    octets = _octets(kind, number)
    sha256, document_id = hashlib.sha256(octets).hexdigest(), f"full-ledger-{number}"
    submission = identity.of_submission(sender=sender, document_id=document_id, sha256=sha256)
    return EnvelopeRecord(
        id=EnvelopeId(_id(at)),
        kind=kind,
        identity=submission if about is None else identity.of_acknowledgement(AckKind.ACCEPTED, about.identity),
        sender=sender,
        system=system,
        document_id=document_id,
        document_code=f"{number}/UBND-VX",
        subject=f"Về việc thứ {number} của một năm",
        sha256=sha256,
        size=len(octets),
        accepted_at=at,
        about=about.id if about else None,
        acknowledges=AckKind.ACCEPTED if about else None,
    )


def _octets(kind: EnvelopeKind, number: int) -> bytes:
    return f"<{kind} number='{number}'/>".encode()


def _entry(record: EnvelopeRecord, to: AgencyCode) -> Entry:
    octets = _octets(record.kind, int(record.document_id.rpartition("-")[2]))
    ended = Delivery(
        id=DeliveryId(_id(record.accepted_at)),
        envelope_id=record.id,
        addressee=to,
        state=DeliveryState.DELIVERED,
        version=2,
        due_at=record.accepted_at,
        expires_at=record.accepted_at + _LIFETIME,
        fetched_at=record.accepted_at,
    )
    return Entry(
        envelope=record,
        payload=Payload(sha256=record.sha256, size=record.size, octets=octets),
        deliveries=(ended,),
    )


def _id(at: datetime) -> str:
    """Ordered by time, as the trunk's own."""
    by_chance = secrets.token_hex(9)
    return str(uuid.UUID(f"{int(at.timestamp() * 1_000):012x}7{by_chance[:3]}8{by_chance[3:]}"))
