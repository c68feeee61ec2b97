"""The signed parameters that several operations read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import structlog

from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp.doors import DOCUMENTS, STATUSES, Turn
from trunk.http.wire import HANOI, shorten

log = structlog.get_logger()

_ID: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DAY_FORMATS: Final = ("%Y/%m/%d", "%d/%m/%Y", "%Y-%m-%d")
_KINDS: Final[Mapping[str, frozenset[EnvelopeKind]]] = MappingProxyType(
    {
        "": frozenset({EnvelopeKind.DOCUMENT, EnvelopeKind.STATUS}),
        DOCUMENTS: frozenset({EnvelopeKind.DOCUMENT}),
        STATUSES: frozenset({EnvelopeKind.STATUS}),
    }
)


def document_id(text: str) -> str:
    """``text`` if it can be an id of ours, else nothing: what cannot is not looked up."""
    return text if _ID.fullmatch(text) else ""


def kinds_asked(turn: Turn) -> frozenset[EnvelopeKind]:
    """What ``messagetype`` asks for; everything, if it is not said."""
    named = insist(turn.signed.one("messagetype")).lower()
    if named not in _KINDS:
        raise RefusedError(
            refuse(Code.BAD_REQUEST, path="messagetype", expected=f"{DOCUMENTS} or {STATUSES}", got=named)
        )
    return _KINDS[named]


@dataclass(frozen=True, slots=True)
class Span:
    """The days between ``fromDate`` and ``toDate``, both included, by Vietnam's calendar."""

    start: datetime | None
    end: datetime | None

    @classmethod
    def asked(cls, turn: Turn) -> Span:
        start, last = _day(turn, "fromdate"), _day(turn, "todate")
        return cls(start, last + timedelta(days=1) if last else None)


def spell_moment(moment: datetime) -> str:
    """As edXML spells times: Vietnam's clock, no zone."""
    return moment.astimezone(HANOI).strftime("%Y/%m/%d %H:%M:%S")


def _day(turn: Turn, name: str) -> datetime | None:
    """A day that cannot be read is passed over: a list that is too long harms nobody, an empty one hides mail."""
    text = insist(turn.signed.one(name))
    words = text.replace("T", " ").split()
    for form in _DAY_FORMATS if words else ():
        try:
            return datetime.strptime(words[0], form).replace(tzinfo=HANOI)
        except ValueError:
            continue
    if words:
        log.info("vxp_date_passed_over", parameter=name, got=shorten(text))
    return None
