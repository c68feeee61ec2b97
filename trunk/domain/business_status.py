"""The nine business statuses in their order (QĐ 28/2018): which one goes on, which comes late, which contradicts.

Each is kept and passed on, whatever it is called here: it is the agency's word. This table says how a reader should
take it; what it does to the delivery, the delivery's own table says.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from envelopes.model import StatusCode


class Standing(StrEnum):
    """How a status stands to those before it, of one recipient about one document."""

    ADVANCES = "advances"  #: the next step, or a later one: any may be skipped
    REPEATS = "repeats"  #: said before
    LATE = "late"  #: true once, and overtaken by a later one that came first
    CONTRADICTS = "contradicts"  #: taken in and refused: both cannot be
    ANSWERS = "answers"  #: 15 or 16, of an open request
    UNASKED = "unasked"  #: 15 or 16, and nobody asked
    REQUESTS = "requests"  #: 13, by the sender
    UNMATCHED = "unmatched"  #: the document is not known here, or several are


C = StatusCode
_ORDER: Final[Mapping[str, int]] = MappingProxyType(
    {C.ARRIVED: 1, C.REFUSED: 2, C.ACCEPTED: 3, C.ASSIGNED: 4, C.IN_PROGRESS: 5, C.FINISHED: 6}
)


def standing(said: str, before: frozenset[str], *, open_request: bool = False) -> Standing:
    """How the status ``said`` stands to the codes that the same recipient has given ``before``."""
    if said == C.RECALL_REQUESTED:
        return Standing.REQUESTS
    if said in (C.RECALL_AGREED, C.RECALL_REFUSED):
        return Standing.ANSWERS if open_request else Standing.UNASKED
    if said in before:
        return Standing.REPEATS
    taken_in = before & {C.ACCEPTED, C.ASSIGNED, C.IN_PROGRESS, C.FINISHED}
    if said == C.REFUSED:
        return Standing.CONTRADICTS if taken_in else Standing.ADVANCES
    if C.REFUSED in before:
        return Standing.LATE if said == C.ARRIVED else Standing.CONTRADICTS
    furthest = max((_ORDER[code] for code in before if code in _ORDER), default=0)
    return Standing.ADVANCES if _ORDER.get(said, 0) > furthest else Standing.LATE
