"""Lists of business statuses, and what a track tells of requests, times and ids with other hubs."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from tests.ledger_kit import AT, OTHER, RECIPIENT, SENDER, acceptance, entered, move
from trunk.domain.agency import Agency, Directory
from trunk.domain.business_status import Standing
from trunk.domain.change_request import RequestKind, RequestState
from trunk.domain.delivery import AgencyCode, DeliveryEvent, DeliveryId, EnvelopeId
from trunk.domain.entry import AcceptedEnvelope, EnvelopeKind
from trunk.domain.hub_link import Direction, LinkState
from trunk.domain.tracking import ListedStatus, StatusReport, StatusSearch
from trunk.domain.unmatched import Unmatched, WhyUnmatched, keys_of, why
from trunk.storage.ledger import Ledger
from trunk.storage.tables import CHANGE_REQUEST, HUB_LINK

HOUR = timedelta(hours=1)
DIRECTORY = Directory([Agency(code=code, name=code) for code in (SENDER, RECIPIENT, OTHER)])


def reported(
    ledger: Ledger,
    code: str = "03",
    *,
    document: AcceptedEnvelope | None = None,
    reporter: AgencyCode = RECIPIENT,
    addressee: AgencyCode = SENDER,
    **values: object,
) -> EnvelopeId:
    """A status; without a ``document`` it matches none."""
    number = len(statuses(ledger))
    at = AT + number * HOUR
    (told,) = entered(
        ledger,
        acceptance(
            "VB-1", f"status {number}".encode(), to=(addressee,), kind=EnvelopeKind.STATUS, sender=reporter, at=at
        ),
    )
    report = StatusReport(
        envelope_id=told.envelope.id,
        code=code,
        description="",
        reporter=reporter,
        at=at,
        delivery_id=document.deliveries[0].id if document else None,
        addressee=addressee,
        standing=Standing.ADVANCES if document else Standing.UNMATCHED,
    )
    with ledger.begin() as book:
        book.record_status(dataclasses.replace(report, **values), about=document.envelope.id if document else None)
    return told.envelope.id


def statuses(ledger: Ledger, *agencies: AgencyCode, **wanted: object) -> list[ListedStatus]:
    with ledger.read() as view:
        return view.statuses(StatusSearch(agencies=frozenset(agencies) if agencies else None, **wanted))


def ids(found: list[ListedStatus]) -> list[EnvelopeId]:
    return [line.envelope.id for line in found]


def test_what_an_agency_said_and_was_told_newest_first(ledger: Ledger) -> None:
    (document,) = entered(ledger, acceptance("VB-1"))
    first = reported(ledger, document=document)
    second = reported(ledger, reporter=OTHER)
    third = reported(ledger, reporter=SENDER, addressee=RECIPIENT)
    assert ids(statuses(ledger)) == [third, second, first]
    assert ids(statuses(ledger, SENDER)) == [third, second, first]
    assert ids(statuses(ledger, RECIPIENT)) == [third, first]
    assert ids(statuses(ledger, OTHER)) == [second]
    assert ids(statuses(ledger, OTHER, RECIPIENT)) == [third, second, first]
    assert statuses(ledger, AgencyCode("G12")) == []
    found = statuses(ledger)[2]
    assert (found.about, found.report.delivery_id) == (document.envelope.id, document.deliveries[0].id)


def test_only_what_matches_nothing(ledger: Ledger) -> None:
    (document,) = entered(ledger, acceptance("VB-1"))
    reported(ledger, document=document)
    lost = reported(ledger, reporter=OTHER)
    for agencies in ((), (OTHER,), (SENDER,)):
        (line,) = statuses(ledger, *agencies, unmatched=True)
        assert (line.envelope.id, line.about, line.report.standing) == (lost, None, Standing.UNMATCHED)
    assert statuses(ledger, RECIPIENT, unmatched=True) == []


@pytest.mark.parametrize("only", [{"unmatched": True}, {}])
def test_pages_follow_each_other_also_within_one_moment(ledger: Ledger, only: dict[str, bool]) -> None:
    every = [reported(ledger, **({"at": AT} if only else {})) for _ in range(2)]
    every += [reported(ledger) for _ in range(3)]
    for agencies in ((), (SENDER,), (RECIPIENT, SENDER)):
        seen: list[EnvelopeId] = []
        page = statuses(ledger, *agencies, limit=2, **only)
        while page:
            seen += ids(page)
            page = statuses(ledger, *agencies, limit=2, **only, before=page[-1].report)
        assert sorted(seen) == sorted(every)
        assert len(seen) == len(every)


def test_a_status_is_found_by_its_message(ledger: Ledger) -> None:
    told = reported(ledger)
    with ledger.read() as view:
        found = view.status(told)
        assert found is not None
        assert found.report.envelope_id == told
        assert view.status(EnvelopeId("unknown")) is None


def because(ledger: Ledger, *, seen_by: tuple[AgencyCode, ...] | None = None, **said: object) -> WhyUnmatched:
    values: dict[str, object] = {"code": "03", "reporter": RECIPIENT, "addressee": SENDER, "at": AT}
    one = Unmatched(**{**values, "document_id": "", **said})
    with ledger.read() as view:
        known = view.known(document_ids={one.document_id} - {""}, keys=keys_of(one, DIRECTORY), seen_by=seen_by)
    return why(one, known, DIRECTORY)


def test_why_a_status_matches_nothing(ledger: Ledger) -> None:
    key = "H41,2026/11/22,7/stn"
    entered(
        ledger,
        acceptance("VB-1", document_key=key, at=AT - HOUR),
        acceptance("VB-2", b"2", to=(OTHER,)),
        acceptance("VB-3", b"3", at=AT + HOUR),
    )
    assert because(ledger) is WhyUnmatched.NAMELESS
    assert because(ledger, document_id="VB-9") is WhyUnmatched.UNKNOWN
    assert because(ledger, document_id="VB-1") is WhyUnmatched.UNCLEAR
    assert because(ledger, document_code="7/STN", promulgation_date="2026/11/22") is WhyUnmatched.UNCLEAR
    assert because(ledger, document_id="VB-2") is WhyUnmatched.OTHERS
    assert because(ledger, document_id="VB-3") is WhyUnmatched.LATER
    recall = {"code": "13", "reporter": SENDER, "addressee": OTHER}
    assert because(ledger, document_id="VB-2", **recall) is WhyUnmatched.UNCLEAR


def test_documents_of_others_are_no_reason(ledger: Ledger) -> None:
    entered(ledger, acceptance("VB-2", to=(OTHER,)))
    assert because(ledger, document_id="VB-2", seen_by=(RECIPIENT,)) is WhyUnmatched.UNKNOWN
    assert because(ledger, document_id="VB-2", seen_by=(SENDER,)) is WhyUnmatched.OTHERS


def test_a_track_tells_requests_times_and_links(ledger: Ledger, engine: Engine) -> None:
    (document,) = entered(ledger, acceptance("VB-1", to=(RECIPIENT, OTHER)))
    first, second = document.deliveries
    with ledger.begin() as book:
        assert book.fetched([first.id], at=AT + HOUR)
        move(book, first.id, DeliveryEvent.HANDED_OVER, at=AT + 2 * HOUR)
        move(book, first.id, DeliveryEvent.RECEIPTED, at=AT + 3 * HOUR)
    with engine.begin() as connection:
        _ask(connection, document, first.id, "R2", RequestKind.UPDATE, AT + 5 * HOUR)
        _ask(connection, document, first.id, "R1", RequestKind.RECALL, AT + 4 * HOUR)
        for number, delivery in enumerate((first.id, None)):
            connection.execute(
                sa.insert(HUB_LINK).values(
                    id=f"L{number}",
                    hub="national",
                    direction=Direction.UP,
                    remote_id=f"7{number}",
                    state=LinkState.OPEN,
                    at=AT,
                    envelope_id=document.envelope.id,
                    delivery_id=delivery,
                    reason="",
                )
            )
    with ledger.read() as view:
        track = view.track(document.envelope.id)
        assert view.requests([second.id]) == {}
        assert [one.id for one in view.requests([first.id, second.id])[first.id]] == ["R1", "R2"]
    assert track is not None
    part, other = track.deliveries
    assert (part.fetched_at, part.taken_at, part.settled_at) == (AT + HOUR, AT + 2 * HOUR, AT + 3 * HOUR)
    assert (other.fetched_at, other.taken_at, other.settled_at) == (None, None, None)
    assert [(one.id, one.kind, one.state) for one in part.requests] == [
        ("R1", RequestKind.RECALL, RequestState.OPEN),
        ("R2", RequestKind.UPDATE, RequestState.OPEN),
    ]
    assert other.requests == []
    assert [link.remote_id for link in part.links] == ["70"]
    assert [link.remote_id for link in track.links] == ["71"]


def _ask(
    connection: sa.Connection,
    document: AcceptedEnvelope,
    delivery_id: DeliveryId,
    name: str,
    kind: RequestKind,
    at: object,
) -> None:
    connection.execute(
        sa.insert(CHANGE_REQUEST).values(
            id=name,
            kind=kind,
            state=RequestState.OPEN,
            delivery_id=delivery_id,
            envelope_id=document.envelope.id,
            asked_by=document.envelope.id,
            asked_at=at,
            reason="",
        )
    )


def test_a_recall_from_all_is_about_the_whole_and_no_recipient(ledger: Ledger) -> None:
    (document,) = entered(ledger, acceptance("VB-1"))
    recall = reported(ledger, "13", document=document, delivery_id=None, standing=Standing.REQUESTS)
    vague = reported(ledger, "03", document=document, delivery_id=None, standing=Standing.UNMATCHED)
    with ledger.read() as view:
        track = view.track(document.envelope.id)
    assert track is not None
    assert [report.envelope_id for report in track.statuses] == [recall]
    assert [report.envelope_id for report in track.unmatched] == [vague]


def test_an_agency_sees_what_it_sent_and_receives(ledger: Ledger) -> None:
    (mine,) = entered(ledger, acceptance("VB-1"))
    (others,) = entered(ledger, acceptance("VB-2", b"2", sender=OTHER, to=(AgencyCode("G12"),)))
    both = {mine.envelope.id, others.envelope.id}
    with ledger.read() as view:
        assert view.seen(both, by={SENDER}) == {mine.envelope.id}
        assert view.seen(both, by={RECIPIENT, AgencyCode("G12")}) == both
        assert view.seen(both, by=set()) == frozenset()
