"""What verdicts lack is fetched between two looks: by few, not long, and in nobody's way."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from signing.errors import SigningCode
from signing.evidence import EvidenceKind, Wanted
from signing.examination import Examination
from signing.report import AttachmentReport, Report
from signing.verdict import Finding, Indication, Place, Verdict
from tests.unit.http.fakes import AT, OCTETS, House
from tests.unit.http.serving import Client, serving
from trunk.application.examiners import Cost, TooCostly
from trunk.domain.outcome import refuse
from trunk.domain.rejection import Code
from trunk.errors import OverloadedError
from trunk.http.app import make_app
from trunk.http.errands import Errands

PATH = "/api/v1/envelopes"
LIST = Wanted(kind=EvidenceKind.CRL, urls=("http://crl.test/ca.crl",), subject=b"subject", issuer=b"issuer")


def verdict(indication: Indication, *wanted: Wanted, place: Place = Place.ENVELOPE) -> Verdict:
    unknown = Finding(code=SigningCode.REVOCATION_UNKNOWN)
    findings = (unknown,) if indication is Indication.INDETERMINATE else ()
    return Verdict(indication=indication, place=place, signing_time=AT, findings=findings, wanted=wanted)


def found(envelope: Verdict, *inside: Verdict) -> Examination:
    attachments = tuple(AttachmentReport(content_id="1", main=True, verdicts=(one,)) for one in inside)
    return Examination(message=None, report=Report(at=AT, envelope=envelope, attachments=attachments))


PASSED = found(verdict(Indication.TOTAL_PASSED))
UNKNOWN = found(verdict(Indication.INDETERMINATE, LIST))


def test_what_is_lacking_is_fetched_and_looked_at_once_more(house: House, client: Client) -> None:
    house.intake.finds = [UNKNOWN, PASSED]
    assert client.post(PATH, OCTETS).status == 201
    assert (house.fetcher.wanted, house.fetcher.timeouts) == ([LIST], [3])
    assert len(house.intake.seen) == 2
    assert house.intake.decided_on == [PASSED]


def test_a_signature_inside_an_attachment_is_waited_for_too(house: House, client: Client) -> None:
    inside = verdict(Indication.INDETERMINATE, LIST, place=Place.ATTACHMENT)
    house.intake.finds = [found(verdict(Indication.TOTAL_PASSED), inside), PASSED]
    client.post(PATH, OCTETS)
    assert house.intake.decided_on == [PASSED]


def test_what_is_still_unknown_is_looked_at_no_third_time_and_comes_again(house: House, client: Client) -> None:
    house.intake.finds = [UNKNOWN, UNKNOWN, PASSED]
    house.intake.outcome = refuse(Code.REVOCATION_UNKNOWN)
    answer = client.post(PATH, OCTETS)
    assert (answer.status, answer.codes) == (503, ["SIG-301"])
    assert int(answer.headers["Retry-After"]) > 0
    assert len(house.intake.seen) == 2


@pytest.mark.parametrize(
    "first",
    [
        found(verdict(Indication.TOTAL_PASSED, LIST)),  # for freshness
        found(verdict(Indication.TOTAL_FAILED, LIST)),
        found(verdict(Indication.INDETERMINATE)),  # without a signature
        TooCostly(cost=Cost.TIME, limit="at most 2 s"),
    ],
)
def test_nobody_waits_where_waiting_does_not_help(house: House, client: Client, first: Any) -> None:
    house.intake.finds = [first, PASSED]
    client.post(PATH, OCTETS)
    assert house.intake.decided_on == [first]
    assert not house.fetcher.timeouts


def test_what_is_only_for_freshness_is_fetched_all_the_same(house: House, client: Client) -> None:
    house.intake.finds = [found(verdict(Indication.TOTAL_PASSED, LIST))]
    client.post(PATH, OCTETS)
    assert house.fetcher.wanted == [LIST]


def test_a_rehearsal_is_examined_as_an_acceptance_would_be(house: House, client: Client) -> None:
    house.intake.finds = [UNKNOWN, PASSED]
    assert client.post("/api/v1/validate", OCTETS).status == 200
    assert len(house.intake.seen) == 2


def test_who_waits_holds_up_nobody_and_too_many_do_not_wait(house: House) -> None:
    house.places, house.fetcher.fetched = 8, threading.Event()  # of which one caller may have two
    house.intake.finds = [UNKNOWN, UNKNOWN]
    with serving(make_app(house.doors()), key="edoc_s_1") as client, ThreadPoolExecutor(2) as senders:
        waiting = [senders.submit(client.post, PATH, OCTETS) for _ in range(2)]
        while len(house.fetcher.timeouts) < 2:
            pass
        assert client.post(PATH, OCTETS).status == 201
        house.intake.finds = [UNKNOWN]
        refused = client.post(PATH, OCTETS)
        assert (refused.status, refused.codes) == (503, ["TRK-106"])
        metrics = client.get("/metrics").octets.decode()
        house.fetcher.fetched.set()
        assert [answer.result().status for answer in waiting] == [201, 201]
    assert "trunk_submissions_waiting_for_revocation 2.0" in metrics


def test_one_callers_errands_leave_places_for_others(house: House) -> None:
    async def senders() -> list[bool | BaseException]:
        many = [errands.run(UNKNOWN.report, caller="many") for _ in range(6)]
        waiting = [asyncio.ensure_future(one) for one in (*many, errands.run(UNKNOWN.report, caller="few"))]
        await asyncio.sleep(0)
        assert errands.taken == 3
        fetched.set()
        return await asyncio.gather(*waiting, return_exceptions=True)

    house.fetcher.fetched = fetched = threading.Event()
    errands = Errands(house.fetcher, seconds=3, places=8)
    found = asyncio.run(senders())
    assert [one is True for one in found] == [True, True, False, False, False, False, True]
    assert all(isinstance(one, OverloadedError) for one in found[2:6])
    assert errands.taken == 0
