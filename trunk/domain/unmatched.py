"""Why a status speaks of nothing that is known here: what both sides should look at before they ask each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from envelopes.model import StatusCode
from trunk.domain.agency import Directory
from trunk.domain.dates import parse_date
from trunk.domain.delivery import AgencyCode
from trunk.domain.document_key import key, keys_of_id


class WhyUnmatched(StrEnum):
    """What keeps a status from its document."""

    NAMELESS = "nameless"  #: it names no document: neither DocumentId nor number and date
    UNKNOWN = "unknown"  #: no document of that name has come this way
    OTHERS = "others"  #: one of that name is here, and is not between these two agencies
    LATER = "later"  #: the document came after the status
    UNCLEAR = "unclear"  #: one of that name is between them, and it could not be told that it is meant


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmatched:
    """A status that found no document, as it names it."""

    code: str  #: 01 to 16
    reporter: AgencyCode
    addressee: AgencyCode | None
    at: datetime
    document_id: str
    document_code: str = ""
    promulgation_date: str = ""  #: yyyy/MM/dd


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document that is here, on its way to one agency."""

    document_id: str
    document_key: str
    sender: AgencyCode
    addressee: AgencyCode
    accepted_at: datetime


def keys_of(said: Unmatched, directory: Directory) -> frozenset[str]:
    """The keys under which the document that ``said`` names may be known here (``trunk.domain.document_key``)."""
    issuer, _ = _ends(said)
    day = parse_date(said.promulgation_date)
    found = {*keys_of_id(directory, said.document_id), key(directory, issuer, day, said.document_code)}
    return frozenset(one for one in found if one)


def why(said: Unmatched, known: Iterable[Known], directory: Directory) -> WhyUnmatched:
    """What keeps ``said`` from its document; ``known``: documents that may be it, and others."""
    keys = keys_of(said, directory)
    if not said.document_id and not keys:
        return WhyUnmatched.NAMELESS
    named = [one for one in known if _is_named(one, said, keys)]
    if not named:
        return WhyUnmatched.UNKNOWN
    issuers, recipients = (_family(code, directory) for code in _ends(said))
    between = [one for one in named if one.sender in issuers and one.addressee in recipients]
    if not between:
        return WhyUnmatched.OTHERS
    return WhyUnmatched.LATER if all(one.accepted_at > said.at for one in between) else WhyUnmatched.UNCLEAR


def _is_named(one: Known, said: Unmatched, keys: Collection[str]) -> bool:
    by_id = bool(said.document_id) and one.document_id == said.document_id
    return by_id or one.document_key in keys


def _ends(said: Unmatched) -> tuple[str, str]:
    """Who issued the document, and who has it: a recall (13) is said by its issuer."""
    ends = (said.addressee or "", said.reporter)
    return ends[::-1] if said.code == StatusCode.RECALL_REQUESTED else ends


def _family(code: str, directory: Directory) -> frozenset[AgencyCode]:
    return directory.family(AgencyCode(code))
