"""The directory's keeper: registers agencies, their certificates, the systems that speak for them, and API keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trunk.domain import succession
from trunk.domain.agency import Agency, Directory, GivenCodes, Mandate, SystemId
from trunk.domain.credential import MAX_VALID_KEYS, KeyRecord, SystemRecord, digest_of, spell
from trunk.domain.operator import Operator
from trunk.domain.succession import Succession, Unfit
from trunk.storage.ledger import Book, Ledger, View
from trunk.storage.mending import SetAside


class DirectoryError(ValueError):
    """The change does not fit the directory; the message says why and what to do. Permanent."""

    temporary = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedKey:
    """A new key. ``spelled`` is shown once and kept nowhere."""

    record: KeyRecord
    spelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """An agency became another, or would."""

    succession: Succession
    systems: Sequence[SystemRecord]  #: that speak for the old one, as they are afterwards


Plan = Callable[[Directory], Succession | Unfit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Administration:
    """Changes who is who. Every change is one transaction."""

    ledger: Ledger
    now: Callable[[], datetime]
    new_token: Callable[[int], str]  #: n random octets as text, from ``secrets``

    def put_agencies(self, agencies: Sequence[Agency]) -> int:
        """Add or replace agencies, all or none.

        Raises ``DirectoryError`` where a code means another agency already, or one would stand above itself.
        """
        with self.ledger.begin() as book:
            book.change_directory()
            given = GivenCodes(book.view.directory().agencies)
            for agency in agencies:
                for code, other in given.clashes(agency):
                    raise DirectoryError(f"{agency.code}: the code {code} means {other.code} already; give it another")
                given.put(agency)
                book.put_agency(agency, at=self.now())
            _require_places(book.view.directory(), agencies)
        return len(agencies)

    def merge(self, old: str, into: str, *, with_mandates: bool = True, dry_run: bool = False) -> Succeeded:
        """Let the agency ``old`` go up in ``into``. Raises ``DirectoryError``.

        Its systems go on reading what waits for it and sending under its code; they do not read the successor's
        mail. Who speaks for the successor reads both.
        """
        return self._succeed(lambda d: succession.merge(d, old, into, with_mandates=with_mandates), dry_run=dry_run)

    def rename(self, old: str, code: str, *, dry_run: bool = False) -> Succeeded:
        """Give the agency ``old`` the new ``code``; its systems speak for that. Raises ``DirectoryError``."""
        return self._succeed(lambda d: succession.rename(d, old, code), dry_run=dry_run)

    def amend_mandates(self, code: str, change: Callable[[Agency], tuple[Mandate, ...]]) -> Agency | None:
        """Give the agency that ``code`` means the mandates that ``change`` makes of it as it is at this moment.

        None: no agency has that code. What ``change`` raises leaves everything as it was.
        """
        with self.ledger.begin() as book:
            book.change_directory()
            before = book.view.directory().find(code)
            if before is None:
                return None
            after = replace(before, mandates=change(before))
            book.put_agency(after, at=self.now())
        return after

    def record_proof(self, code: str, terms: str) -> bool:
        """The endpoint of that agency has answered a challenge; False if it is another one by now."""
        with self.ledger.begin() as book:
            book.change_directory()
            agency = book.view.directory().registered(code)
            if agency is None or agency.endpoint.terms != terms:
                return False
            proven = replace(agency.endpoint, proven=terms, proven_at=self.now())
            book.put_agency(replace(agency, endpoint=proven), at=self.now())
        return True

    def put_system(self, system: SystemRecord) -> None:
        """Add or replace a system. Raises ``DirectoryError`` for an agency that is not registered."""
        with self.ledger.begin() as book:
            _require_agencies(book.view, system)
            book.put_system(system)

    def issue_key(self, system: SystemId, *, expires_at: datetime | None = None) -> IssuedKey:
        """A new key for ``system``; two may be valid at a time. Raises ``DirectoryError``."""
        with self.ledger.begin() as book:
            self._require_room(book, system)
            secret = self.new_token(32)
            record = KeyRecord(
                id=self.new_token(6).replace("_", "x"),
                system=system,
                digest=digest_of(secret),
                created_at=self.now(),
                expires_at=expires_at,
            )
            book.put_key(record)
        return IssuedKey(record=record, spelled=spell(record.id, secret))

    def revoke_key(self, key_id: str) -> bool:
        """End a key now; False if there is no such valid key. Running services notice within seconds."""
        with self.ledger.begin() as book:
            return book.revoke_key(key_id, at=self.now())

    def republish(self, *, operator: str) -> int:
        """Put back every notice that a broker took whose data are lost since; the service sends them. How many."""
        with self.ledger.begin() as book:
            return book.requeue_dispatched(at=self.now(), actor=operator)

    def set_aside(self) -> Sequence[SetAside]:
        """What the reconciler took out of the way and nobody has closed; the newest first."""
        with self.ledger.read() as view:
            return view.looking.set_aside()

    def close_aside(self, number: int, *, operator: str, reason: str) -> bool:
        """Whether it was open until now."""
        with self.ledger.acting(Operator(name=operator, now=self.now)).begin() as book:
            return book.close_aside(number, at=self.now(), by=operator, reason=reason)

    def systems(self) -> Sequence[SystemRecord]:
        with self.ledger.read() as view:
            return view.systems()

    def keys(self, system: SystemId) -> Sequence[KeyRecord]:
        with self.ledger.read() as view:
            return view.keys(system)

    def _succeed(self, plan: Plan, *, dry_run: bool) -> Succeeded:
        if dry_run:
            with self.ledger.read() as view:
                return _planned(plan, view)
        with self.ledger.begin() as book:
            book.change_directory()
            done = _planned(plan, book.view)
            book.put_agency(done.succession.old, at=self.now())  # first: it may leave a code to the other
            book.put_agency(done.succession.new, at=self.now(), anew=True)  # it has one more code, if nothing else
            for system in done.systems:
                book.put_system(system)
        return done

    def _require_room(self, book: Book, system: SystemId) -> None:
        if book.view.system(system) is None:
            raise DirectoryError(f"{system}: no such system; register it first (trunk admin system put)")
        valid = [key for key in book.view.keys(system) if key.valid(self.now())]
        if len(valid) >= MAX_VALID_KEYS:
            remedy = f"revoke one first (trunk admin key revoke {valid[0].id})"
            raise DirectoryError(f"{system}: {MAX_VALID_KEYS} keys are valid already; {remedy}")


def _require_agencies(view: View, system: SystemRecord) -> None:
    known = {agency.code for agency in view.directory().agencies}
    missing = sorted(system.agencies - known)
    if missing:
        raise DirectoryError(
            f"{system.id}: no such agency: {', '.join(missing)}; register it first (trunk admin agency load)"
        )


def _require_places(directory: Directory, agencies: Sequence[Agency]) -> None:
    for agency in agencies:
        if fault := directory.misplaced(agency):
            raise DirectoryError(f"{agency.code}: {fault[0]}; {fault[1]}")


def _planned(plan: Plan, view: View) -> Succeeded:
    planned = plan(view.directory())
    if isinstance(planned, Unfit):
        raise DirectoryError(f"{planned.what}; {planned.remedy}")
    old = planned.old.code
    systems = [system for system in view.systems() if old in system.agencies]
    if planned.before is None:
        systems = [replace(system, agencies=system.agencies - {old} | {planned.new.code}) for system in systems]
    return Succeeded(succession=planned, systems=systems)
