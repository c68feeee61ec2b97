"""What the façades share: error numbers, the spelling of answers and days, and patience with clients.

A façade is a door that speaks another protocol to the same use cases: ``trunk.http.vxp``, ``trunk.http.lgsp``. The
error numbers are those that integrators already switch on; both protocols have them.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web

from trunk.domain.agency import Agency, Directory
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import Flaw, Rejected, refuse
from trunk.domain.rejection import CATALOGUE, Code
from trunk.http.doors import DOORS
from trunk.http.offload import Offload
from trunk.http.problems import RETRY_AFTER_SECONDS, RefusedError
from trunk.http.wire import HANOI, shorten

T = TypeVar("T")
log = structlog.get_logger()

DOCUMENTS, STATUSES = "edoc", "status"
"""What a message type is called."""

KINDS: Final[Mapping[str, frozenset[EnvelopeKind]]] = MappingProxyType(
    {
        "": frozenset({EnvelopeKind.DOCUMENT, EnvelopeKind.STATUS}),
        DOCUMENTS: frozenset({EnvelopeKind.DOCUMENT}),
        STATUSES: frozenset({EnvelopeKind.STATUS}),
    }
)
"""What a list of a message type shows; of none: everything. The trunk's own acknowledgements are not among it."""

AWAITED: Final = "Chờ nhận"
AWAITED_AGAIN: Final = "Chờ nhận (trục gửi lại)"
"""Of what an administrator has put back: deployed clients show the words, and read nothing into them."""

OFFERED: Final = frozenset({DeliveryState.QUEUED, DeliveryState.DISPATCHED})
"""What lists show. After ``fail`` a delivery is put off: it comes back into the list when it falls due again."""

MEDIA_TYPE: Final = "application/json"
SHOWN: Final = 20  #: faults in one sentence; the rest are counted

_SYSTEM_FAULT: Final = "20"
_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DAY_FORMATS: Final = ("%Y/%m/%d", "%d/%m/%Y", "%Y-%m-%d")
_DRAINED: Final = 2  #: times the largest body

# Exact codes before families; the longest beginning decides.
NUMBERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ENV-0": "10",  # the octets are no edXML at all
        "ENV": "22",  # they are, and not as the rules want them
        Code.TOO_COSTLY: "21",
        "SIG": "21",
        Code.REVOCATION_UNKNOWN: "20",
        Code.CHAIN_INCOMPLETE: "20",
        "ADR": "19",
        Code.ADDRESSEE_UNKNOWN: "18",
        Code.ADDRESSEE_INACTIVE: "23",
        Code.SIGNER_WITHOUT_MANDATE: "21",
        Code.LOOP: "21",
        "DUP": "21",
        "TRK": _SYSTEM_FAULT,
        Code.UNAUTHENTICATED: "15",
        Code.KEY_EXPIRED: "15",
        Code.REQUEST_SIGNATURE: "15",
        Code.STALE_REQUEST: "15",
        Code.NOT_ENROLLER: "15",
        Code.LOGIN: "15",
        Code.TOKEN_EXPIRED: "15",
        Code.TOKEN: "15",
        Code.SYSTEM_SECRET: "15",
        Code.TOO_LARGE: "10",
        Code.MEDIA_TYPE: "10",
        Code.BODY_CUT_OFF: "10",
        Code.BODY_HASH: "10",
        Code.NOT_FOUND: "21",
        Code.WRONG_DIGEST: "21",
        Code.ALREADY_CONFIRMED: "21",
        Code.ALREADY_SETTLED: "21",
        Code.RECALLED: "21",
        Code.CORRUPT_PAYLOAD: "21",
    }
)


def number_of(code: Code) -> str:
    """The error number that stands for a code of the catalogue."""
    return next((NUMBERS[code[:end]] for end in range(len(code), 0, -1) if code[:end] in NUMBERS), _SYSTEM_FAULT)


