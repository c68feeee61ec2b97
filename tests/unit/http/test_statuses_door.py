"""What agencies said and were told, as a list; what matches nothing is visible to both sides."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.http.fakes import House, status
from tests.unit.http.serving import Client
from trunk.domain.business_status import Standing
from trunk.domain.unmatched import WhyUnmatched

PATH = "/api/v1/statuses"


def test_a_status_says_who_told_whom_what_and_how_it_stands(house: House, client: Client) -> None:
    house.tracking.told = [status()]
    answer = client.get(PATH)
    assert answer.status == 200
    assert answer.json == {
        "items": [
            {
                "at": "2026-11-22T08:30:00.125+07:00",
                "envelope_id": "S1",
                "code": "03",
                "description": "đã vào sổ",
                "reporter": "H36.17",
                "addressee": "H41",
                "delivery_id": "D1",
                "standing": "advances",
                "said_at": "2026-11-22T08:30:00.125+07:00",
                "document_id": "H41,2026/11/22,7/STN",
                "document_code": "7/STN",
                "promulgation_date": "",
                "about": "E1",
                "why": None,
            }
        ],
        "next": None,
    }
    assert not house.tracking.searches[0].unmatched


def test_what_matches_nothing_says_why(house: House, client: Client) -> None:
    report = dataclasses.replace(status().report, delivery_id=None, standing=Standing.UNMATCHED)
    house.tracking.told = [status(report=report, about=None, why=WhyUnmatched.UNKNOWN)]
    (item,) = client.get(f"{PATH}?unmatched=true").json["items"]
    assert (item["about"], item["delivery_id"], item["standing"], item["why"]) == (None, None, "unmatched", "unknown")
    assert house.tracking.searches[0].unmatched


def test_pages_follow_each_other_to_the_end(house: House, client: Client) -> None:
    house.tracking.told = [status(n) for n in range(5)]
    seen, place = [], ""
    while True:
        page = client.get(f"{PATH}?limit=2{place}").json
        seen.append([item["envelope_id"] for item in page["items"]])
        if page["next"] is None:
            break
        place = f"&before={page['next']}"
    assert seen == [["S0", "S1"], ["S2", "S3"], ["S4"]]


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("unmatched=yes", "unmatched"),
        ("unmatched=", "unmatched"),
        ("before=S99", "before"),
        ("before=%00", "before"),
        ("limit=0", "limit"),
        ("limit=501", "limit"),
        ("agency=H41", "agency"),
    ],
)
def test_a_wrong_parameter_is_refused_by_name(client: Client, query: str, named: str) -> None:
    answer = client.get(f"{PATH}?{query}")
    assert (answer.status, answer.codes) == (400, ["TRK-108"])
    assert answer.json["faults"][0]["path"] == named
