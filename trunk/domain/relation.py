"""What a document says of earlier ones: that it answers, revokes, updates or replaces them.

Kept as said, beside the keys under which the earlier one may be known here: it may have another spelling, come later,
or never have come this way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from envelopes.model import BusinessKind, Document, ResponseFor
from trunk.domain.agency import Directory
from trunk.domain.dates import spell_date
from trunk.domain.delivery import EnvelopeId
from trunk.domain.document_key import key, keys_of_id


class RelationKind(StrEnum):
    """What the later document does to the earlier one."""

    ANSWERS = "answers"
    REVOKES = "revokes"
    UPDATES = "updates"
    REPLACES = "replaces"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A document as somebody speaks of it; empty: not said."""

    organ_id: str = ""  #: as written
    document_id: str = ""
    document_code: str = ""
    promulgation_date: str = ""  #: yyyy/MM/dd
    keys: tuple[str, ...] = ()  #: ``trunk.domain.document_key``, each once, the surest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One earlier document that a document speaks of."""

    kind: RelationKind
    spoken: Spoken
    organ_ids: tuple[str, ...] = ()  #: of replacements: who had received it, as written


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedDocument:
    """A relation between two documents that are both known here, or whose other end never came this way."""

    kind: RelationKind
    forward: bool  #: True: this document does it to the other; False: the other does it to this one
    spoken: Spoken
    envelope_id: EnvelopeId | None  #: of the other end; None: not known here
    document_code: str = ""
    document_id: str = ""


_BY_BUSINESS = {
    BusinessKind.REVOKE: RelationKind.REVOKES,
    BusinessKind.UPDATE: RelationKind.UPDATES,
    BusinessKind.REPLACE: RelationKind.REPLACES,
}


def relations(document: Document, directory: Directory) -> tuple[Relation, ...]:
    """What ``document`` says of earlier ones, each once."""
    return tuple(dict.fromkeys(_relations(document, directory)))


def spoken_of(response: ResponseFor, directory: Directory, *, issuers: Sequence[str] = ()) -> Spoken:
    """``ResponseFor`` as a document that was spoken of; ``issuers``: agencies that may have issued it, besides."""
    code, day = response.code, response.promulgation_date
    found = [
        *keys_of_id(directory, response.document_id),
        *(key(directory, organ, day, code) for organ in (response.organ_id, *issuers)),
    ]
    return Spoken(
        organ_id=response.organ_id,
        document_id=response.document_id,
        document_code=code,
        promulgation_date=spell_date(day),
        keys=tuple(dict.fromkeys(one for one in found if one)),
    )


def _relations(document: Document, directory: Directory) -> Iterator[Relation]:
    kind = _BY_BUSINESS.get(document.business.kind, RelationKind.ANSWERS)
    own = () if kind is RelationKind.ANSWERS else (document.sender.organ_id,)
    named = document.business.document_id if kind is not RelationKind.ANSWERS else ""
    replaced = {one.document_id for one in document.business.replacements}
    for each in document.business.replacements:
        yield Relation(kind=RelationKind.REPLACES, spoken=_by_id(each.document_id, directory), organ_ids=each.organ_ids)
    answered = {response.document_id for response in document.response_for}
    if named and named not in replaced | answered:
        yield Relation(kind=kind, spoken=_by_id(named, directory))
    for response in document.response_for:
        if response.document_id not in replaced or not response.document_id:
            yield Relation(kind=_kind(kind, response, named), spoken=spoken_of(response, directory, issuers=own))


def _kind(kind: RelationKind, response: ResponseFor, named: str) -> RelationKind:
    """``ResponseFor`` of a revocation names what is revoked; of an update or replacement it may be an answer too."""
    if kind is RelationKind.REVOKES or (named and response.document_id == named):
        return kind
    return RelationKind.ANSWERS


def _by_id(document_id: str, directory: Directory) -> Spoken:
    return Spoken(document_id=document_id, keys=tuple(keys_of_id(directory, document_id)))