def spell(fields: Any) -> bytes:
    """JSON in ASCII: there are clients that read some answers as US-ASCII."""
    return json.dumps(fields, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def describe(rejected: Rejected) -> str:
    """Every reason, in Vietnamese, with its code."""
    shown = [_sentence(flaw) for flaw in rejected.flaws[:SHOWN]]
    if len(rejected.flaws) > SHOWN:
        shown.append(f"… và {len(rejected.flaws) - SHOWN} lỗi khác")
    return " | ".join(shown)


def _sentence(flaw: Flaw) -> str:
    refusal = CATALOGUE[flaw.code]
    line = f"dòng {flaw.line}" if flaw.line is not None else ""
    expected = f"cần: {flaw.expected}" if flaw.expected else ""
    got = f"nhận được: {shorten(flaw.got)}" if flaw.got else ""
    place = "; ".join(part for part in (line, flaw.path, expected, got) if part)
    return f"{flaw.code} {refusal.title.vi}{f' ({place})' if place else ''}. {refusal.remedy.vi}"


def patience(rejected: Rejected) -> dict[str, str]:
    """The header that says when to come again, where that may help."""
    seconds = rejected.retry_after
    if seconds is None and CATALOGUE[rejected.code].temporary:
        seconds = RETRY_AFTER_SECONDS
    return {} if seconds is None else {"Retry-After": str(seconds)}


def late() -> RefusedError:
    """Deployed clients have no time limit of their own: they would wait for ever."""
    return RefusedError(refuse(Code.UNAVAILABLE, expected="an answer in time", retry_after=RETRY_AFTER_SECONDS))


async def in_time(offload: Offload, work: Callable[[], T], *, seconds: float) -> T:
    """``work()`` in a thread. Leaves by ``RefusedError`` where it takes too long."""
    try:
        async with asyncio.timeout(seconds):
            return await offload.run(work)
    except TimeoutError as error:
        raise late() from error


async def drained(request: web.Request, *, seconds: float) -> bool:
    """Let a client finish its sentence: the deployed ones read an answer only after they have sent everything, and
    take a connection that is closed before for a fault of the network. False: it says more than anybody listens to,
    or it waits for leave to send."""
    if request.content.at_eof():
        return True
    if "Expect" in request.headers or "chunked" in request.headers.get("Transfer-Encoding", ""):
        return False
    left = _DRAINED * request.app[DOORS].settings.max_body_octets
    with suppress(Exception):  # whatever becomes of this body, the refusal is the answer
        async with asyncio.timeout(seconds):
            while left > 0 and (octets := await request.content.readany()):
                left -= len(octets)
    return request.content.at_eof()


def document_id(text: str) -> str:
    """``text`` if it can be an id of ours, else nothing: what cannot is not looked up."""
    return text if _ID.fullmatch(text) else ""


@dataclass(frozen=True, slots=True)
class Span:
    """The days between ``fromDate`` and ``toDate``, both included, by Vietnam's calendar."""

    start: datetime | None
    end: datetime | None

    @classmethod
    def of(cls, start: str, last: str) -> Span:
        """A day that cannot be read is passed over: a list that is too long harms nobody, an empty one hides mail."""
        first, final = _day("fromDate", start), _day("toDate", last)
        return cls(first, final + timedelta(days=1) if final else None)


def spell_moment(moment: datetime) -> str:
    """As edXML spells times: Vietnam's clock, no zone."""
    return moment.astimezone(HANOI).strftime("%Y/%m/%d %H:%M:%S")


def _day(name: str, text: str) -> datetime | None:
    words = text.replace("T", " ").split()
    for form in _DAY_FORMATS if words else ():
        try:
            return datetime.strptime(words[0], form).replace(tzinfo=HANOI)
        except ValueError:
            continue
    if words:
        log.info("date_passed_over", parameter=name, got=shorten(text))
    return None


def listed(directory: Directory) -> list[Agency]:
    """The agencies that address books show, by code."""
    return sorted((agency for agency in directory.agencies if agency.listed), key=lambda agency: agency.code)


def parent_of(agency: Agency, directory: Directory) -> str:
    """The agency above it; where none is written, that of the rule of QĐ 20/2020 (H41.01 below H41)."""
    parent = directory.find(agency.parent or agency.code.rpartition(".")[0])
    return parent.code if parent is not None and parent.code != agency.code else ""
