"""Which documents are tied to each other, worked out when asked: what came first does not matter.

A later document says what it does to an earlier one, under the names that it knows (``RELATION``). Several documents
may answer to a name, for an update often has the ``DocumentId`` of what it updates: meant is a new document rather
than one that changes it, and one that was here before rather than one that came later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import Connection

from envelopes.model import BusinessKind
from trunk.domain.delivery import EnvelopeId
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.relation import RelatedDocument, RelationKind, Spoken
from trunk.storage import directory
from trunk.storage.tables import ENVELOPE, RELATION

FOUND: Final = 100
"""How many documents are looked at for one name; fixed sample ids are shared by many."""

_DOCUMENTS: Final = ENVELOPE.c.kind == EnvelopeKind.DOCUMENT
# Spelled out, not bound: the databases then know that the partial indexes apply.
_NOT_OURS: Final = sa.text("envelope.kind <> 'acknowledgement'")
_HAS_KEY: Final = sa.text("envelope.document_key <> ''")
_NAMES_ID: Final = sa.text("relation.document_id <> ''")
_NAMES_KEY: Final = sa.text("relation.document_key <> ''")
_ENDS: Final = tuple(
    ENVELOPE.c[name]
    for name in ("id", "sender", "document_id", "document_code", "document_key", "business", "accepted_at")
)


@dataclass(frozen=True, slots=True)
class _Said:
    """One relation with the document that says it."""

    by: Any  #: a row of ``_ENDS``
    kind: RelationKind
    spoken: Spoken


def related(connection: Connection, envelope: EnvelopeRecord) -> list[RelatedDocument]:
    """What ``envelope`` says of other documents, and what others say of it; the oldest of them first."""
    if envelope.kind is not EnvelopeKind.DOCUMENT:
        return []
    reader = _Reader(connection)
    found: dict[tuple[object, ...], tuple[datetime, RelatedDocument]] = {}
    for at, one in (*reader.forward(envelope), *reader.backward(envelope)):
        found.setdefault((one.kind, one.forward, one.envelope_id or one.spoken), (at, one))
    return [one for _, one in sorted(found.values(), key=lambda pair: pair[0])]


@dataclass(frozen=True, slots=True)
class _Reader:
    connection: Connection

    def forward(self, envelope: EnvelopeRecord) -> Iterator[tuple[datetime, RelatedDocument]]:
        for said in self._said(RELATION.c.envelope_id == envelope.id):
            meant = self._meant(said)
            yield (meant.accepted_at if meant else envelope.accepted_at), _pair(said, meant, forward=True)

    def backward(self, envelope: EnvelopeRecord) -> Iterator[tuple[datetime, RelatedDocument]]:
        """Those that mean this very document, not another one of the same name."""
        conditions = [(RELATION.c.document_id == envelope.document_id, _NAMES_ID)] if envelope.document_id else []
        if envelope.document_key:
            conditions.append((RELATION.c.document_key == envelope.document_key, _NAMES_KEY))
        if not conditions:
            return
        named = sa.union(*(sa.select(RELATION.c.envelope_id).where(*one) for one in conditions))
        for said in self._said(RELATION.c.envelope_id.in_(named), RELATION.c.envelope_id != envelope.id):
            meant = self._meant(said)
            if meant is not None and meant.id == envelope.id:
                yield said.by.accepted_at, _pair(said, said.by, forward=False)

    def _said(self, *conditions: sa.ColumnElement[bool]) -> Iterator[_Said]:
        rows = self.connection.execute(
            sa.select(*_ENDS, *(column.label(f"said_{column.name}") for column in RELATION.columns))
            .join_from(RELATION, ENVELOPE, ENVELOPE.c.id == RELATION.c.envelope_id)
            .where(*conditions)
            .order_by(ENVELOPE.c.accepted_at.desc(), ENVELOPE.c.id, RELATION.c.ordinal, RELATION.c.place)
            .limit(FOUND)
        )
        groups: defaultdict[tuple[str, int], list[Any]] = defaultdict(list)
        for row in rows:
            groups[row.id, row.said_ordinal].append(row)
        for group in groups.values():
            first = group[0]
            spoken = Spoken(
                organ_id=first.said_organ_id,
                document_id=first.said_document_id,
                document_code=first.said_document_code,
                promulgation_date=first.said_promulgation_date,
                keys=tuple(row.said_document_key for row in group if row.said_document_key),
            )
            yield _Said(first, first.said_kind, spoken)

    def _meant(self, said: _Said) -> Any | None:
        """The document that is spoken of; ``None`` if it is not known here."""
        spoken, by = said.spoken, said.by
        names = []
        if spoken.document_id:
            names.append(sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_id == spoken.document_id, _NOT_OURS))
        if spoken.keys:
            names.append(sa.select(ENVELOPE.c.id).where(ENVELOPE.c.document_key.in_(spoken.keys), _HAS_KEY))
        if not names:
            return None
        rows = self.connection.execute(
            sa.select(*_ENDS)
            .where(ENVELOPE.c.id.in_(sa.union(*names)), _DOCUMENTS, ENVELOPE.c.id != by.id)
            .order_by(ENVELOPE.c.business != BusinessKind.NEW, ENVELOPE.c.accepted_at > by.accepted_at)
            .order_by(ENVELOPE.c.accepted_at.desc(), ENVELOPE.c.id)
            .limit(FOUND)
        )
        return next((row for row in rows if self._may(said, row)), None)

    def _may(self, said: _Said, earlier: Any) -> bool:
        """Nobody revokes, updates or replaces what another agency has sent."""
        if said.kind is RelationKind.ANSWERS or earlier.sender == said.by.sender:
            return True
        return earlier.sender in directory.directory(self.connection).family(said.by.sender)


def _pair(said: _Said, other: Any | None, *, forward: bool) -> RelatedDocument:
    return RelatedDocument(
        kind=said.kind,
        forward=forward,
        spoken=said.spoken,
        envelope_id=None if other is None else EnvelopeId(other.id),
        document_code="" if other is None else other.document_code,
        document_id="" if other is None else other.document_id,
    )
