"""A replay of many: ordered once, worked off one by one at its pace, and asked for its progress."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from trunk.domain.delivery import TRANSITIONS, AgencyCode, DeliveryEvent, DeliveryId, DeliveryState
from trunk.domain.rejection import Code

JobId = NewType("JobId", str)

REPLAYABLE: Final = frozenset(state for state in DeliveryState if DeliveryEvent.REPLAY_ORDERED in TRANSITIONS[state])
"""From which a delivery can be put back; what is queued stands there already."""
NOT_ARRIVED: Final = frozenset({DeliveryState.DISPATCHED, DeliveryState.DEFERRED, DeliveryState.EXPIRED})
"""What a filter means that names no state."""
MOST: Final = 100_000
"""Deliveries of one replay."""

QUEUED: Final = "queued"
ALREADY_QUEUED: Final = "already_queued"


class JobState(StrEnum):
    """Where a replay is."""

    RUNNING = "running"
    FINISHED = "finished"
    STOPPED = "stopped"  #: by an operator, or because whose order it was may order no more


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A replay of many deliveries, as it was ordered and how it ended."""

    id: JobId
    key_id: str  #: the operator's key by which it was ordered; once that ends, nothing more is put back
    actor: str
    reason: str
    per_second: float
    ordered_at: datetime
    total: int
    state: JobState = JobState.RUNNING
    ended_at: datetime | None = None
    ended_because: str = ""  #: a code, or an operator's reason


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """How far it has come: deliveries by outcome. Outcomes are the two above, or the code of a refusal."""

    job: Job
    outcomes: Mapping[str, int] = field(default_factory=dict)

    @property
    def done(self) -> int:
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many deliveries of one agency in one state a replay would put back."""

    agency: AgencyCode
    state: DeliveryState
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotPutBack:
    """A delivery that a replay left alone, and why."""

    delivery_id: DeliveryId
    code: Code
