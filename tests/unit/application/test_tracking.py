"""Who sees what of a story: a recipient its own part, and nobody a word of others' documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.town import FIRST, SECOND, SENDER, Town
from trunk.domain.agency import Caller, SystemId
from trunk.domain.business_status import Standing
from trunk.domain.delivery import AgencyCode, EnvelopeId
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.domain.relation import Relation, RelationKind, Spoken
from trunk.domain.tracking import EnvelopeTrack, ListedStatus, StatusSearch
from trunk.domain.unmatched import WhyUnmatched
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

ID = "H41.01,2026/11/22,7816/STN-VP"


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    migrate.upgrade(engine)
    made = Town(ledger=Ledger(engine), folder=tmp_path)
    made.register()
    yield made
    engine.dispose()


def caller(*agencies: AgencyCode) -> Caller:
    return Caller(system=SystemId("s"), agencies=frozenset(agencies))


def track(town: Town, envelope_id: EnvelopeId, *agencies: AgencyCode) -> EnvelopeTrack:
    found = town.tracking().track_for(caller(*agencies), envelope_id)
    assert isinstance(found, EnvelopeTrack)
    return found


def related(town: Town, envelope_id: EnvelopeId, *agencies: AgencyCode) -> list[tuple[str, bool, str | None, str]]:
    found = track(town, envelope_id, *agencies).related
    return [(one.kind.value, one.forward, one.envelope_id, one.document_code) for one in found]


def speaks(town: Town, kind: RelationKind, number: str, *, to: AgencyCode, **more: object) -> EnvelopeId:
    relation = Relation(kind=kind, spoken=Spoken(document_id=ID))
    return town.accept(number, to=(to,), relations=(relation,), **more)[0].envelope_id


def test_a_recipient_sees_no_document_of_others_that_speaks_of_its_own(town: Town) -> None:
    first = town.accept(to=(FIRST, SECOND))[0].envelope_id
    update = speaks(town, RelationKind.UPDATES, "8", to=FIRST, business=2)
    answer = speaks(town, RelationKind.ANSWERS, "9", to=SENDER, sender=SECOND)
    elsewhere = speaks(town, RelationKind.ANSWERS, "10", to=FIRST, sender=SECOND)
    assert [one[2] for one in related(town, first, SENDER)] == [update, answer]
    assert [one[2] for one in related(town, first, FIRST)] == [update, elsewhere]
    assert [one[2] for one in related(town, first, SECOND)] == [answer, elsewhere]


def test_what_a_document_says_itself_is_seen_without_the_other_document(town: Town) -> None:
    first = town.accept(to=(SECOND,), subject="mật")[0].envelope_id
    answer = speaks(town, RelationKind.ANSWERS, "9", to=FIRST)
    assert related(town, answer, SENDER) == [("answers", True, first, "7816/STN-VP")]
    assert related(town, answer, FIRST) == [("answers", True, None, "")]
    assert track(town, answer, FIRST).related[0].spoken.document_id == ID
    assert track(town, answer, FIRST).related[0].document_id == ""


def test_a_recall_is_seen_by_those_whom_it_concerns(town: Town) -> None:
    first, second = town.accept()
    of_all = town.says(
        "7816", "13", reporter=SENDER, addressee=SENDER, about=first, delivery_id=None, standing=Standing.REQUESTS
    )
    of_one = town.says(
        "7816", "13", reporter=SENDER, addressee=SECOND, about=first, delivery_id=None, standing=Standing.REQUESTS
    )
    for agency, expected in ((SENDER, [of_all, of_one]), (FIRST, [of_all]), (SECOND, [of_all, of_one])):
        assert [report.envelope_id for report in track(town, first.envelope_id, agency).statuses] == expected
    assert [part.delivery.id for part in track(town, first.envelope_id, SECOND).deliveries] == [second.id]


def statuses(town: Town, *agencies: AgencyCode, **wanted: object) -> list[ListedStatus]:
    return list(town.tracking().statuses(StatusSearch(**wanted), caller=caller(*agencies)))


def test_statuses_are_those_that_ones_agencies_said_or_were_told(town: Town) -> None:
    (delivery,) = town.accept(to=(FIRST,))
    told = town.reports(delivery, "03", addressee=SENDER)
    lost = town.says("8", "03", reporter=SECOND, addressee=FIRST, about=None, standing=Standing.UNMATCHED)
    assert [line.envelope.id for line in statuses(town, SENDER)] == [told]
    assert [line.envelope.id for line in statuses(town, SECOND)] == [lost]
    assert [line.envelope.id for line in statuses(town, FIRST, unmatched=True)] == [lost]
    assert statuses(town, SENDER)[0].why is None
    assert statuses(town, AgencyCode("H99")) == []


def test_why_nothing_matches_gives_no_document_of_others_away(town: Town) -> None:
    town.accept("8", to=(SECOND,))
    town.says("8", "03", reporter=FIRST, addressee=SENDER, about=None, standing=Standing.UNMATCHED)
    assert statuses(town, SENDER, unmatched=True)[0].why is WhyUnmatched.OTHERS
    assert statuses(town, FIRST, unmatched=True)[0].why is WhyUnmatched.UNKNOWN
    assert town.tracking().statuses(StatusSearch(unmatched=True))[0].why is WhyUnmatched.OTHERS


def test_a_page_starts_after_a_status_of_ones_own_only(town: Town) -> None:
    (delivery,) = town.accept(to=(FIRST,))
    older, newer = (town.reports(delivery, code, addressee=SENDER) for code in ("01", "03"))
    found = town.tracking().statuses_before(caller(FIRST), newer, StatusSearch())
    assert not isinstance(found, Rejected)
    assert [line.envelope.id for line in found] == [older]
    for stranger, last in ((SECOND, newer), (FIRST, EnvelopeId("unknown")), (FIRST, delivery.envelope_id)):
        refused = town.tracking().statuses_before(caller(stranger), last, StatusSearch())
        assert isinstance(refused, Rejected)
        assert [flaw.code for flaw in refused.flaws] == [Code.BAD_REQUEST]
