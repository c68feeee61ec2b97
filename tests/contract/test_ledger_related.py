"""Documents that speak of each other: found both ways, by any name, whatever came first."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Engine

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, accept, acceptance, entered
from trunk.domain.agency import Agency
from trunk.domain.entry import EnvelopeKind, EnvelopeRecord
from trunk.domain.relation import Relation, RelationKind, Spoken
from trunk.storage.ledger import Ledger
from trunk.storage.tables import RELATION

KEY = "H41,2026/11/22,7/stn"
HOUR = timedelta(hours=1)


def document(ledger: Ledger, document_id: str, *, hours: int = 0, **values: object) -> EnvelopeRecord:
    octets = f"{document_id} {hours}".encode()
    (accepted,) = entered(ledger, acceptance(document_id, octets, at=AT + hours * HOUR, **values))
    return accepted.envelope


def speaks(
    engine: Engine,
    later: EnvelopeRecord,
    kind: RelationKind,
    document_id: str = "",
    *keys: str,
    ordinal: int = 0,
) -> None:
    """Let ``later`` speak of a document under that id and these keys."""
    with engine.begin() as connection:
        for place, key in enumerate(keys or ("",)):
            connection.execute(
                sa.insert(RELATION).values(
                    envelope_id=later.id,
                    ordinal=ordinal,
                    place=place,
                    kind=kind,
                    organ_id="",
                    document_id=document_id,
                    document_code="",
                    promulgation_date="",
                    document_key=key,
                    organ_ids="[]",
                )
            )


def told(ledger: Ledger, envelope: EnvelopeRecord) -> list[tuple[str, bool, str | None]]:
    with ledger.read() as view:
        found = view.related(envelope.id)
        track = view.track(envelope.id)
    assert track is not None
    assert track.related == found
    return [(one.kind.value, one.forward, one.envelope_id) for one in found]


def test_an_update_and_what_it_updates_name_each_other(ledger: Ledger, engine: Engine) -> None:
    first = document(ledger, "VB-1")
    update = document(ledger, "VB-2", hours=1, business=2)
    speaks(engine, update, RelationKind.UPDATES, "VB-1")
    assert told(ledger, update) == [("updates", True, first.id)]
    assert told(ledger, first) == [("updates", False, update.id)]


def test_old_codes_and_number_date_and_agency_name_the_same(ledger: Ledger, engine: Engine) -> None:
    first = document(ledger, "H41,2026/11/22,7/STN", document_key=KEY)
    by_old_code = document(ledger, "VB-2", hours=1, business=3)
    by_number = document(ledger, "VB-3", hours=2, sender=RECIPIENT)
    speaks(engine, by_old_code, RelationKind.REPLACES, "000.00.00.H41,2026/11/22,7/STN", KEY)
    speaks(engine, by_number, RelationKind.ANSWERS, "", "H99,2026/11/22,7/stn", KEY)
    assert told(ledger, first) == [("replaces", False, by_old_code.id), ("answers", False, by_number.id)]
    assert told(ledger, by_number) == [("answers", True, first.id)]


def test_what_is_spoken_of_may_come_later_or_never(ledger: Ledger, engine: Engine) -> None:
    answer = document(ledger, "VB-2", sender=RECIPIENT)
    speaks(engine, answer, RelationKind.ANSWERS, "VB-1")
    assert told(ledger, answer) == [("answers", True, None)]
    first = document(ledger, "VB-1", hours=1)
    assert told(ledger, answer) == [("answers", True, first.id)]
    assert told(ledger, first) == [("answers", False, answer.id)]


def test_of_documents_with_one_id_the_new_one_is_meant(ledger: Ledger, engine: Engine) -> None:
    first = document(ledger, "VB-1", business=0)
    update = document(ledger, "VB-1", hours=1, business=2)
    revocation = document(ledger, "VB-1", hours=2, business=1)
    speaks(engine, update, RelationKind.UPDATES, "VB-1")
    speaks(engine, revocation, RelationKind.REVOKES, "VB-1")
    assert told(ledger, first) == [("updates", False, update.id), ("revokes", False, revocation.id)]
    assert told(ledger, update) == [("updates", True, first.id)]
    assert told(ledger, revocation) == [("revokes", True, first.id)]


def test_of_new_ones_with_one_id_the_last_before_it_is_meant(ledger: Ledger, engine: Engine) -> None:
    older, newer = document(ledger, "VB-1"), document(ledger, "VB-1", hours=1)
    update = document(ledger, "VB-2", hours=2, business=2)
    latest = document(ledger, "VB-1", hours=3)
    speaks(engine, update, RelationKind.UPDATES, "VB-1")
    assert told(ledger, update) == [("updates", True, newer.id)]
    assert told(ledger, older) == told(ledger, latest) == []


def test_nobody_revokes_what_another_agency_sent_and_a_successor_does(ledger: Ledger, engine: Engine) -> None:
    first = document(ledger, "VB-1")
    revocation = document(ledger, "VB-2", hours=1, business=1, sender=OTHER)
    speaks(engine, revocation, RelationKind.REVOKES, "VB-1")
    assert told(ledger, revocation) == [("revokes", True, None)]
    assert told(ledger, first) == []
    with ledger.begin() as book:
        book.put_agency(Agency(code=OTHER, name="Sở mới"))
        book.put_agency(Agency(code=SENDER, name="Sở cũ", successor=OTHER))
    assert told(ledger, revocation) == [("revokes", True, first.id)]
    assert told(ledger, first) == [("revokes", False, revocation.id)]


def test_several_are_told_the_oldest_first_and_each_once(ledger: Ledger, engine: Engine) -> None:
    second, first = document(ledger, "VB-2", hours=1), document(ledger, "VB-1")
    both = document(ledger, "VB-3", hours=2, business=3)
    speaks(engine, both, RelationKind.REPLACES, "VB-2")
    speaks(engine, both, RelationKind.REPLACES, "VB-1", ordinal=1)
    speaks(engine, both, RelationKind.REPLACES, "VB-1", ordinal=2)
    assert told(ledger, both) == [("replaces", True, first.id), ("replaces", True, second.id)]


def test_statuses_are_tied_to_nothing_here(ledger: Ledger) -> None:
    status = document(ledger, "VB-1", kind=EnvelopeKind.STATUS)
    assert told(ledger, status) == []


def test_relations_are_entered_with_the_document_and_once(ledger: Ledger, engine: Engine) -> None:
    """A row for each key, one without a key where there is none; a repetition adds nothing."""
    spoken = Spoken(organ_id="000.00.00.H41", document_id="VB-1", keys=(KEY, "H99,2026/11/22,7/stn"))
    update = Relation(kind=RelationKind.UPDATES, spoken=spoken, organ_ids=("H41.05",))
    answer = Relation(kind=RelationKind.ANSWERS, spoken=Spoken(document_code="9/STN"))
    first = document(ledger, "VB-1", document_key=KEY)
    made = dataclasses.replace(acceptance("VB-2", at=AT + HOUR, business=2), relations=(update, answer))
    again = dataclasses.replace(acceptance("VB-2", at=AT + HOUR, business=2), relations=(update, answer))
    (later,) = entered(ledger, made)
    accept(ledger, again)
    with engine.connect() as connection:
        rows = connection.execute(sa.select(RELATION).order_by(RELATION.c.ordinal, RELATION.c.place)).all()
    assert [(row.envelope_id, row.ordinal, row.place, row.kind, row.document_key) for row in rows] == [
        (later.envelope.id, 0, 0, "updates", KEY),
        (later.envelope.id, 0, 1, "updates", "H99,2026/11/22,7/stn"),
        (later.envelope.id, 1, 0, "answers", ""),
    ]
    with ledger.read() as view:
        found = view.related(later.envelope.id)
    assert {one.kind: (one.envelope_id, one.spoken) for one in found} == {
        RelationKind.UPDATES: (first.id, spoken),
        RelationKind.ANSWERS: (None, answer.spoken),
    }
