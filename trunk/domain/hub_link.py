"""Mail that crosses to another hub has two ids, ours and theirs; a link holds them together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from trunk.domain.delivery import DeliveryId, EnvelopeId

ASKED_ABOUT: Final = timedelta(days=90)
"""What only our own lifetime ended may have arrived all the same: for so long the other hub is asked."""


class Direction(StrEnum):
    """Which way the mail went."""

    UP = "up"  #: from us to the other hub
    DOWN = "down"  #: from the other hub to us


class LinkState(StrEnum):
    """How it stands with the other hub."""

    OPEN = "open"  #: up: it has it, and its recipient has not; down: taken, and not yet told "done"
    CLOSED = "closed"  #: both sides know how it ended
    REFUSED = "refused"  #: one side would not have it; ``reason`` says why


@dataclass(frozen=True, slots=True, kw_only=True)
class HubLink:
    """One message to one recipient across two hubs."""

    id: str
    hub: str  #: the other one's name in the settings
    direction: Direction
    remote_id: str  #: the other hub's ``docId``
    state: LinkState
    at: datetime
    envelope_id: EnvelopeId | None = None  #: None: refused before it was an envelope of ours
    delivery_id: DeliveryId | None = None
    reason: str = ""
    checked_at: datetime | None = None  #: when the other hub was last asked, or told
