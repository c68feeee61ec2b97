"""What submitting and validating share: the body admitted, and examined where it disturbs nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, TypeVar

import structlog

from signing.examination import Examination
from trunk.application.examiners import Found
from trunk.application.submission import Submission
from trunk.domain.outcome import Accepted, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.http.admission import GATE
from trunk.http.description import XML, Body, Header
from trunk.http.doors import Call, Visit
from trunk.http.parameters import bad
from trunk.http.problems import RefusedError
from trunk.http.spool import XML_TYPES, Spool

T = TypeVar("T")
log = structlog.get_logger()

KEY_HEADER: Final = "Idempotency-Key"
_MAX_KEY: Final = 200

ENVELOPE_BODY: Final = Body(media_types=(XML, *(t for t in XML_TYPES if t != XML)))
KEY_DECLARED: Final = Header(
    name=KEY_HEADER,
    about="The caller's own key of this submission. The same key with other octets is a conflict.",
    schema={"type": "string", "minLength": 1, "maxLength": _MAX_KEY, "pattern": "^[!-~]+$"},
)
ADMISSION_REFUSALS: Final = (
    Code.EMPTY,
    Code.BODY_CUT_OFF,
    Code.TOO_LARGE,
    Code.MEDIA_TYPE,
    Code.DISK_FULL,
    Code.SENDER_SHARE,
)


def spool(visit: Visit, *, max_octets: int | None = None) -> Spool:
    """How this service takes bodies in. A small one of ``max_octets`` passes no gate: confirmations always go on."""
    settings = visit.doors.settings
    gated = {} if max_octets else {"gate": lambda: visit.request.app[GATE].passing(_sender(visit))}
    return Spool(
        folder=visit.doors.spool_folder,
        new_name=visit.doors.new_id,
        max_octets=max_octets or settings.max_body_octets,
        in_memory_octets=max_octets or settings.spool_above_octets,
        timeout_seconds=settings.body_timeout_seconds,
        **gated,
    )


def _sender(visit: Visit) -> str:
    return visit.caller.system if isinstance(visit, Call) else ""


@asynccontextmanager
async def submission(call: Call) -> AsyncIterator[Submission]:
    """The submission that ``call`` carries. Leaves by ``RefusedError`` or ``OverloadedError`` before reading it."""
    key = _idempotency_key(call)
    call.offload.require_room()
    async with spool(call).admit(call.request) as body:
        if not body.size:
            raise RefusedError(refuse(Code.EMPTY))
        yield Submission(
            caller=call.caller, octets=body.octets, size=body.size, sha256=body.sha256, idempotency_key=key
        )


async def examine(call: Call, submitted: Submission, decide: Callable[[Submission, Found, datetime], T]) -> T:
    """Stages 2 to 5 by the examiners, then ``decide``; what verdicts lack is fetched between two looks."""
    at = call.doors.now()
    found = await _look(call, submitted, at)
    report = found.report if isinstance(found, Examination) else None
    if report is not None and await call.doors.errands.run(report, caller=call.caller.system):
        at = call.doors.now()
        found = await _look(call, submitted, at)
    asks = submitted.caller.hub is not None or not call.doors.registry.fresh  # the ledger, which may take its time
    if _small(call, submitted) and not asks:
        return decide(submitted, found, at)
    return await call.offload.run(lambda: decide(submitted, found, at))


async def _look(call: Call, submitted: Submission, at: datetime) -> Found:
    """In another process; else small ones in the loop (a thread's hop would cost as much), others in a thread."""
    intake = call.doors.intake
    if intake.examiners.apart or _small(call, submitted):
        return await asyncio.wrap_future(intake.look(submitted, at))
    return await call.offload.run(lambda: intake.look(submitted, at).result())


def _small(call: Call, submitted: Submission) -> bool:
    return isinstance(submitted.octets, bytes) and submitted.size <= call.doors.settings.offload_above_octets


async def take_in(call: Call, submitted: Submission) -> Accepted | Rejected:
    """All stages of the intake, for every door: looked at, decided, entered; answered after the commit."""
    intake = call.doors.intake
    prepared = await examine(call, submitted, intake.decide)
    if isinstance(prepared, Rejected):
        return prepared
    try:
        # shielded: what is committed must not depend on who still listens
        outcome = await asyncio.shield(asyncio.wrap_future(intake.enter(prepared)))
    finally:
        call.doors.wake_relay()
    if isinstance(outcome, Accepted):
        _note(call, outcome)
    return outcome


def _note(call: Call, outcome: Accepted) -> None:
    envelope = outcome.accepted.envelope
    call.meters.accepted(kind=envelope.kind, repeated=outcome.repeated)
    log.info(
        "envelope_accepted",
        envelope=envelope.id,
        kind=envelope.kind,
        size=envelope.size,
        deliveries=len(outcome.accepted.deliveries),
        repeated=outcome.repeated,
    )


def _idempotency_key(call: Call) -> str | None:
    values = call.request.headers.getall(KEY_HEADER, [])
    if not values:
        return None
    key = values[0].strip()
    if len(values) > 1 or not 0 < len(key) <= _MAX_KEY or not all("!" <= letter <= "~" for letter in key):
        raise bad(KEY_HEADER, expected=f"once, 1 to {_MAX_KEY} visible ASCII characters", got=key)
    return key
