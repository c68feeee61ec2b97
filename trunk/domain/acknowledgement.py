"""What the trunk acknowledges: seven facts, each stated once, under its own seal, to the sender.

Never two of a kind for one delivery; never one without a committed fact. An acknowledgement is an envelope
too (same outbox, same road), and owes none itself: notices are not answered by notices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from envelopes.model import TrunkCode
from trunk.domain.delivery import AckKind, AgencyCode, DeliveryId, EnvelopeId

# ETSI EN 319 522-1, clause 6: evidence events.
ETSI_EVENT: Final[Mapping[AckKind, str]] = MappingProxyType(
    {
        AckKind.ACCEPTED: "SubmissionAcceptance",
        AckKind.REJECTED: "SubmissionRejection",
        AckKind.DELIVERED: "ContentHandover",
        AckKind.RECEIVED: "ConsignmentAcceptance",
        AckKind.REFUSED: "ConsignmentRejection",
        AckKind.UNDELIVERABLE: "ContentHandoverFailure",
        AckKind.RECALLED: "ContentRecall",  # ours: the standard knows no recall
    }
)

STATUS_CODE: Final[Mapping[AckKind, TrunkCode]] = MappingProxyType({kind: TrunkCode[kind.name] for kind in AckKind})

SENTENCE: Final[Mapping[AckKind, str]] = MappingProxyType(
    {
        AckKind.ACCEPTED: "Trục đã tiếp nhận văn bản / The trunk has accepted the envelope",
        AckKind.REJECTED: "Trục không tiếp nhận văn bản / The trunk has rejected the envelope",
        AckKind.DELIVERED: "Hệ thống bên nhận đã nhận đủ văn bản / The recipient's system has the envelope whole",
        AckKind.RECEIVED: "Bên nhận đã tiếp nhận văn bản / The recipient has taken the document in",
        AckKind.REFUSED: "Bên nhận từ chối tiếp nhận văn bản / The recipient has refused the document",
        AckKind.RECALLED: "Văn bản đã được thu hồi / The envelope was recalled: held back here, or given back",
        AckKind.UNDELIVERABLE: "Không giao được văn bản trong thời hạn / Nobody took the envelope in its lifetime",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What happened, before it is written and sealed."""

    kind: AckKind
    envelope_id: EnvelopeId
    document_id: str
    document_code: str  #: ``7816/VPCP-TTĐT``
    promulgation_date: str  #: as the document wrote it
    sender: AgencyCode  #: who is told
    sha256: str  #: of the octets as submitted
    at: datetime
    delivery_id: DeliveryId | None = None
    recipient: AgencyCode | None = None
    reasons: tuple[str, ...] = ()
