from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from tests.unit.http.fakes import AT, DIGEST, House, delivery, envelope
from tests.unit.http.serving import Client, serving
from trunk.domain.delivery import AgencyCode
from trunk.domain.tracking import InboxCursor, InboxItem
from trunk.http.app import make_app
from trunk.http.cursor import parse_cursor, spell_cursor

PATH = "/api/v1/inbox"
ITEM = InboxItem(delivery=delivery(), envelope=envelope(), position=4)


def test_an_item_says_all_that_a_system_needs_to_fetch_and_file_it(house: House, recipient: Client) -> None:
    house.handover.items = [ITEM]
    page = recipient.get(PATH).json
    (item,) = page["items"]
    assert item["delivery_id"] == "D1"
    assert item["content"] == "/api/v1/deliveries/D1/envelope"
    assert item["envelope"]["sha256"] == DIGEST
    assert item["envelope"]["accepted_at"] == "2026-11-22T08:30:00.125+07:00"
    assert item["expires_at"] == "2026-11-29T08:30:00.125+07:00"
    assert AT.microsecond == 125_999


def test_the_question_is_passed_on_with_old_codes_made_canonical(house: House, recipient: Client) -> None:
    cursor = InboxCursor(floor=1, window=9, urgency=2, position=5)
    recipient.get(f"{PATH}?agency=000.00.17.H36&limit=7&cursor={spell_cursor(cursor)}")
    assert house.handover.asked == [(frozenset({"H36.17"}), cursor, 7)]


def test_somebody_elses_inbox_does_not_exist(recipient: Client) -> None:
    for named in ("H41", "nobody", "H36.17&agency=H41"):
        assert recipient.get(f"{PATH}?agency={named}").status == 404


@pytest.mark.parametrize(
    ("query", "paths"),
    [
        ("limit=0", ["limit"]),
        ("limit=501", ["limit"]),
        ("limit=1.0", ["limit"]),
        ("limit=%201", ["limit"]),
        ("limit=1_0", ["limit"]),
        ("limit=-1", ["limit"]),
        ("limit=", ["limit"]),
        ("limit=1&limit=2", ["limit"]),
        ("wait=61", ["wait"]),
        ("wait=0.5", ["wait"]),
        ("cursor=", ["cursor"]),
        ("cursor=abc!", ["cursor"]),
        ("cursor=abcd", ["cursor"]),
        ("cursor=" + "A" * 200, ["cursor"]),
        ("agency=", ["agency.0"]),
        ("agency=a%00b", ["agency.0"]),
        ("since=2026-01-01", ["since"]),
        ("limit=x&wait=y&z=1", ["limit", "wait", "z"]),
    ],
)
def test_wrong_parameters_are_refused_by_name_all_at_once(
    house: House, recipient: Client, query: str, paths: list[str]
) -> None:
    answer = recipient.get(f"{PATH}?{query}")
    assert (answer.status, set(answer.codes)) == (400, {"TRK-108"})
    assert [fault["path"] for fault in answer.json["faults"]] == paths
    assert all(fault["expected"] for fault in answer.json["faults"])
    assert not house.handover.asked


@pytest.mark.parametrize(
    "cursor",
    [
        InboxCursor(floor=0, window=0),
        InboxCursor(floor=3, window=70_000_000),
        InboxCursor(floor=3, window=9, urgency=4, position=5),
    ],
)
def test_a_cursor_comes_back_as_it_was(cursor: InboxCursor) -> None:
    assert parse_cursor(spell_cursor(cursor)) == cursor


@pytest.mark.parametrize(
    "fields",
    [
        "[1,5,3,null,null]",
        "[1,-1,3,null,null]",
        "[1,0,3,1,null]",
        "[1,0,3,null,2]",
        "[1,0,3,10,2]",
        "[1,0,3,true,true]",
        '[1,"0",3,null,null]',
        "[1,0,1e3,null,null]",
        "[1,0,99999999999999999999,null,null]",
        "[1, 0,3,null,null]",
        "[1,0,3]",
        "[1,0,3,null,null,0]",
        "[2,0,3,null,null]",
        "{}",
        "1",
        "nonsense",
    ],
)
def test_a_cursor_that_we_never_spelled_is_none(fields: str) -> None:
    import base64

    assert parse_cursor(base64.urlsafe_b64encode(fields.encode()).rstrip(b"=").decode()) is None


def test_a_long_poll_is_answered_as_soon_as_the_bell_rings(house: House, recipient: Client) -> None:
    answers = []
    poll = threading.Thread(target=lambda: answers.append(recipient.get(f"{PATH}?wait=60")))
    poll.start()
    _until(lambda: bool(house.handover.asked))
    house.handover.items = [ITEM]
    house.room.ring(AgencyCode("H36.17"))
    poll.join(10)
    assert [item["delivery_id"] for item in answers[0].json["items"]] == ["D1"]


def test_mail_that_rang_in_another_process_is_noticed_in_the_ledger(house: House, recipient: Client) -> None:
    answers = []
    poll = threading.Thread(target=lambda: answers.append(recipient.get(f"{PATH}?wait=60")))
    poll.start()
    _until(lambda: bool(house.handover.asked))
    house.handover.items, house.handover.position = [ITEM], 5
    poll.join(10)
    assert len(answers[0].json["items"]) == 1


def test_a_long_poll_in_vain_is_an_empty_page_with_a_cursor(house: House, recipient: Client) -> None:
    began = time.monotonic()
    page = recipient.get(f"{PATH}?wait=1").json
    assert page["items"] == []
    assert parse_cursor(page["cursor"]) == InboxCursor(floor=0, window=0)
    assert 0.9 < time.monotonic() - began < 5


def test_long_polls_are_answered_at_once_when_the_trunk_stops(house: House) -> None:
    answers = []
    with serving(make_app(house.doors()), key="edoc_r_1", drain_seconds=20) as client:
        poll = threading.Thread(target=lambda: answers.append(client.get(f"{PATH}?wait=60")))
        poll.start()
        _until(lambda: bool(house.handover.asked))
        began = time.monotonic()
    poll.join(10)
    assert answers[0].json["items"] == []
    assert time.monotonic() - began < 5


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
