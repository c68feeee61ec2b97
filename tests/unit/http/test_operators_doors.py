"""/api/v1/admin: who is let in, what is refused with which code, and what is on record afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from queues.broker import QueueError
from tests.ledger_kit import RECIPIENT
from tests.unit.http.fakes import House
from tests.unit.http.operators_room import OperatorsRoom, open_operators_room
from tests.unit.http.serving import Client, serving
from trunk.application.dead_letters import name_of
from trunk.application.replay import Replay
from trunk.domain.ailment import Ailment
from trunk.domain.control import Role
from trunk.domain.delivery import DeliveryEvent as E
from trunk.http.admin.entrance import ROUTES
from trunk.http.app import make_app

ADMIN = "/api/v1/admin"
BAD_TIMES = ["yesterday", "2026-11-22", "2026-11-22T08:30:00", "1700000000", "2026-13-45T08:30:00Z", ""]


@pytest.fixture
def room(tmp_path: Path) -> OperatorsRoom:
    return open_operators_room(tmp_path)


@pytest.fixture
def operators(room: OperatorsRoom, house: House) -> Iterator[Client]:
    """Anybody, without a key yet."""
    with serving(make_app(room.doors(house))) as client:
        yield client


@pytest.fixture
def admin(room: OperatorsRoom, operators: Client) -> Client:
    return operators.using(room.key())


def order(admin: Client, **said: Any) -> Any:
    return admin.post(f"{ADMIN}/replays", {"reason": "their disk was full", **said})


def path_of(route: Any) -> str:
    return str(route.path).replace("{", "").replace("}", "")


@pytest.mark.parametrize("key", ["", "edoc_s_1", "edocadm_no_one", "edocadm_", "x" * 300])
def test_nobody_enters_without_an_operators_key(operators: Client, key: str) -> None:
    for route in ROUTES:
        answer = operators.using(key).call(route.method, path_of(route))
        assert (answer.status, answer.codes) == (401, ["TRK-151"])
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_an_operators_key_opens_no_agencys_mail(admin: Client) -> None:
    assert admin.get("/api/v1/inbox").status == 401


def test_a_monitor_looks_and_does_not_act(room: OperatorsRoom, operators: Client) -> None:
    monitor = operators.using(room.key("zabbix", Role.MONITOR))
    acting = [route for route in ROUTES if route.method != "GET"]
    assert {route.role for route in acting} == {Role.ADMINISTRATOR}
    for route in acting:
        answer = monitor.post(path_of(route), {"reason": "x"})
        assert (answer.status, answer.codes) == (403, ["TRK-152"])
    assert [act[0] for act in room.acts()] == ["admin_operator_added"]
    for path in ("deliveries", "replays", "dead-letters", "set-aside", "doctor", "journal"):
        assert monitor.get(f"{ADMIN}/{path}").status == 200


def test_a_revoked_key_ends_at_once(room: OperatorsRoom, admin: Client) -> None:
    assert admin.get(f"{ADMIN}/doctor").status == 200
    room.operators().revoke("binh")
    assert admin.get(f"{ADMIN}/doctor").codes == ["TRK-151"]


def test_an_operator_has_a_share_and_no_more(room: OperatorsRoom, operators: Client, monkeypatch: Any) -> None:
    monkeypatch.setattr("trunk.http.admin.control.SHARE", 1)
    inside, leave = threading.Event(), threading.Event()

    def gate() -> None:
        inside.set()
        leave.wait(60)

    room.gate = gate
    admin, other = operators.using(room.key()), operators.using(room.key("an"))
    first = threading.Thread(target=lambda: admin.get(f"{ADMIN}/doctor"))
    first.start()
    try:
        assert inside.wait(60)
        refused = admin.get(f"{ADMIN}/replays")
        assert (refused.status, refused.codes, refused.headers["Retry-After"]) == (429, ["TRK-153"], "1")
        assert other.get(f"{ADMIN}/replays").status == 200
    finally:
        leave.set()
        first.join(60)


def test_deliveries_are_found_by_agency_state_time_and_reason(room: OperatorsRoom, admin: Client) -> None:
    waiting = room.delivery("VB-1", E.PUBLISHED)
    failed = room.delivery("VB-2", E.PUBLISHED)
    expired = room.delivery("VB-3", E.LIFETIME_ENDED)
    with room.ledger.begin() as book:
        from trunk.domain.delivery import advance

        step = advance(failed, E.ATTEMPT_FAILED)
        assert step is not None
        assert book.write(step, at=room.now, actor="push", reason="status_503: busy")

    def found(query: str) -> set[str]:
        return {item["delivery_id"] for item in admin.get(f"{ADMIN}/deliveries?{query}").json["items"]}

    assert found("") == {waiting.id, failed.id, expired.id}
    assert found("agency=000.00.01.H41&state=expired") == {expired.id}
    assert found("state=expired&state=deferred") == {expired.id, failed.id}
    assert found("reason_code=status_503") == {failed.id}
    assert found("reason_code=status_5") == set()
    assert found("until=2026-11-22T08:30:00Z") == set()
    assert found("since=2026-11-22T15:30:00%2B07:00") == {waiting.id, failed.id, expired.id}
    assert admin.get(f"{ADMIN}/deliveries?limit=2").json["more"] is True


@pytest.mark.parametrize("time", BAD_TIMES)
def test_a_malformed_time_is_refused(admin: Client, time: str) -> None:
    answer = admin.get(f"{ADMIN}/deliveries?since={time}")
    assert (answer.status, answer.codes) == (400, ["TRK-108"])
    assert answer.json["faults"][0]["path"] == "since"
    assert order(admin, filter={"until": time}).codes == ["TRK-108"]


def test_an_unknown_agency_is_refused_by_name(admin: Client) -> None:
    assert admin.get(f"{ADMIN}/deliveries?agency=X99").codes == ["ADR-103"]
    assert order(admin, filter={"agency": "X99"}).codes == ["ADR-103"]


def test_a_delivery_is_told_with_who_did_what(room: OperatorsRoom, admin: Client) -> None:
    expired = room.delivery("VB-1", E.LIFETIME_ENDED)
    told = admin.get(f"{ADMIN}/deliveries/{expired.id}").json
    assert told["delivery"]["replayable"] is True
    assert [event["event"] for event in told["timeline"]] == ["lifetime_ended"]
    assert told["timeline"][0]["actor"] == "test"
    assert admin.get(f"{ADMIN}/deliveries/none").codes == ["TRK-103"]


def test_a_dry_run_counts_by_agency_and_state_and_changes_nothing(room: OperatorsRoom, admin: Client) -> None:
    expired = [room.delivery(f"VB-{n}", E.LIFETIME_ENDED) for n in range(3)]
    room.delivery("VB-9", E.PUBLISHED)
    answer = order(admin, filter={"agency": RECIPIENT}, dry_run=True, reason="")
    assert (answer.status, answer.json) == (
        200,
        {
            "total": 4,
            "counts": [
                {"agency": "H41.01", "state": "dispatched", "count": 1},
                {"agency": "H41.01", "state": "expired", "count": 3},
            ],
        },
    )
    named = order(admin, deliveries=[one.id for one in expired], dry_run=True)
    assert named.json["total"] == 3
    assert {room.state(one) for one in expired} == {"expired"}
    assert admin.get(f"{ADMIN}/replays").json == {"items": []}


def test_an_order_is_entered_at_once_and_its_progress_is_told(room: OperatorsRoom, admin: Client) -> None:
    expired = [room.delivery(f"VB-{n}", E.LIFETIME_ENDED) for n in range(3)]
    answer = order(admin, filter={"state": ["expired"]}, per_second=5)
    assert (answer.status, answer.json["state"], answer.json["total"]) == (202, "running", 3)
    assert room.woken == [1]
    where = answer.headers["Location"]
    (job,) = room.jobs().running()
    assert room.jobs().work(job, 2) == 2
    told = admin.get(where).json["replay"]
    assert (told["done"], told["outcomes"], told["state"]) == (2, {"queued": 2}, "running")
    room.jobs().work(job, 2)
    room.jobs().work(job, 2)
    assert admin.get(where).json["replay"]["state"] == "finished"
    assert {room.state(one) for one in expired} == {"queued"}
    assert room.acts()[1:] == [
        ("admin_replay_ordered", "operator/binh", f"{job.id} of 3: their disk was full"),
        *[("replay_ordered", "operator/binh", "their disk was full")] * 3,
        ("admin_replay_finished", "operator/binh", f"{job.id}: their disk was full"),
    ]


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [(E.RECEIPTED, 409, "TRK-115"), (E.RETURNED, 409, "TRK-115"), (E.HELD_BACK, 409, "TRK-115")],
)
def test_what_is_settled_is_refused_by_name(
    room: OperatorsRoom, admin: Client, event: E, status: int, code: str
) -> None:
    settled, open_ = room.delivery("VB-1", event), room.delivery("VB-2", E.PUBLISHED)
    answer = order(admin, deliveries=[open_.id, settled.id])
    assert (answer.status, answer.codes) == (status, [code])
    assert answer.json["faults"][0]["got"] == f"{settled.id}: {room.state(settled)}"
    assert room.state(open_) == "dispatched"
    assert order(admin, filter={"state": [room.state(settled)]}).codes == [code]


def test_what_was_purged_and_what_never_was_are_refused_together(room: OperatorsRoom, admin: Client) -> None:
    from trunk.domain.tracking import JournalEvent, Noted

    purged = room.delivery("VB-1", E.LIFETIME_ENDED)
    with room.ledger.begin() as book:
        line = JournalEvent(at=room.now, event=Noted.OCTETS_PURGED, actor="retention")
        book.note(line, envelope_id=purged.envelope_id)
        from trunk.storage import purging

        envelope = book.view.envelope(purged.envelope_id)
        assert envelope is not None
        purging.delete(book._connection, [envelope.sha256])
    answer = order(admin, deliveries=[purged.id, "none"])
    assert answer.codes == ["TRK-117", "TRK-103"]
    assert answer.status == 410


@pytest.mark.parametrize(
    ("said", "path"),
    [
        ({}, "deliveries"),
        ({"deliveries": ["x"], "filter": {"state": ["expired"]}}, "deliveries"),
        ({"filter": {}}, "filter"),
        ({"filter": {"kind": ["document"]}}, "filter"),
        ({"filter": {"state": ["lost"]}}, "filter.state.0"),
        ({"filter": {"state": ["expired"], "x": 1}}, "filter.x"),
        ({"deliveries": ["x"] * 1001}, "deliveries"),
        ({"deliveries": ["x"], "per_second": 0}, "per_second"),
        ({"deliveries": ["x"], "per_second": 1e9}, "per_second"),
        ({"deliveries": ["x"], "dry_run": "yes"}, "dry_run"),
    ],
)
def test_an_order_that_cannot_be_meant_so_is_refused(admin: Client, said: dict[str, Any], path: str) -> None:
    answer = order(admin, **said)
    assert (answer.status, answer.codes) == (400, ["TRK-108"])
    assert answer.json["faults"][0]["path"] == path


def test_a_filter_that_matches_nothing_is_refused(admin: Client) -> None:
    for more in ({}, {"dry_run": True}):
        answer = order(admin, filter={"state": ["expired"]}, **more)
        assert (answer.status, answer.codes) == (422, ["TRK-155"])


def test_a_filter_that_matches_too_much_is_refused(
    room: OperatorsRoom, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Replay.choose.__kwdefaults__, "most", 1)
    for n in range(2):
        room.delivery(f"VB-{n}", E.LIFETIME_ENDED)
    assert order(admin, filter={"state": ["expired"]}).codes == ["TRK-156"]


@pytest.mark.parametrize("reason", ["", "   ", "x" * 1001, "two\nlines", "nul\x00", "\u202eright to left"])
def test_a_reason_that_cannot_be_kept_is_refused_everywhere(room: OperatorsRoom, admin: Client, reason: str) -> None:
    expired = room.delivery("VB-1", E.LIFETIME_ENDED)
    letter = name_of(room.letter(expired.id))
    with room.ledger.begin() as book:
        book.mending.lay_aside(Ailment.ORPHAN, "gone", "x", at=room.now)
    answers = [
        order(admin, deliveries=[expired.id], reason=reason),
        admin.post(f"{ADMIN}/replays/none/stop", {"reason": reason}),
        admin.post(f"{ADMIN}/dead-letters/{letter}/replay", {"reason": reason}),
        admin.post(f"{ADMIN}/dead-letters/{letter}/close", {"reason": reason}),
        admin.post(f"{ADMIN}/set-aside/1/close", {"reason": reason}),
    ]
    assert [(one.status, one.codes) for one in answers] == [(422, ["TRK-154"])] * 5
    assert room.state(expired) == "expired"
    assert len(room.letters.letters) == 1


def test_a_reason_of_ten_megabytes_is_not_even_read(room: OperatorsRoom, admin: Client) -> None:
    answer = order(admin, deliveries=["x"], reason="x" * (10 << 20))
    assert (answer.status, answer.codes) == (413, ["TRK-104"])


def test_a_replay_is_stopped_once(room: OperatorsRoom, admin: Client) -> None:
    expired = room.delivery("VB-1", E.LIFETIME_ENDED)
    job = order(admin, deliveries=[expired.id]).json["replay_id"]
    stopped = admin.post(f"{ADMIN}/replays/{job}/stop", {"reason": "wrong agency"})
    assert (stopped.json["state"], stopped.json["ended_because"]) == ("stopped", "wrong agency")
    again = admin.post(f"{ADMIN}/replays/{job}/stop", {"reason": "wrong agency"})
    assert (again.status, again.codes) == (409, ["TRK-157"])
    assert admin.post(f"{ADMIN}/replays/none/stop", {"reason": "x"}).codes == ["TRK-103"]
    assert room.jobs().running() == []
    assert room.state(expired) == "expired"
    assert room.acts()[-1] == ("admin_replay_stopped", "operator/binh", f"{job}: wrong agency")


def test_dead_letters_are_listed_shown_replayed_and_closed(room: OperatorsRoom, admin: Client) -> None:
    waiting = room.delivery("VB-1", E.PUBLISHED)
    ours, forged = room.letter(waiting.id), room.letter("gone")
    items = admin.get(f"{ADMIN}/dead-letters").json["items"]
    assert [(item["letter"], item["state"]) for item in items] == [
        (name_of(ours), "dispatched"),
        (name_of(forged), None),
    ]
    assert waiting.id in admin.get(f"{ADMIN}/dead-letters/{name_of(ours)}").json["body"]
    refused = admin.post(f"{ADMIN}/dead-letters/{name_of(forged)}/replay", {"reason": "x"})
    assert (refused.status, refused.codes) == (409, ["TRK-159"])
    done = admin.post(f"{ADMIN}/dead-letters/{name_of(ours)}/replay", {"reason": "mended"})
    assert done.json == {"delivery_id": waiting.id, "state": "queued", "outcome": "queued"}
    assert admin.post(f"{ADMIN}/dead-letters/{name_of(forged)}/close", {"reason": "forged"}).status == 200
    assert room.letters.letters == []
    assert admin.get(f"{ADMIN}/dead-letters/{name_of(ours)}").codes == ["TRK-158"]
    assert room.acts()[1:] == [
        ("replay_ordered", "operator/binh", "mended"),
        ("admin_dead_letter_closed", "operator/binh", f"{name_of(forged)} of no delivery: forged"),
    ]


def test_a_dead_letter_of_what_is_queued_already_is_removed_with_a_line_first(
    room: OperatorsRoom, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = room.delivery("VB-1")
    letter = room.letter(queued.id)
    line = ("admin_dead_letter_closed", "operator/binh", f"{name_of(letter)} of {queued.id}: mended")
    seen, settle = [], room.letters.settle

    def looked(*asked: Any) -> int:
        seen.extend(room.acts()[1:])
        return settle(*asked)

    monkeypatch.setattr(room.letters, "settle", looked)
    done = admin.post(f"{ADMIN}/dead-letters/{name_of(letter)}/replay", {"reason": " mended "})
    assert done.json["outcome"] == "already_queued"
    assert room.letters.letters == []
    assert seen == room.acts()[1:] == [line]


def test_a_dead_letter_of_what_is_settled_stays_for_a_person_to_close(room: OperatorsRoom, admin: Client) -> None:
    letter = room.letter(room.delivery("VB-1", E.RECEIPTED).id)
    assert admin.post(f"{ADMIN}/dead-letters/{name_of(letter)}/replay", {"reason": "x"}).codes == ["TRK-115"]
    assert room.letters.letters == [letter]


def test_a_broker_that_is_away_is_come_again(room: OperatorsRoom, admin: Client) -> None:
    room.letters.fault = QueueError("away")
    answer = admin.get(f"{ADMIN}/dead-letters")
    assert (answer.status, answer.codes) == (503, ["TRK-107"])


def test_what_was_set_aside_is_closed_once(room: OperatorsRoom, admin: Client) -> None:
    with room.ledger.begin() as book:
        book.mending.lay_aside(Ailment.ORPHAN, "gone", "no such delivery", at=room.now)
    (item,) = admin.get(f"{ADMIN}/set-aside").json["items"]
    assert (item["number"], item["code"]) == (1, "DOC-107")
    assert admin.post(f"{ADMIN}/set-aside/1/close", {"reason": "looked at"}).json == {"number": 1}
    for number in ("1", "0", "-1", "x", "99999999999999999999"):
        assert admin.post(f"{ADMIN}/set-aside/{number}/close", {"reason": "x"}).codes == ["TRK-103"]
    assert room.acts()[1:] == [("admin_aside_closed", "operator/binh", "1: looked at")]


def test_what_is_stuck_is_told_with_what_mends_it_in_both_languages(admin: Client) -> None:
    (item,) = admin.get(f"{ADMIN}/doctor").json["items"]
    assert (item["code"], item["count"]) == ("DOC-110", 3)
    assert item["remedy"]["en"].startswith("trunk admin replay")
    assert item["remedy"]["vi"] != item["remedy"]["en"]


def test_the_journal_is_read_by_actor(room: OperatorsRoom, admin: Client) -> None:
    room.delivery("VB-1", E.PUBLISHED)
    lines = admin.get(f"{ADMIN}/journal?actor=root").json["items"]
    assert [line["event"] for line in lines] == ["admin_operator_added"]
    assert len(admin.get(f"{ADMIN}/journal?limit=2").json["items"]) == 2
