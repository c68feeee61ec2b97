"""Where is my document? Reading only: this module could not change anything if it wanted to."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from envelopes.model import BusinessKind
from signing.evidence import Evidence
from trunk.domain import signature_record, unmatched
from trunk.domain.agency import Agency, Caller
from trunk.domain.change_request import ChangeRequest
from trunk.domain.deadlines import Rules
from trunk.domain.delivery import AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.relation import RelatedDocument
from trunk.domain.tracking import EnvelopeTrack, Listed, ListedStatus, Search, StatusReport, StatusSearch
from trunk.domain.unmatched import Unmatched
from trunk.errors import CorruptPayloadError
from trunk.storage.ledger import Ledger, View


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracking:
    """Answers clerks (all of it) and agencies' systems (their own part)."""

    ledger: Ledger
    now: Callable[[], datetime]
    rules: Rules

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
        with self.ledger.read() as view:
            track = view.track(envelope_id)
            others = {one.envelope_id for one in track.related if one.envelope_id} if track else set()
            seen = view.seen(others, by=caller.agencies) if others else frozenset()
        if track is None:
            return refuse(Code.NOT_FOUND, got=envelope_id)
        related = tuple(_as_seen(track.related, seen))
        if caller.speaks_for(track.envelope.sender):
            return dataclasses.replace(track, related=related)
        own = [d for d in track.deliveries if caller.speaks_for(d.delivery.addressee)]
        if not own:
            return refuse(Code.NOT_FOUND, got=envelope_id)
        return dataclasses.replace(
            track,
            deliveries=own,
            acknowledgements=(),
            statuses=[report for report in track.statuses if _is_for(report, caller)],
            unmatched=(),
            related=related,
            links=(),
        )

    def original(self, candidates: Sequence[EnvelopeRecord]) -> EnvelopeRecord | None:
        """The one document that all the others of ``candidates`` revoke, update or replace; ``None``: they differ.

        An update often has the number and the ``DocumentId`` of what it updates: one name then means one story.
        """
        new = [record for record in candidates if record.business == BusinessKind.NEW]
        if len(new) != 1:
            return None
        with self.ledger.read() as view:
            issuers = view.directory().family(new[0].sender)
            later = {one.envelope_id for record in candidates for one in view.related(record.id) if not one.forward}
        others = (record for record in candidates if record is not new[0])
        belong = (one.sender in issuers and (one.id in later or _same(one, new[0])) for one in others)
        return new[0] if all(belong) else None

    def requests(self, deliveries: Collection[DeliveryId]) -> Mapping[DeliveryId, Sequence[ChangeRequest]]:
        """Recalls and updates that were asked of the recipients of these deliveries."""
        with self.ledger.read() as view:
            return view.requests(deliveries)

    def statuses(self, search: StatusSearch, *, caller: Caller | None = None) -> Sequence[ListedStatus]:
        """Business statuses, newest first; those that match no document say why.

        ``caller``: only what its agencies reported or were told, and no word of documents of others.
        """
        agencies = caller.agencies if caller else None
        wanted = search if agencies is None else dataclasses.replace(search, agencies=agencies)
        with self.ledger.read() as view:
            return tuple(_explained(view.statuses(wanted), view, seen_by=agencies))

    def statuses_before(
        self, caller: Caller, last: EnvelopeId, search: StatusSearch
    ) -> Sequence[ListedStatus] | Rejected:
        """The page of the same list after the status ``last``."""
        with self.ledger.read() as view:
            found = view.status(last)
        ends = (found.report.reporter, found.report.addressee) if found else ()
        if found is None or not any(caller.speaks_for(code) for code in ends if code):
            return refuse(Code.BAD_REQUEST, path="before", expected="the envelope_id of a status", got=last)
        return self.statuses(dataclasses.replace(search, before=found.report), caller=caller)

    def family(self, code: str) -> frozenset[AgencyCode]:
        """The agency that any of its codes means, with those that were merged into it; empty: nobody has that code."""
        with self.ledger.read() as view:
            directory = view.directory()
        agency = directory.find(code)
        return directory.family(agency.code) if agency else frozenset()

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

    def agencies(self) -> Sequence[Agency]:
        """The directory."""
        with self.ledger.read() as view:
            return view.directory().agencies

    def resolve(self, code: str) -> AgencyCode | None:
        """The canonical code that an old code, a new code or an alias means."""
        with self.ledger.read() as view:
            agency = view.directory().find(code)
        return agency.code if agency else None


def _as_seen(related: Iterable[RelatedDocument], seen: Collection[EnvelopeId]) -> Iterator[RelatedDocument]:
    """What a document says itself is for whoever sees it; of others' documents nothing is told, nor that they are."""
    for one in related:
        if one.envelope_id is None or one.envelope_id in seen:
            yield one
        elif one.forward:
            yield dataclasses.replace(one, envelope_id=None, document_code="", document_id="")


def _is_for(report: StatusReport, caller: Caller) -> bool:
    """Whether a recall concerns the caller: it names its sender where it is from all recipients, else one of them."""
    addressee = report.addressee
    return addressee is not None and (addressee == report.reporter or caller.speaks_for(addressee))


def _same(one: EnvelopeRecord, other: EnvelopeRecord) -> bool:
    return bool(one.document_id) and one.document_id == other.document_id


def _explained(
    found: Sequence[ListedStatus], view: View, *, seen_by: Collection[AgencyCode] | None
) -> Iterator[ListedStatus]:
    """The same, with what keeps each from its document where it has none."""
    directory = view.directory()
    said = {line.envelope.id: _as_said(line) for line in found if line.about is None}
    names = {one.document_id for one in said.values() if one.document_id}
    keys = {key for one in said.values() for key in unmatched.keys_of(one, directory)}
    known = view.known(document_ids=names, keys=keys, seen_by=seen_by) if said else ()
    for line in found:
        one = said.get(line.envelope.id)
        yield dataclasses.replace(line, why=unmatched.why(one, known, directory)) if one else line


def _as_said(line: ListedStatus) -> Unmatched:
    report, envelope = line.report, line.envelope
    return Unmatched(
        code=report.code,
        reporter=report.reporter,
        addressee=report.addressee,
        at=report.at,
        document_id=envelope.document_id,
        document_code=envelope.document_code,
        promulgation_date=envelope.promulgation_date,
    )
