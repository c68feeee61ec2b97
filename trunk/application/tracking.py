"""Where is my document? Reading only: this module could not change anything if it wanted to."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signing.evidence import Evidence
from trunk.domain import signature_record
from trunk.domain.agency import Agency, Caller
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import EnvelopeTrack, Listed, Search
from trunk.errors import CorruptPayloadError
from trunk.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Answers clerks (all of it) and agencies' systems (their own part)."""

    ledger: Ledger
    now: Callable[[], datetime]
    overdue_after: timedelta
    urgent_overdue_after: timedelta

    def find(self, reference: str, *, caller: Caller | None = None) -> Sequence[EnvelopeRecord]:
        """Envelopes that ``reference`` names: envelope id, delivery id, DocumentId or document code; newest first.

        ``caller``: only what its agencies sent or receive; without one, everything (clerks at the trunk).
        """
        with self.ledger.read() as view:
            return view.find(reference, seen_by=caller.agencies if caller else None)

    def rejections(self, reference: str) -> Sequence[EnvelopeRecord]:
        """The trunk's sealed rejections of a document that was never accepted; reasons are in ``description``."""
        with self.ledger.read() as view:
            return view.rejections(reference)

    def delivery(self, delivery_id: DeliveryId) -> Delivery | None:
        """One delivery, as it stands."""
        with self.ledger.read() as view:
            return view.delivery(delivery_id)

    def track(self, envelope_id: EnvelopeId) -> EnvelopeTrack | None:
        """Everything that happened to an envelope."""
        with self.ledger.read() as view:
            return view.track(envelope_id)

    def track_for(self, caller: Caller, envelope_id: EnvelopeId) -> EnvelopeTrack | Rejected:
        """The caller's part of it: the sender sees all, a recipient its own delivery, anybody else nothing."""
        track = self.track(envelope_id)
        if track is None:
            return refuse(Code.NOT_FOUND, got=envelope_id)
        if caller.speaks_for(track.envelope.sender):
            return track
        own = [d for d in track.deliveries if caller.speaks_for(d.delivery.addressee)]
        if not own:
            return refuse(Code.NOT_FOUND, got=envelope_id)
        return dataclasses.replace(track, deliveries=own, acknowledgements=(), unmatched=())

    def envelope_for(self, caller: Caller, envelope_id: EnvelopeId) -> EnvelopeRecord | Rejected:
        """The envelope, for its sender and its recipients; for anybody else there is none."""
        track = self.track_for(caller, envelope_id)
        return track if isinstance(track, Rejected) else track.envelope

    def evidence_for(self, caller: Caller, envelope_id: EnvelopeId, sha256: str) -> Evidence | Rejected:
        """Something that the verdict on an envelope rests on; what others' envelopes rest on does not exist."""
        envelope = self.envelope_for(caller, envelope_id)
        if isinstance(envelope, Rejected):
            return envelope
        record = signature_record.read(envelope)
        found = self.evidence(sha256) if record is not None and record.rests_on(sha256) else None
        return found or refuse(Code.NOT_FOUND, path="sha256", got=sha256)

    def evidence(self, sha256: str) -> Evidence | None:
        """What verdicts rest on, by its digest. Raises ``CorruptPayloadError`` where it has another one."""
        with self.ledger.read() as view:
            found = view.evidence(sha256)
        if found is not None and hashlib.sha256(found.octets or b"").hexdigest() != sha256:
            raise CorruptPayloadError(f"the evidence {sha256} has other octets than were entered")
        return found

    def search(self, search: Search) -> Sequence[Listed]:
        """Deliveries by agency, state, age, urgency and text."""
        with self.ledger.read() as view:
            return view.search(search)

    def overdue(self) -> Sequence[Listed]:
        """Documents that wait longer than they should, the latest-standing first."""
        now = self.now()
        with self.ledger.read() as view:
            return view.overdue(waiting_since=now - self.overdue_after, urgent_since=now - self.urgent_overdue_after)

    def agencies(self) -> Sequence[Agency]:
        """The directory."""
        with self.ledger.read() as view:
            return view.directory().agencies

    def resolve(self, code: str) -> AgencyCode | None:
        """The canonical code that an old code, a new code or an alias means."""
        with self.ledger.read() as view:
            agency = view.directory().find(code)
        return agency.code if agency else None
