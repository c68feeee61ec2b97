"""A small town on a real SQLite ledger: three agencies, documents on their way, a clock that is moved."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from click.testing import CliRunner, Result

from trunk.application.accounts import Accounts
from trunk.application.administration import Administration
from trunk.application.copies import Copies
from trunk.application.deadlines import rules
from trunk.application.journal import HeadSeal, Journal
from trunk.application.key_file import KeyFile
from trunk.application.operators import Operators
from trunk.application.punctuality import Punctuality
from trunk.application.purge import Purge
from trunk.application.replay import Replay
from trunk.application.shared_secrets import SharedSecrets
from trunk.application.tracking import Tracking
from trunk.application.vault import Vault
from trunk.bootstrap import AdminRoom, Desk
from trunk.cli.main import trunk
from trunk.cli.world import Doors, World
from trunk.domain.agency import Agency, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryEvent, DeliveryId, EnvelopeId, advance
from trunk.domain.entry import Acceptance, Entry, EnvelopeKind, EnvelopeRecord, Payload
from trunk.domain.operator import Operator
from trunk.domain.relation import Relation
from trunk.domain.tracking import StatusReport
from trunk.errors import ConfigurationError
from trunk.settings import Deadlines, Settings
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.workers.examiners import InHouse

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
SENDER, FIRST, SECOND = AgencyCode("H41.01"), AgencyCode("H36.17"), AgencyCode("G12")
NAMES = {SENDER: "Sở Gửi", FIRST: "Sở Nhận", SECOND: "Bộ Mẫu"}
OLD = {SENDER: "000.00.01.H41", FIRST: "000.00.17.H36", SECOND: "000.00.00.G12"}


@dataclass(kw_only=True)
class Town:
    """The ledger and everything around it that a command sees."""

    ledger: Ledger
    folder: Path
    now: datetime = START
    slept: list[float] = field(default_factory=list)
    meanwhile: list[Callable[[], None]] = field(default_factory=list)  #: run one for each sleep
    environment: dict[str, str] = field(default_factory=lambda: {"LANG": "en_US.UTF-8"})
    doors: dict[str, Any] = field(default_factory=dict)  #: doors of a test's own
    trial: Any = None  #: of endpoints
    numbers: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def run(self, *arguments: str, width: int = 120, **more: Any) -> Result:
        """``trunk ARGUMENTS``, not in a terminal, ``width`` columns wide."""
        return CliRunner().invoke(
            trunk, list(arguments), obj=World(doors=self.made_doors()), env={"COLUMNS": str(width)}, **more
        )

    def json(self, *arguments: str, exit_code: int = 0) -> Any:
        result = self.run(*arguments)
        assert result.exit_code == exit_code, result.output
        return orjson.loads(result.stdout)

    def made_doors(self) -> Doors:
        own: Mapping[str, Any] = {
            "open_desk": self._desk,
            "open_administration": self._administration,
            "upgrade": lambda _settings: "0001",
            "now": lambda: self.now,
            "sleep": self._sleep,
            "monotonic": lambda: self.now.timestamp(),  # noqa: PLW0108  now moves
            "user": lambda: "an",
            "environment": self.environment,
            "examiners": lambda make, _limits: InHouse(make),  # the processes have tests of their own
        }
        return Doors(**{**own, **self.doors})

    def accept(self, number: str = "7816", *, to: tuple[str, ...] = (FIRST, SECOND), **more: Any) -> list[Delivery]:
        """A document from the sender, on its way."""
        acceptance = self.acceptance(number, to=to, **more)
        with self.ledger.begin() as book:
            book.accept([acceptance])
        return list(acceptance.entry.deliveries)

    def acceptance(
        self, number: str, *, to: tuple[str, ...] = (), relations: tuple[Relation, ...] = (), **more: Any
    ) -> Acceptance:
        """What a document from the sender enters."""
        envelope = self._record(number, **more)
        deliveries = [self._delivery(envelope, AgencyCode(code)) for code in to]
        entry = Entry(envelope=envelope, payload=_payload(envelope.id), deliveries=deliveries)
        told = self._told(envelope, AckKind.ACCEPTED)
        return Acceptance(entry=entry, acknowledgement=told, relations=relations)

    def happens(self, delivery: Delivery, *events: DeliveryEvent, after: timedelta = timedelta(minutes=5)) -> None:
        """Events of one delivery, one after the other; the sender is told where it is owed."""
        for event in events:
            self.now += after
            with self.ledger.begin() as book:
                current = book.delivery(delivery.id)
                assert current is not None
                step = advance(current, event)
                assert step is not None
                book.write(step, at=self.now, actor="relay", reason="disk full" if "failed" in event else "")
                envelope = book.view.envelope(delivery.envelope_id)
                assert envelope is not None
                if step.acknowledge:
                    book.enter(self._told(envelope, step.acknowledge, delivery.id), actor="trunk")

    def reports(self, delivery: Delivery, code: str, description: str = "", **more: Any) -> EnvelopeId:
        """A business status from the delivery's addressee."""
        return self.says("9", code, reporter=delivery.addressee, about=delivery, description=description, **more)

    def says(self, number: str, code: str, *, reporter: AgencyCode, about: Delivery | None, **more: Any) -> EnvelopeId:
        """A business status of ``reporter`` about the document of that number, on its way to an ``addressee``."""
        self.now += timedelta(minutes=1)
        with self.ledger.begin() as book:
            status = self._record(number, kind=EnvelopeKind.STATUS, sender=reporter, status_code=code)
            told = [self._delivery(status, more["addressee"])] if "addressee" in more else []
            book.enter(Entry(envelope=status, payload=_payload(status.id), deliveries=told), actor="h36-qlvb")
            values: dict[str, Any] = {
                "envelope_id": status.id,
                "code": code,
                "description": "",
                "reporter": reporter,
                "at": self.now,
                "delivery_id": about.id if about else None,
            }
            book.record_status(StatusReport(**{**values, **more}), about=about.envelope_id if about else None)
        return status.id

    def register(self) -> None:
        with self.ledger.begin() as book:
            for code, name in NAMES.items():
                book.put_agency(Agency(code=code, name=name, old_code=OLD[code]))
            book.put_system(SystemRecord(id=SystemId("h41"), name="QLVB H41", agencies=frozenset({SENDER})))

    def tracking(self) -> Tracking:
        return Tracking(
            ledger=self.ledger,
            now=lambda: self.now,
            rules=rules(Deadlines()),
        )

    def punctuality(self) -> Punctuality:
        return Punctuality(ledger=self.ledger, now=lambda: self.now, rules=rules(Deadlines()))

    def administration(self) -> Administration:
        return Administration(
            ledger=self.ledger, now=lambda: self.now, new_token=lambda n: f"{next(self.numbers):0{n}}"
        )

    @contextmanager
    def _desk(self, _settings: Settings) -> Iterator[Desk]:
        yield Desk(tracking=self.tracking(), punctuality=self.punctuality())

    @staticmethod
    def _no_seal() -> HeadSeal:
        raise ConfigurationError("this town has no seal")

    @contextmanager
    def _administration(self, _settings: Settings) -> Iterator[AdminRoom]:
        operator = Operator(name="an", now=lambda: self.now)
        payloads = PayloadStore(self.folder / "objects")
        yield AdminRoom(
            journal=Journal(ledger=self.ledger, operator=operator, seal=self._no_seal),
            copies=Copies(
                ledger=self.ledger, payloads=payloads, keys={}, operator=operator, version="0", new_id=lambda: "backup"
            ),
            purge=Purge(ledger=self.ledger, payloads=payloads, operator=operator, kept={}, new_id=lambda: "purge"),
            tracking=self.tracking(),
            replay=Replay(ledger=self.ledger, now=lambda: self.now, lifetime=timedelta(days=7)),
            administration=self.administration(),
            secrets=SharedSecrets(
                ledger=self.ledger,
                vault=Vault(file=self.folder / "vxp.key", chance=secrets.token_bytes),
                now=lambda: self.now,
                new_token=lambda n: f"{next(self.numbers):0{n}}",
            ),
            trial=lambda: self.trial,
            operators=Operators(
                ledger=self.ledger.acting(operator),
                now=lambda: self.now,
                new_token=lambda n: f"{next(self.numbers):0{n}}",
            ),
            accounts=Accounts(
                ledger=self.ledger,
                key_file=KeyFile(file=self.folder / "lgsp.key", chance=secrets.token_bytes, remedy="make-key"),
                now=lambda: self.now,
                new_token=lambda n: f"{next(self.numbers):0{n}}",
            ),
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += timedelta(seconds=seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def _record(self, number: str, *, kind: EnvelopeKind = EnvelopeKind.DOCUMENT, **more: Any) -> EnvelopeRecord:
        own = f"E{next(self.numbers):04}"
        values: dict[str, Any] = {
            "id": EnvelopeId(own),
            "kind": kind,
            "identity": own,
            "sender": SENDER,
            "system": SystemId("h41"),
            "document_id": f"H41.01,2026/11/22,{number}/STN-VP",
            "document_code": f"{number}/STN-VP",
            "subject": "Về việc chạy thử",
            "sha256": hashlib.sha256(own.encode()).hexdigest(),
            "size": len(own),
            "accepted_at": self.now,
        }
        return EnvelopeRecord(**{**values, **more})

    def _delivery(self, envelope: EnvelopeRecord, code: AgencyCode) -> Delivery:
        return Delivery(
            id=DeliveryId(f"D{next(self.numbers):04}"),
            envelope_id=envelope.id,
            addressee=code,
            urgency=envelope.urgency,
            due_at=self.now,
            expires_at=self.now + timedelta(days=7),
        )

    def _told(self, about: EnvelopeRecord, kind: AckKind, delivery: DeliveryId | None = None) -> Entry:
        record = self._record(
            "0",
            kind=EnvelopeKind.ACKNOWLEDGEMENT,
            sender=AgencyCode("TRUNK"),
            system=None,
            document_id=about.document_id,
            about=about.id,
            about_delivery=delivery,
            acknowledges=kind,
        )
        return Entry(envelope=record, payload=_payload(record.id))


def _payload(envelope_id: EnvelopeId) -> Payload:
    octets = envelope_id.encode()
    return Payload(sha256=hashlib.sha256(octets).hexdigest(), size=len(octets), octets=octets)
