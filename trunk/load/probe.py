"""What can be known before a run: whether the trunk answers, takes the keys, and would take such a document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import urlencode

import orjson

from trunk.load.client import Client
from trunk.load.wire import GoneError, Reply


class Obstacle(StrEnum):
    """Why there is no run."""

    NO_ANSWER = "no_answer"
    NO_TRUNK = "no_trunk"
    KEY_REFUSED = "key_refused"
    NOT_ITS_AGENCY = "not_its_agency"
    DOCUMENT_REFUSED = "document_refused"
    COME_AGAIN = "come_again"


@dataclass(frozen=True, slots=True)
class Flaw:
    """One reason why the document would be refused, as the trunk tells it."""

    code: str
    got: str
    title: Mapping[str, str]  #: by language
    remedy: Mapping[str, str]


class ObstacleError(Exception):
    """There is no run; ``about``: what was answered, or whose key it is."""

    def __init__(self, obstacle: Obstacle, about: str = "", flaws: Sequence[Flaw] = ()) -> None:
        super().__init__(obstacle)
        self.obstacle, self.about, self.flaws = obstacle, about, flaws


async def probe(client: Client, document: bytes) -> None:
    """A rehearsal: nothing is entered, nobody is told. Raises ``ObstacleError``."""
    try:
        reply = await client.post("/api/v1/validate", document, "application/xml")
    except GoneError as gone:
        raise ObstacleError(Obstacle.NO_ANSWER, str(gone)) from gone
    told = _insist(reply, about="")
    if not told.get("acceptable"):
        raise ObstacleError(Obstacle.DOCUMENT_REFUSED, flaws=[_flaw(fault) for fault in told.get("faults", ())])


async def probe_inbox(client: Client, agency: str) -> None:
    """Whether the client's key reads the inbox of ``agency``. Raises ``ObstacleError``."""
    try:
        reply = await client.get(f"/api/v1/inbox?{urlencode({'agency': agency, 'limit': 1})}")
    except GoneError as gone:
        raise ObstacleError(Obstacle.NO_ANSWER, str(gone)) from gone
    _insist(reply, about=agency)


def _insist(reply: Reply, *, about: str) -> Mapping[str, Any]:
    try:
        told = reply.json
    except orjson.JSONDecodeError:
        told = None
    if not isinstance(told, dict):
        raise ObstacleError(Obstacle.NO_TRUNK, str(reply.status))
    if reply.status == 200:
        return told
    if reply.status == 401:
        raise ObstacleError(Obstacle.KEY_REFUSED, about)
    if about and reply.status in (403, 404):
        raise ObstacleError(Obstacle.NOT_ITS_AGENCY, about)
    if "code" not in told:
        raise ObstacleError(Obstacle.NO_TRUNK, str(reply.status))
    later = reply.status == 429 or reply.status >= 500
    flaws = [_flaw(fault) for fault in told.get("faults", ())]
    raise ObstacleError(Obstacle.COME_AGAIN if later else Obstacle.DOCUMENT_REFUSED, str(told["code"]), flaws)


def _flaw(fault: Mapping[str, Any]) -> Flaw:
    return Flaw(code=fault["code"], got=fault["got"], title=fault["title"], remedy=fault["remedy"])
