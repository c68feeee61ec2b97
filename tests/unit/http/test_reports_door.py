"""Reports over HTTP: whose, of which days, in which words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.http.fakes import AT, RECIPIENT, SENDER, House
from tests.unit.http.reports_fake import FakePunctuality
from tests.unit.http.serving import Client, serving
from trunk.domain.punctuality import LateKind
from trunk.domain.rejection import Code
from trunk.http.app import make_app
from trunk.http.wire import HANOI

PUNCTUALITY, OVERDUE = "/api/v1/reports/punctuality", "/api/v1/reports/overdue"


@pytest.fixture
def reports() -> FakePunctuality:
    return FakePunctuality()


@pytest.fixture
def client(tmp_path: Path, quiet: None, reports: FakePunctuality) -> Iterator[Client]:
    house = House(tmp_path)
    house.punctuality = reports
    with serving(make_app(house.doors()), key="edoc_s_1") as client:
        yield client


@pytest.mark.parametrize(
    ("path", "named"),
    [
        (f"{PUNCTUALITY}?from=2026-02-30", "from"),
        (f"{PUNCTUALITY}?from=2026-11-02&to=2026-11-01", "from"),
        (f"{PUNCTUALITY}?from=2026-01-01&to=2026-12-31", "from"),
        (f"{PUNCTUALITY}?to=01/11/2026", "to"),
        (f"{PUNCTUALITY}?since=2026-11-01", "since"),
        (f"{OVERDUE}?kind=not_read", "kind"),
        (f"{OVERDUE}?limit=501", "limit"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(client: Client, path: str, named: str) -> None:
    answer = client.get(path)
    assert (answer.status, answer.codes) == (400, [Code.BAD_REQUEST])
    assert answer.json["faults"][0]["path"] == named


@pytest.mark.parametrize("path", [PUNCTUALITY, OVERDUE])
def test_an_agency_that_nobody_knows_is_not_found(client: Client, path: str) -> None:
    assert client.get(f"{path}?agency=Z99").status == 404


@pytest.mark.parametrize("path", [PUNCTUALITY, OVERDUE])
def test_nobody_reads_reports_without_a_key(client: Client, path: str) -> None:
    assert client.using("").get(path).status == 401


def test_a_report_is_of_whole_days_in_vietnam_and_of_the_callers_mail(client: Client, reports: FakePunctuality) -> None:
    answer = client.get(f"{PUNCTUALITY}?from=2026-11-01&to=2026-11-02&agency={RECIPIENT}").json
    assert (answer["start"], answer["end"]) == ("2026-11-01T00:00:00.000+07:00", "2026-11-03T00:00:00.000+07:00")
    (asked,) = reports.asked
    assert (asked["recipient"], asked["caller"].agencies) == (RECIPIENT, {SENDER})
    assert answer["agencies"] == [
        {
            "agency": RECIPIENT,
            "name": "Sở Nhận",
            "documents": 3,
            "fetched": {"count": 2, "median_seconds": 90.0, "p90_seconds": 120.5},
            "received": None,
            "late_in_period": {"not_fetched": 0, "not_received": 1, "not_answered": 0},
            "late_now": {"not_fetched": 0, "not_received": 0, "not_answered": 0},
        }
    ]


def test_without_days_a_report_is_of_the_last_thirty_and_today(client: Client, reports: FakePunctuality) -> None:
    assert client.get(PUNCTUALITY).status == 200
    today = AT.astimezone(HANOI).replace(hour=0, minute=0, second=0, microsecond=0)
    (asked,) = reports.asked
    assert (asked["start"], asked["end"]) == (today - timedelta(days=30), today + timedelta(days=1))


def test_overdue_says_who_is_late_with_what_and_for_how_long(client: Client, reports: FakePunctuality) -> None:
    answer = client.get(f"{OVERDUE}?kind=not_fetched&limit=7").json
    (item,) = answer["items"]
    assert (item["late"][0]["kind"], item["late"][0]["late_seconds"]) == ("not_fetched", 3600)
    assert answer["agencies"][0]["late"]["not_fetched"] == 1
    assert (reports.asked[0]["kinds"], reports.asked[0]["limit"]) == ({LateKind.NOT_FETCHED}, 7)
