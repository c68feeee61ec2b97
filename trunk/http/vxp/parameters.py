"""The signed parameters that several operations read."""

from __future__ import annotations

from trunk.domain.entry import EnvelopeKind
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.http.facades import DOCUMENTS, KINDS, STATUSES, Span
from trunk.http.problems import RefusedError, insist
from trunk.http.vxp.doors import Turn


def kinds_asked(turn: Turn) -> frozenset[EnvelopeKind]:
    """What ``messagetype`` asks for; everything, if it is not said."""
    named = insist(turn.signed.one("messagetype")).lower()
    if named not in KINDS:
        raise RefusedError(
            refuse(Code.BAD_REQUEST, path="messagetype", expected=f"{DOCUMENTS} or {STATUSES}", got=named)
        )
    return KINDS[named]


def days_asked(turn: Turn) -> Span:
    """The days between ``fromDate`` and ``toDate``."""
    return Span.of(insist(turn.signed.one("fromdate")), insist(turn.signed.one("todate")))
