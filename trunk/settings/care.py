"""Settings by which the trunk looks after itself: what it admits, what it puts right, when it says that it is stuck."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Section(BaseModel):
    """A table of the settings: frozen, and unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def apart(written: Any) -> Any:
    """The environment writes a list with commas."""
    return [word.strip() for word in written.split(",") if word.strip()] if isinstance(written, str) else written


def network(written: str) -> str:
    """``written``, if it is an address or a network. Raises ``ValueError``."""
    ipaddress.ip_network(written)
    return written


Networks = Annotated[tuple[Annotated[str, AfterValidator(network)], ...], BeforeValidator(apart)]


class Admission(Section):
    """What is let in while much is going on; a part of ``[http]``."""

    free_disk_mib: int = Field(
        default=256, ge=0, description="with less free in the data folder new mail gets 503 (TRK-141); 0: never"
    )
    sender_share: float = Field(
        default=0.5, gt=0, le=1, description="of threads and waiting places that one system may hold; more gets 429"
    )
    spool_mib: int = Field(default=1024, gt=0, description="bodies that may be under way at once in one process")
    connections_per_peer: int = Field(
        default=1000, gt=0, description="connections of one address (of a proxy: all of them) to one process"
    )
    metrics_from: Networks = Field(
        default=(), description="addresses and networks that may see /metrics, beside this machine and operators"
    )


class Reconciliation(Section):
    """The reconciler, which one process at a time runs."""

    every_seconds: float = Field(default=10, gt=0, description="from one look to the next")
    lost_after_seconds: float = Field(
        default=15, gt=0, description="mode amqp: queue empty or gone, mail not taken: the notice is published again"
    )
    untaken_after_minutes: float = Field(
        default=30, gt=0, description="mode amqp: the same where the queue holds other notices; doubles each time"
    )
    lease_ahead_minutes: float = Field(
        default=10, gt=1, description="what is leased for longer than this was leased by a wrong clock"
    )


class Watch(Section):
    """When ``trunk doctor`` calls something stuck."""

    outbox_minutes: float = Field(default=10, gt=0, description="age of the oldest notice in the outbox")
    untaken_hours: float = Field(default=24, gt=0, description="dispatched and not taken")
    expired_days: float = Field(default=7, gt=0, description="how far back expired deliveries are told")
    answer_days: float = Field(default=7, gt=0, description="requests and other hubs' answers that are awaited")
    expiry_days: float = Field(default=30, gt=0, description="notice before keys, secrets and certificates end")
    free_disk_mib: int = Field(default=1024, ge=0, description="free space below which it warns")


class Journal(Section):
    """What happened, line by line, each bound to the one before it."""

    node: str = Field(
        default="trunk", pattern="^[a-z0-9][a-z0-9-]{0,31}$", description="what this machine's chains are called"
    )


_Kept = Annotated[float, Field(ge=0, description="days after the last event; 0: for ever")]


class Retention(Section):
    """How long octets are kept once everything is settled. Digests, rows, statuses and the journal stay for ever.

    So do sealed acknowledgements: a repeated submission gets the first answer, whenever it comes.
    """

    document_days: _Kept = 0
    status_days: _Kept = 0
