"""Use cases that are played, so that the doors can be tried alone: what they were asked, and what they answer."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import threading
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from signing.evidence import Evidence, Wanted
from signing.examination import Examination
from trunk.application.directory import Edition
from trunk.application.handover import Confirmed, Content, Failed, Taken
from trunk.application.responders import Responders
from trunk.application.submission import Examined, Submission
from trunk.domain.agency import Agency, Caller, Directory, SystemId
from trunk.domain.change_request import ChangeRequest, RequestKind, RequestState
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, DeliveryState, EnvelopeId
from trunk.domain.entry import AcceptedEnvelope, EnvelopeKind, EnvelopeRecord
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.domain.outcome import Accepted, Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.relation import RelatedDocument, RelationKind, Spoken
from trunk.domain.tracking import (
    WHOLE_INBOX,
    AcknowledgementRecord,
    DeliveryTrack,
    EnvelopeTrack,
    InboxCursor,
    InboxItem,
    InboxPage,
    InboxSelection,
    JournalEvent,
    ListedStatus,
    StatusReport,
    StatusSearch,
)
from trunk.http.app import Doors
from trunk.http.errands import Errands
from trunk.http.waiting import WaitingRoom
from trunk.settings import Http

AT = datetime(2026, 11, 22, 1, 30, 0, 125_999, tzinfo=UTC)
OCTETS = b"<edXML>Van ban</edXML>"
DIGEST = hashlib.sha256(OCTETS).hexdigest()
SENDER, RECIPIENT, STRANGER = AgencyCode("H41"), AgencyCode("H36.17"), AgencyCode("G12")
KEYS = {"edoc_s_1": SENDER, "edoc_r_1": RECIPIENT, "edoc_x_1": STRANGER}


def envelope(**changes: Any) -> EnvelopeRecord:
    record = EnvelopeRecord(
        id=EnvelopeId("E1"),
        kind=EnvelopeKind.DOCUMENT,
        identity="i",
        sender=SENDER,
        system=SystemId("h41"),
        document_id="H41,2026/11/22,7/STN",
        document_code="7/STN",
        subject="V/v thử",
        sha256=DIGEST,
        size=len(OCTETS),
        accepted_at=AT,
    )
    return dataclasses.replace(record, **changes)


def delivery(**changes: Any) -> Delivery:
    made = Delivery(
        id=DeliveryId("D1"),
        envelope_id=EnvelopeId("E1"),
        addressee=RECIPIENT,
        due_at=AT,
        expires_at=AT + timedelta(days=7),
    )
    return dataclasses.replace(made, **changes)


def accepted(**changes: Any) -> AcceptedEnvelope:
    told = envelope(
        id=EnvelopeId("A1"), kind=EnvelopeKind.ACKNOWLEDGEMENT, acknowledges=AckKind.ACCEPTED, about=EnvelopeId("E1")
    )
    return AcceptedEnvelope(
        envelope=envelope(**changes), deliveries=[delivery()], acknowledgement=told, sealed=b"<ack/>"
    )


def status(number: int = 1, **changes: Any) -> ListedStatus:
    """A status that the recipient reported."""
    record = envelope(id=EnvelopeId(f"S{number}"), kind=EnvelopeKind.STATUS, sender=RECIPIENT, status_code="03")
    report = StatusReport(
        envelope_id=record.id,
        code="03",
        description="đã vào sổ",
        reporter=RECIPIENT,
        at=AT,
        delivery_id=DeliveryId("D1"),
        addressee=SENDER,
        said_at=AT,
    )
    return dataclasses.replace(ListedStatus(report=report, envelope=record, about=EnvelopeId("E1")), **changes)


def track(**changes: Any) -> EnvelopeTrack:
    event = JournalEvent(at=AT, event="published", actor="relay", state=DeliveryState.DISPATCHED)
    ordered = JournalEvent(at=AT, event="replay_ordered", actor="Nguyen Van A", reason="the disk of Mr. B")
    told = accepted(**changes)
    asked = ChangeRequest(
        id="R1",
        kind=RequestKind.RECALL,
        state=RequestState.OPEN,
        delivery_id=DeliveryId("D1"),
        envelope_id=EnvelopeId("E1"),
        asked_by=EnvelopeId("S13"),
        asked_at=AT,
        reason="nhầm nơi nhận",
    )
    link = HubLink(id="L1", hub="national", direction=Direction.UP, remote_id="77", state=LinkState.OPEN, at=AT)
    update = RelatedDocument(
        kind=RelationKind.UPDATES,
        forward=False,
        spoken=Spoken(document_id=told.envelope.document_id),
        envelope_id=EnvelopeId("E2"),
        document_code="8/STN",
        document_id="H41,2026/11/23,8/STN",
    )
    other = DeliveryTrack(delivery=delivery(id="D9"), name="Cục", position=5, timeline=[], statuses=[])
    return EnvelopeTrack(
        envelope=told.envelope,
        deliveries=[
            DeliveryTrack(
                delivery=delivery(),
                name="Sở",
                position=4,
                timeline=[event, ordered],
                statuses=[status().report],
                fetched_at=AT,
                requests=[asked],
                links=[link],
            ),
            other,
        ],
        related=[update],
        acknowledgements=[AcknowledgementRecord(envelope=told.acknowledgement, sealed=told.sealed)],
        timeline=[event],
    )


@dataclass
class FakeRegistry:
    asked: list[str] = field(default_factory=list)
    fault: Exception | None = None
    fresh: bool = True

    def authenticate(self, key: str) -> Caller | Rejected:
        self.asked.append(key)
        if self.fault:
            raise self.fault
        agency = KEYS.get(key)
        if agency is None:
            return refuse(Code.UNAUTHENTICATED)
        return Caller(system=SystemId(f"system-{agency}"), agencies=frozenset({agency}))

    def directory(self) -> Directory:
        return Directory([Agency(code=RECIPIENT, name="Sở", old_code="000.00.17.H36"), Agency(code=SENDER, name="Bộ")])

    def edition(self, *, since: int = 0) -> Edition:
        """Version 7; the recipient changed in 3, the sender in 7."""
        directory = self.directory()
        changes = zip(directory.agencies, (3, 7), strict=True)
        changed = [dataclasses.replace(a, changed=n, changed_at=AT) for a, n in changes if n > since or since > 7]
        return Edition(directory=directory, version=7, changed=changed)


@dataclass
class FakeExaminers:
    apart: bool = True
    waiting: int = 0
    ended: dict[str, int] = field(default_factory=dict)


@dataclass
class FakeFetcher:
    """Keeps what was wanted; what waits for it waits until ``fetched`` is set."""

    wanted: list[Wanted] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)
    fetched: threading.Event | None = None
    responders: Responders = field(default_factory=Responders)

    def want(self, items: Iterable[Wanted], *, caller: str) -> None:
        assert caller
        self.wanted.extend(items)

    async def settled(self, items: Iterable[Wanted], *, timeout: float, caller: str) -> bool:  # noqa: ASYNC109
        assert caller
        self.timeouts.append(timeout)
        return self.fetched is None or await asyncio.to_thread(self.fetched.wait, 20)

    def status(self) -> Responders:
        return self.responders


@dataclass
class FakeIntake:
    """Keeps what it was given; finds what ``finds`` says in turn; answers with ``outcome``, or raises it."""

    outcome: Any = None
    finds: list[Any] = field(default_factory=list)
    examiners: FakeExaminers = field(default_factory=FakeExaminers)
    seen: list[tuple[Submission, bytes]] = field(default_factory=list)
    decided_on: list[Any] = field(default_factory=list)
    threads: list[str] = field(default_factory=list)
    gate: threading.Event | None = None

    def look(self, submission: Submission, at: datetime) -> Future[Any]:
        octets = submission.octets
        self.seen.append((submission, octets if isinstance(octets, bytes) else octets.read_bytes()))
        found: Future[Any] = Future()
        found.set_result(self.finds.pop(0) if self.finds else Examination(message=None, report=None))
        return found

    def decide(self, submission: Submission, found: Any, at: datetime) -> Any:
        self.decided_on.append(found)
        self.threads.append(threading.current_thread().name)
        if self.gate:
            self.gate.wait(20)
        return self.outcome if isinstance(self.outcome, Rejected) else "prepared"

    def enter(self, prepared: Any) -> Future[Accepted | Rejected]:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        done: Future[Accepted | Rejected] = Future()
        done.set_result(self.outcome or Accepted(accepted=accepted()))
        return done

    def rehearse(self, submission: Submission, found: Any, at: datetime) -> Examined:
        flaws = self.outcome.flaws if isinstance(self.outcome, Rejected) else ()
        return Examined(readable=None, flaws=flaws)


@dataclass
class FakeHandover:
    content: bytes | Path = OCTETS
    entered_as: str = ""  #: the digest in the ledger; empty: that of the content
    after_fetch: Callable[[], object] = lambda: None
    items: list[InboxItem] = field(default_factory=list)
    position: int = 0
    asked: list[Any] = field(default_factory=list)
    fault: Exception | None = None

    def inbox(
        self,
        caller: Caller,
        *,
        agencies: Collection[AgencyCode] = (),
        after: InboxCursor | None = None,
        limit: int = 100,
        only: InboxSelection = WHOLE_INBOX,
    ) -> InboxPage | Rejected:
        self.asked.append((agencies, after, limit))
        if not frozenset(agencies) <= caller.agencies:
            return refuse(Code.NOT_FOUND, path="agency")
        return InboxPage(items=self.items[:limit], next=InboxCursor(floor=self.position, window=self.position))

    def newest(self, agencies: Collection[AgencyCode]) -> Mapping[AgencyCode, int]:
        return dict.fromkeys(agencies, self.position)

    def fetch(self, caller: Caller, delivery_id: DeliveryId) -> Content | Rejected:
        if self.fault:
            raise self.fault
        if delivery_id != "D1" or not caller.speaks_for(RECIPIENT):
            return refuse(Code.NOT_FOUND, got=delivery_id)
        octets = self.content.read_bytes() if isinstance(self.content, Path) else self.content
        record = envelope(size=len(octets), sha256=self.entered_as or hashlib.sha256(octets).hexdigest())
        self.after_fetch()
        return Content(envelope=record, delivery=delivery(), octets=self.content)

    def confirm(self, caller: Caller, delivery_id: DeliveryId, word: Taken | Failed) -> Confirmed | Rejected:
        self.asked.append(word)
        if delivery_id != "D1" or not caller.speaks_for(RECIPIENT):
            return refuse(Code.NOT_FOUND, got=delivery_id)
        if isinstance(word, Taken) and word.sha256 != DIGEST:
            return refuse(Code.WRONG_DIGEST, path="sha256", expected=DIGEST, got=word.sha256)
        repeated = len(self.asked) > 1
        return Confirmed(delivery=delivery(state=DeliveryState.DELIVERED, version=2), repeated=repeated)

    def confirm_all(
        self, caller: Caller, said: Sequence[tuple[DeliveryId, Taken | Failed]]
    ) -> list[Confirmed | Rejected]:
        return [self.confirm(caller, delivery_id, word) for delivery_id, word in said]

    def fetch_small(self, caller: Caller, items: Sequence[InboxItem]) -> dict[DeliveryId, bytes]:
        octets = self.content.read_bytes() if isinstance(self.content, Path) else self.content
        return {item.delivery.id: octets for item in items}


@dataclass
class FakeTracking:
    verdict: str = "{}"
    evidence: dict[str, Evidence] = field(default_factory=dict)
    told: list[ListedStatus] = field(default_factory=list)
    searches: list[StatusSearch] = field(default_factory=list)

    def statuses(self, search: StatusSearch, *, caller: Caller | None = None) -> list[ListedStatus]:
        self.searches.append(search)
        assert caller
        return self.told[: search.limit]

    def statuses_before(self, caller: Caller, last: EnvelopeId, search: StatusSearch) -> list[ListedStatus] | Rejected:
        found = [line.envelope.id for line in self.told]
        if last not in found:
            return refuse(Code.BAD_REQUEST, path="before", got=last)
        return self.told[found.index(last) + 1 :][: search.limit]

    def requests(self, deliveries: Collection[DeliveryId]) -> Mapping[DeliveryId, list[ChangeRequest]]:
        return {one.delivery.id: list(one.requests) for one in track().deliveries if one.delivery.id in deliveries}

    def find(self, reference: str, *, caller: Caller | None = None) -> list[EnvelopeRecord]:
        return [envelope()] if reference in ("E1", "D1", "D9", envelope().document_id) else []

    def track_for(self, caller: Caller, envelope_id: EnvelopeId) -> EnvelopeTrack | Rejected:
        if envelope_id == "E1" and caller.agencies & {SENDER, RECIPIENT}:
            return track(verdict=self.verdict)
        return refuse(Code.NOT_FOUND, got=envelope_id)

    def envelope_for(self, caller: Caller, envelope_id: EnvelopeId) -> EnvelopeRecord | Rejected:
        found = self.track_for(caller, envelope_id)
        return found if isinstance(found, Rejected) else dataclasses.replace(found.envelope, marked=True)

    def evidence_for(self, caller: Caller, envelope_id: EnvelopeId, sha256: str) -> Evidence | Rejected:
        found = self.envelope_for(caller, envelope_id)
        return found if isinstance(found, Rejected) else self.evidence.get(sha256) or refuse(Code.NOT_FOUND)

    def agencies(self) -> list[Agency]:
        return list(FakeRegistry().directory().agencies)


@dataclass
class House:
    """The doors with everything behind them played."""

    folder: Path
    settings: Http = field(default_factory=Http)
    intake: FakeIntake = field(default_factory=FakeIntake)
    fetcher: FakeFetcher = field(default_factory=FakeFetcher)
    places: int = 128
    handover: FakeHandover = field(default_factory=FakeHandover)
    tracking: FakeTracking = field(default_factory=FakeTracking)
    registry: FakeRegistry = field(default_factory=FakeRegistry)
    punctuality: Any = None  #: ``tests.unit.http.reports_fake``
    room: WaitingRoom = field(default_factory=lambda: WaitingRoom(poll_seconds=0.02))
    checks: dict[str, Callable[[], None]] = field(default_factory=dict)
    depth: Callable[[], dict[str, int]] = lambda: {"outbox": 3, "queued": 2}
    woken: list[int] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    def _depth(self) -> dict[str, int]:
        return self.depth()

    def doors(self, **more: Any) -> Doors:
        numbers = count(1)
        parts: Any = {
            "intake": self.intake,
            "handover": self.handover,
            "tracking": self.tracking,
            "registry": self.registry,
            "punctuality": self.punctuality,
        }
        return Doors(
            settings=self.settings,
            spool_folder=self.spool,
            waiting_room=self.room,
            checks=self.checks,
            depth=self._depth,
            wake_relay=lambda: self.woken.append(1),
            now=lambda: AT,
            new_id=lambda: f"id-{next(numbers)}",
            errands=Errands(self.fetcher, seconds=3, places=self.places),
            **parts,
            **more,
        )


def rejected(*codes: Code, sealed: bytes | None = None) -> Rejected:
    return Rejected(flaws=[Flaw(code=code, line=3, path="/edXML", got="x") for code in codes], sealed=sealed)
