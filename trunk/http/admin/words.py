"""What operators' requests and answers have in common: filters, times, reasons."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter
from pydantic_core import PydanticCustomError

from trunk.application.replay import Order
from trunk.application.tracking import Tracking
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.tracking import Search
from trunk.http.doors import AdminCall
from trunk.http.parameters import Reference, read_json
from trunk.http.spool import JSON_TYPES
from trunk.http.submitting import spool

TAG: Final = "Administration"
MAX_JSON_OCTETS: Final = 256 << 10
_INSTANT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _instant(value: Any) -> Any:
    """A time that says its zone; pydantic alone would also read numbers, days and times of nowhere."""
    if isinstance(value, datetime):
        return value
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        with suppress(ValueError, OverflowError):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    raise PydanticCustomError("instant", "a time of RFC 3339 with its zone")


Instant = Annotated[
    datetime,
    BeforeValidator(_instant),
    Field(json_schema_extra={"format": "date-time", "pattern": f"^{_INSTANT.pattern}$"}),
]
State = Annotated[DeliveryState, Field(strict=False)]
Kind = Annotated[EnvelopeKind, Field(strict=False)]
ReasonCode = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.-]+$")]

FIELDS: Final[dict[str, Any]] = {
    "agency": "sender or recipient, by any of its codes",
    "state": "of the delivery",
    "kind": "default: document",
    "since": "accepted then or later",
    "until": "accepted before then",
    "reason_code": "the first word of why the last attempt failed, or another hub gave it up, e.g. status_503",
    "text": "in subject, code or DocumentId; case does not matter",
}


class Word(BaseModel):
    """What an operator says."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ReasonWord(Word):
    """Why; it goes into the journal."""

    reason: str = Field(description="1 to 1000 characters on one line", examples=["their disk was full"])


class Filter(Word):
    """Which deliveries. Without a state: what has not arrived (dispatched, deferred, expired)."""

    agency: Reference | None = Field(default=None, description=FIELDS["agency"])
    state: tuple[State, ...] = Field(default=(), description=FIELDS["state"], max_length=len(DeliveryState))
    kind: tuple[Kind, ...] = Field(default=(), description=FIELDS["kind"], max_length=len(EnvelopeKind))
    since: Instant | None = Field(default=None, description=FIELDS["since"])
    until: Instant | None = Field(default=None, description=FIELDS["until"])
    reason_code: ReasonCode | None = Field(default=None, description=FIELDS["reason_code"])
    text: Reference | None = Field(default=None, description=FIELDS["text"])

    @property
    def empty(self) -> bool:
        """Nothing was asked for: everything would be meant."""
        return not any((self.agency, self.state, self.since, self.until, self.reason_code, self.text))


def search(filter_: Filter, tracking: Tracking, *, limit: int = 100) -> Search | Rejected:
    """As the ledger understands it; refused for an agency that nobody knows."""
    agency = tracking.resolve(filter_.agency) if filter_.agency else None
    if filter_.agency and agency is None:
        return refuse(Code.ADDRESSEE_UNKNOWN, path="agency", got=filter_.agency)
    return Search(
        agency=agency,
        states=frozenset(filter_.state),
        kinds=frozenset(filter_.kind) or frozenset({EnvelopeKind.DOCUMENT}),
        accepted_after=filter_.since,
        accepted_before=filter_.until,
        text=filter_.text or "",
        reason_code=filter_.reason_code or "",
        limit=limit,
    )


_REASON: Final = TypeAdapter(ReasonWord)


async def read_body(call: AdminCall) -> bytes:
    """A small JSON body. Leaves by ``RefusedError``."""
    async with spool(call, max_octets=MAX_JSON_OCTETS).admit(call.request, types=JSON_TYPES) as body:
        return body.read()


async def read_order(call: AdminCall) -> Order:
    """Who asks, and the reason that the body gives."""
    said = read_json(await read_body(call), _REASON)
    return Order(operator=call.operator.actor, reason=said.reason)


OF_BODIES: Final = (Code.REASON, Code.BODY_CUT_OFF, Code.TOO_LARGE, Code.MEDIA_TYPE)
"""What any act may be refused for."""
