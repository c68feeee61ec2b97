"""What a sender asks of a recipient who has a document already: to give it back (13, thu hồi), or to take an update.

One request a delivery and asking message. The recipient's 15 or 16 closes the newest open one; a recall comes before
an update. A recall of what nobody has fetched asks nobody: it is born ``held_back``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from envelopes.model import StatusCode
from trunk.domain.delivery import DeliveryId, EnvelopeId


class RequestKind(StrEnum):
    """What is asked."""

    RECALL = "recall"
    UPDATE = "update"


class RequestState(StrEnum):
    """How it stands."""

    OPEN = "open"  #: the recipient has not answered
    HELD_BACK = "held_back"  #: a recall that came before anybody had fetched the document
    AGREED = "agreed"  #: 15
    REFUSED = "refused"  #: 16


ANSWERS: Final[Mapping[str, RequestState]] = MappingProxyType(
    {StatusCode.RECALL_AGREED: RequestState.AGREED, StatusCode.RECALL_REFUSED: RequestState.REFUSED}
)
"""What the recipient's status makes of an open request. The others are final: nothing leaves them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """One request to one recipient."""

    id: str
    kind: RequestKind
    state: RequestState
    delivery_id: DeliveryId  #: of the document that is to be given back or updated
    envelope_id: EnvelopeId  #: that document
    asked_by: EnvelopeId  #: the message that asks: a status 13, a revocation or an update
    asked_at: datetime
    reason: str = ""  #: as the asking message says it
    answered_at: datetime | None = None
    answered_by: EnvelopeId | None = None  #: the status 15 or 16


def to_close(requests: Sequence[ChangeRequest]) -> ChangeRequest | None:
    """The request that a 15 or 16 of the recipient answers: of the open ones a recall first, then the newest."""
    still_open = [one for one in requests if one.state is RequestState.OPEN]
    return max(still_open, key=lambda one: (one.kind is RequestKind.RECALL, one.asked_at, one.id), default=None)
