"""What is stuck, since when and why. Reading only: it changes nothing, and may be run at any time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from trunk.domain.agency import DeliveryMode, SystemId
from trunk.domain.ailment import Ailment, Finding
from trunk.errors import LedgerUnavailableError
from trunk.settings import Watch
from trunk.storage.ledger import Ledger, View
from trunk.storage.payloads import PayloadStore

_ENOUGH: Final = 1_000
_TELLING: Final = 20
_TOLERANCE: Final = timedelta(seconds=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What is asked of others than the ledger. Each may raise ``OSError``; None: nobody can say."""

    free_mib: Callable[[], int]
    service: Callable[[], Mapping[str, str] | None]  #: what ails the running trunk, by check; None: no answer
    certificates: Callable[[], Sequence[tuple[str, datetime]]]  #: file, and the end of what is in it
    dead_letters: Callable[[], int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """Looks at everything."""

    ledger: Ledger
    payloads: PayloadStore
    watch: Watch
    lease_ahead: timedelta
    around: Surroundings
    now: Callable[[], datetime]

    def run(self, *, deep: bool = False) -> list[Finding]:
        """All that was found; ``deep``: octets and rows are compared with digests and journal, which takes time."""
        found = list(self._around())
        questions = [_notices, _repairs, _untaken, _expired, _late_answers, _clock, _readers, _credentials]
        try:
            with self.ledger.read() as view:
                for question in questions:
                    found += question(self, view)
                if deep:
                    found += self._octets(view)
                    found += _edited(view)
        except LedgerUnavailableError as fault:
            found.insert(0, Finding(ailment=Ailment.LEDGER_AWAY, what="ledger", why=str(fault)))
        return found

    def _around(self) -> Iterator[Finding]:
        ailing = self.around.service()
        if ailing is None:
            yield Finding(ailment=Ailment.SERVICE_AWAY, what="trunk serve")
        for name, why in (ailing or {}).items():
            ailment = Ailment.BROKER_AWAY if name == "broker" else Ailment.LOOP
            yield Finding(ailment=ailment, what=name, why=why)
        free = self.around.free_mib()
        if free < self.watch.free_disk_mib:
            yield Finding(ailment=Ailment.DISK, what=f"{free} MiB", why=f"< {self.watch.free_disk_mib} MiB")
        soon = self.now() + timedelta(days=self.watch.expiry_days)
        for file, end in self.around.certificates():
            if end <= soon:
                yield Finding(ailment=Ailment.CERTIFICATE_ENDS, what=file, since=end)
        letters = self.around.dead_letters()
        if letters:
            yield Finding(ailment=Ailment.DEAD_LETTERS, what="trunk.dead-letters", count=letters)

    def _octets(self, view: View) -> Iterator[Finding]:
        for sha256, octets in view.symptoms.payloads(_ENOUGH):
            why = _why_wrong(sha256, octets if octets is not None else self.payloads.open(sha256))
            if why:
                yield Finding(ailment=Ailment.PAYLOAD, what=sha256, why=why)


def _why_wrong(sha256: str, octets: bytes | Path | None) -> str:
    if octets is None:
        return "missing"
    if isinstance(octets, bytes):
        return "" if hashlib.sha256(octets).hexdigest() == sha256 else "another digest"
    with octets.open("rb") as file:
        return "" if hashlib.file_digest(file, "sha256").hexdigest() == sha256 else "another digest"


def _notices(one: Diagnosis, view: View) -> Iterator[Finding]:
    standing = view.symptoms.oldest_notice()
    if standing and standing[1] <= one.now() - timedelta(minutes=one.watch.outbox_minutes):
        yield Finding(ailment=Ailment.OUTBOX_OLD, what="outbox", count=standing[0], since=standing[1])


def _repairs(one: Diagnosis, view: View) -> Iterator[Finding]:
    """What the reconciler mends: to be seen here only while no process runs it."""
    looking, now = view.looking, one.now()
    ahead = now + one.lease_ahead
    if unqueued := looking.unqueued(_ENOUGH):
        oldest = min(delivery.due_at for delivery in unqueued)
        yield Finding(ailment=Ailment.UNQUEUED, what=unqueued[0].id, count=len(unqueued), since=oldest)
    if orphans := looking.orphans(_ENOUGH):
        yield Finding(ailment=Ailment.ORPHAN, what=orphans[0][1], count=len(orphans))
    if held := looking.held_ahead(ahead):
        yield Finding(ailment=Ailment.OUTBOX_AHEAD, what="outbox", count=held)
    for lease in looking.leases():
        if lease.is_ahead(ahead):
            yield Finding(ailment=Ailment.LEASE_AHEAD, what=lease.name, since=lease.until, why=lease.owner)
        elif lease.until <= now - one.lease_ahead:
            yield Finding(ailment=Ailment.LEASE_DEAD, what=lease.name, since=lease.until, why=lease.owner)
    for aside in looking.set_aside(_TELLING):
        why = f"{aside.code} {aside.reference}: {aside.detail}"
        yield Finding(ailment=Ailment.SET_ASIDE, what=str(aside.id), since=aside.at, why=why)


def _untaken(one: Diagnosis, view: View) -> Iterator[Finding]:
    for heap in view.symptoms.untaken(one.now() - timedelta(hours=one.watch.untaken_hours)):
        yield Finding(ailment=Ailment.UNTAKEN, what=heap.agency, count=heap.count, since=heap.since)


def _expired(one: Diagnosis, view: View) -> Iterator[Finding]:
    for heap in view.symptoms.expired(one.now() - timedelta(days=one.watch.expired_days)):
        yield Finding(ailment=Ailment.EXPIRED, what=heap.agency, count=heap.count, since=heap.since)


def _late_answers(one: Diagnosis, view: View) -> Iterator[Finding]:
    before = one.now() - timedelta(days=one.watch.answer_days)
    if links := view.looking.open_links(before):
        yield Finding(ailment=Ailment.LINKS_OPEN, what="hub_link", count=links, since=before)
    if requests := view.looking.open_requests(before):
        yield Finding(ailment=Ailment.REQUESTS_OPEN, what="change_request", count=requests, since=before)


def _clock(one: Diagnosis, view: View) -> Iterator[Finding]:
    newest, now = view.symptoms.newest(), one.now()
    if newest is not None and newest > now + _TOLERANCE:
        why = f"{int((newest - now).total_seconds())} s"
        yield Finding(ailment=Ailment.CLOCK, what="journal", since=newest, why=why)


def _readers(one: Diagnosis, view: View) -> Iterator[Finding]:
    """Agencies with mail that nobody can fetch."""
    directory, now = view.directory(), one.now()
    systems = [system for system in view.systems() if system.active]
    opened = {
        SystemId(credential.system)
        for credential in view.symptoms.credentials()
        if not credential.ended and (credential.expires_at is None or credential.expires_at > now)
    }
    for heap in view.symptoms.waiting():
        agency = directory.find(heap.agency)
        if agency is not None and agency.mode is DeliveryMode.UPLINK:
            continue
        speaking = [s for s in systems if heap.agency in directory.spoken_for(s.agencies)]
        if not speaking:
            yield Finding(ailment=Ailment.NO_SYSTEM, what=heap.agency, count=heap.count, since=heap.since)
        elif not opened.intersection(system.id for system in speaking):
            why = ", ".join(system.id for system in speaking)
            yield Finding(ailment=Ailment.NO_KEY, what=heap.agency, count=heap.count, since=heap.since, why=why)


def _credentials(one: Diagnosis, view: View) -> Iterator[Finding]:
    """What ends soon, where nothing of the same kind goes on."""
    now = one.now()
    soon = now + timedelta(days=one.watch.expiry_days)
    valid = [c for c in view.symptoms.credentials() if not c.ended and (c.expires_at is None or c.expires_at > now)]
    lasting = {(c.kind, c.system) for c in valid if c.expires_at is None or c.expires_at > soon}
    for c in valid:
        if (c.kind, c.system) not in lasting:
            what = f"{c.kind} {c.id}"
            yield Finding(ailment=Ailment.CREDENTIAL_ENDS, what=what, since=c.expires_at, why=c.system)


def _edited(view: View) -> Iterator[Finding]:
    for delivery, stands, said in view.symptoms.edited(_TELLING):
        yield Finding(ailment=Ailment.EDITED, what=delivery, why=f"{stands}; journal: {said}")
