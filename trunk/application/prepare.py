"""Turns an authorised message into what the ledger will hold: records, deliveries and the sealed acknowledgement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from envelopes.model import Document, Message, ResponseFor, StatusMessage
from signing.report import Report
from trunk.application.acknowledge import Acknowledger, NewId
from trunk.application.directory import Directories
from trunk.application.evidence import EvidenceShelf
from trunk.application.submission import Authorised, Submission, trace_of
from trunk.domain import identity, signature_record
from trunk.domain.acknowledgement import Fact
from trunk.domain.agency import Agency, Directory
from trunk.domain.dates import spell_date
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.document_key import key, keys_of_id
from trunk.domain.entry import Acceptance, AttachmentRecord, Entry, EnvelopeKind, EnvelopeRecord, Payload
from trunk.domain.outcome import Rejected
from trunk.domain.relation import relations


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparer:
    """Makes ledger entries; ids and the lifetime of a delivery come in by the door."""

    acknowledger: Acknowledger
    new_id: NewId
    lifetime: timedelta  #: of a document's deliveries: then the sender is told
    notices_wait: timedelta  #: of notices (statuses): nobody is told of those, so they do not give up
    evidence: EvidenceShelf
    directories: Directories

    def document(
        self, submission: Submission, document: Document, report: Report, authorised: Authorised, *, at: datetime
    ) -> Acceptance:
        """T1 of a document: one delivery per recipient, and an acceptance that is sent to the sender."""
        directory = self.directories()
        envelope = EnvelopeRecord(
            id=EnvelopeId(self.new_id()),
            kind=EnvelopeKind.DOCUMENT,
            identity=_identity(
                submission, authorised.sender, document.document_id, _brought_for(submission, authorised)
            ),
            sender=authorised.sender.code,
            system=submission.caller.system,
            document_id=document.document_id,
            document_code=str(document.code),
            promulgation_date=spell_date(document.promulgation_date),
            subject=document.subject,
            business=int(document.business.kind),
            urgency=document.other.priority,
            due_date=spell_date(document.due_date),
            sha256=submission.sha256,
            size=submission.size,
            accepted_at=at,
            marked=authorised.weighed.marked,
            verdict=signature_record.written(report, authorised.weighed),
            attachments=_attachments(document),
            trace=trace_of(submission, document),
            document_key=_key(document, directory),
        )
        made = self._acceptance(
            submission, envelope, authorised, tell_sender=not envelope.trace, lifetime=self.lifetime
        )
        tied = relations(document, directory)
        return replace(made, relations=tied, evidence=self.evidence.lacking(report.evidence))

    def status(
        self, submission: Submission, status: StatusMessage, report: Report, authorised: Authorised, *, at: datetime
    ) -> Acceptance:
        """T5 of a status: one delivery to the addressee; no notice of notices: its acceptance is in the answer."""
        about = status.response_for
        envelope = EnvelopeRecord(
            id=EnvelopeId(self.new_id()),
            kind=EnvelopeKind.STATUS,
            identity=_identity(submission, authorised.sender, about.document_id),
            sender=authorised.sender.code,
            system=submission.caller.system,
            document_id=about.document_id,
            document_code=about.code,
            promulgation_date=spell_date(about.promulgation_date),
            sha256=submission.sha256,
            size=submission.size,
            accepted_at=at,
            status_code=status.code,
            description=status.description,
            marked=authorised.weighed.marked,
            verdict=signature_record.written(report, authorised.weighed),
            trace=trace_of(submission, status),
        )
        made = self._acceptance(submission, envelope, authorised, tell_sender=False, lifetime=self.notices_wait)
        return replace(made, evidence=self.evidence.lacking(report.evidence))

    def addressed_to(self, acceptance: Acceptance, codes: Sequence[AgencyCode]) -> Acceptance:
        """The same notice for these agencies."""
        envelope = acceptance.entry.envelope
        deliveries = tuple(self._delivery(envelope, code, self.notices_wait) for code in codes)
        return replace(acceptance, entry=replace(acceptance.entry, deliveries=deliveries))

    def identity(self, submission: Submission, message: Message, sender: Agency) -> str:
        """What makes this submission the same as an earlier one."""
        return _identity(submission, sender, _spoken_of(message).document_id)

    def rejection(
        self, submission: Submission, message: Message, sender: Agency, rejected: Rejected, *, at: datetime
    ) -> Entry:
        """A refusal under seal; the same submission refused for the same reasons is told once."""
        spoken_of = _spoken_of(message)
        codes = tuple(sorted({flaw.code.value for flaw in rejected.flaws}))
        fact = Fact(
            kind=AckKind.REJECTED,
            envelope_id=EnvelopeId(self.new_id()),
            document_id=spoken_of.document_id,
            document_code=str(spoken_of.code),
            promulgation_date=spell_date(spoken_of.promulgation_date),
            sender=sender.code,
            sha256=submission.sha256,
            at=at,
            reasons=codes,
        )
        about = f"{self.identity(submission, message, sender)}:{','.join(codes)}"
        told = submission.caller.hub is None  # else its hub tells it
        return self.acknowledger.entry(fact, deliver=told, about=about)

    def _acceptance(
        self,
        submission: Submission,
        envelope: EnvelopeRecord,
        authorised: Authorised,
        *,
        tell_sender: bool,
        lifetime: timedelta,
    ) -> Acceptance:
        octets = submission.octets if isinstance(submission.octets, bytes) else None
        payload = Payload(sha256=submission.sha256, size=submission.size, octets=octets)
        deliveries = tuple(self._delivery(envelope, agency.code, lifetime) for agency in authorised.recipients)
        fact = fact_about(envelope, AckKind.ACCEPTED, at=envelope.accepted_at)
        return Acceptance(
            entry=Entry(envelope=envelope, payload=payload, deliveries=deliveries),
            acknowledgement=self.acknowledger.entry(fact, urgency=envelope.urgency, deliver=tell_sender),
            idempotency_key=submission.idempotency_key,
        )

    def _delivery(self, envelope: EnvelopeRecord, addressee: AgencyCode, lifetime: timedelta) -> Delivery:
        return Delivery(
            id=DeliveryId(self.new_id()),
            envelope_id=envelope.id,
            addressee=addressee,
            urgency=envelope.urgency,
            due_at=envelope.accepted_at,
            expires_at=envelope.accepted_at + lifetime,
        )


def fact_about(
    envelope: EnvelopeRecord,
    kind: AckKind,
    *,
    at: datetime,
    delivery: Delivery | None = None,
    reasons: tuple[str, ...] = (),
) -> Fact:
    """A fact about ``envelope``, or about one delivery of it."""
    return Fact(
        kind=kind,
        envelope_id=envelope.id,
        document_id=envelope.document_id,
        document_code=envelope.document_code,
        promulgation_date=envelope.promulgation_date,
        sender=envelope.sender,
        sha256=envelope.sha256,
        at=at,
        delivery_id=delivery.id if delivery else None,
        recipient=delivery.addressee if delivery else None,
        reasons=reasons,
    )


def _spoken_of(message: Message) -> Document | ResponseFor:
    """The document, or the one that a status speaks of."""
    return message if isinstance(message, Document) else message.response_for


def _identity(submission: Submission, sender: Agency, document_id: str, brought_for: Sequence[AgencyCode] = ()) -> str:
    return identity.of_submission(
        sender=sender.code, document_id=document_id, sha256=submission.sha256, brought_for=brought_for
    )


def _brought_for(submission: Submission, authorised: Authorised) -> Sequence[AgencyCode]:
    """The addressees of a document that another hub brings: it may bring it for others another time."""
    return [] if submission.caller.hub is None else [agency.code for agency in authorised.recipients]


def _key(document: Document, directory: Directory) -> str:
    """By what the message says of itself; else by its DocumentId."""
    own = key(directory, document.sender.organ_id, document.promulgation_date, str(document.code))
    return own or next(keys_of_id(directory, document.document_id), "")


def _attachments(document: Document) -> tuple[AttachmentRecord, ...]:
    return tuple(
        AttachmentRecord(
            content_id=a.content_id, name=a.name, content_type=a.content_type, size=a.size, sha256=a.sha256
        )
        for a in document.attachments
    )
