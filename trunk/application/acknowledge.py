"""Makes acknowledgements: writes the fact as an edXML status message, seals it, and puts it in an envelope.

An acknowledgement is made before the transaction that commits its fact and leaves the house only after it:
so none exists without its fact, and repeating a submission returns the same octets.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from envelopes.model import Evidence, Organization, ResponseFor, StatusMessage
from envelopes.writer import write_status
from signing.seal import Seal
from trunk.domain import identity
from trunk.domain.acknowledgement import ETSI_EVENT, SENTENCE, STATUS_CODE, Fact
from trunk.domain.dates import parse_date
from trunk.domain.delivery import AckKind, AgencyCode, Delivery, DeliveryId, EnvelopeId
from trunk.domain.entry import Entry, EnvelopeKind, EnvelopeRecord, Payload

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledger:
    """Seals facts in the trunk's name."""

    seal: Seal
    trunk: Organization  #: who the trunk is in ``From``
    new_id: NewId
    lifetime: timedelta  #: how long an acknowledgement waits for its reader

    def entry(self, fact: Fact, *, urgency: int = 0, deliver: bool = True, about: str | None = None) -> Entry:
        """The sealed acknowledgement of ``fact``, ready to be entered; ``deliver``: and sent to the sender.

        ``about`` names the fact where neither envelope nor delivery does (a rejection): one acknowledgement each.
        """
        octets = self.seal.seal(write_status(self._message(fact)), at=fact.at)
        digest = hashlib.sha256(octets).hexdigest()
        envelope = EnvelopeRecord(
            id=EnvelopeId(self.new_id()),
            kind=EnvelopeKind.ACKNOWLEDGEMENT,
            identity=identity.of_acknowledgement(fact.kind, about or fact.delivery_id or fact.envelope_id),
            sender=AgencyCode(self.trunk.organ_id),
            system=None,
            document_id=fact.document_id,
            document_code=fact.document_code,
            promulgation_date=fact.promulgation_date,
            urgency=urgency,
            sha256=digest,
            size=len(octets),
            accepted_at=fact.at,
            about=None if fact.kind is AckKind.REJECTED else fact.envelope_id,
            about_delivery=fact.delivery_id,
            status_code=STATUS_CODE[fact.kind],
            description=", ".join(fact.reasons),
            acknowledges=fact.kind,
        )
        deliveries = (self._delivery(fact, envelope.id, urgency),) if deliver else ()
        return Entry(
            envelope=envelope, payload=Payload(sha256=digest, size=len(octets), octets=octets), deliveries=deliveries
        )

    def _delivery(self, fact: Fact, envelope_id: EnvelopeId, urgency: int) -> Delivery:
        return Delivery(
            id=DeliveryId(self.new_id()),
            envelope_id=envelope_id,
            addressee=fact.sender,
            urgency=urgency,
            due_at=fact.at,
            expires_at=fact.at + self.lifetime,
        )

    def _message(self, fact: Fact) -> StatusMessage:
        return StatusMessage(
            sender=self.trunk,
            response_for=ResponseFor(
                organ_id=fact.sender,
                code=fact.document_code,
                document_id=fact.document_id,
                promulgation_date=parse_date(fact.promulgation_date),
            ),
            code=STATUS_CODE[fact.kind],
            description=SENTENCE[fact.kind],
            timestamp=fact.at,
            evidence=Evidence(
                event=ETSI_EVENT[fact.kind],
                kind=fact.kind,
                envelope_id=fact.envelope_id,
                delivery_id=fact.delivery_id or "",
                recipient=fact.recipient or "",
                at=fact.at,
                sha256=fact.sha256,
                reasons=fact.reasons,
            ),
        )
