"""Mail is posted to agencies' own endpoints, good and bad ones: what comes, what is believed, who waits for whom."""

from __future__ import annotations

import dataclasses
import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from scripts.private_postgresql import PostgresServer
from tests.push_kit import FIRST, SECOND, SENDER, PushRoom, documents, posts_to, push_province, push_room
from tests.push_receiver import Receiver, receiver
from tests.trunk_room import caller, open_room
from trunk.application.handover import Confirmed, Failed, Taken
from trunk.application.submission import Submission
from trunk.bootstrap import open_administration
from trunk.domain.endpoint import Endpoint
from trunk.domain.entry import EnvelopeRecord
from trunk.domain.outcome import Accepted


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return ""
    server: PostgresServer = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture
def there() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def room(url: str, there: Receiver, tmp_path: Path) -> Iterator[PushRoom]:
    province = push_province(tmp_path, database_url=url)
    posts_to(province, H36_17=there.url)
    with push_room(province) as made:
        yield made


def test_one_document_to_an_agency_that_pulls_and_to_one_that_is_posted_to(room: PushRoom, there: Receiver) -> None:
    sent = room.send(to=(FIRST, SECOND))
    room.carry()
    (post,) = there.posts
    (waiting,) = room.room.inbox(SECOND)
    assert post.headers["trunk-envelope-id"] == sent
    assert post.headers["idempotency-key"] == post.delivery
    assert post.headers["content-digest"] == post.headers["repr-digest"]
    assert room.states(sent)[FIRST] == "delivered"
    assert room.states(sent)[SECOND] in ("queued", "dispatched")
    assert room.room.take(SECOND) == [post.body]
    assert waiting.envelope.id == sent
    assert room.room.facts() == ["accepted", "delivered", "delivered"]
    assert [line for line in room.journal(sent) if line != "published"][-2:] == ["fetched", "handed_over"]


def test_statuses_and_acknowledgements_are_posted_too(url: str, there: Receiver, tmp_path: Path) -> None:
    province = push_province(tmp_path, database_url=url)
    posts_to(province, H41_01=there.url)
    with push_room(province) as room:
        room.send(to=(SECOND,))
        room.room.take(SECOND)
        room.room.accepted(province.status("1", "03", reporter=SECOND), by=SECOND)
        room.carry()
        assert room.room.inbox(SENDER) == []
    kinds = Counter(post.headers["trunk-kind"] for post in there.posts)
    assert kinds == {"acknowledgement": 3, "status": 1}


def test_nothing_goes_to_an_endpoint_that_has_proven_nothing(room: PushRoom, there: Receiver) -> None:
    with open_administration(room.room.province.settings()) as desk:
        (agency,) = [one for one in desk.tracking.agencies() if one.code == FIRST]
        moved = dataclasses.replace(agency.endpoint, url=f"{there.url}/elsewhere")
        desk.administration.put_agencies([dataclasses.replace(agency, endpoint=moved)])
    room.later(seconds=5)
    sent = room.send()
    room.carry()
    assert there.posts == []
    with open_administration(room.room.province.settings()) as desk:
        assert not desk.administration.record_proof(FIRST, there.url), "it is another endpoint by now"
        assert desk.administration.record_proof(FIRST, moved.terms)
    room.later(seconds=5)
    room.carry()
    assert room.states(sent) == {FIRST: "delivered"}
    assert [post.path for post in there.posts] == ["/edoc/elsewhere"]


@pytest.mark.parametrize(
    ("mode", "reason"),
    [
        ("wrong", "wrong_digest"),
        ("200", "no_digest"),
        ("201", "no_digest"),
        ("302", "redirect"),
        ("400", "status_400"),
        ("404", "status_404"),
        ("410", "status_410"),
        ("500", "status_500"),
        ("gzip-bomb", "encoded"),
        ("endless", "too_large"),
        ("reset-after", "cut"),
        ("stored-then-cut", "cut"),
        ("half-close", "cut"),
    ],
)
def test_what_is_not_confirmed_comes_again_under_the_same_ids(
    mode: str, reason: str, there: Receiver, tmp_path: Path
) -> None:
    province = push_province(tmp_path)
    posts_to(province, H36_17=there.url)
    there.moods = [mode]
    with push_room(province) as room:
        sent = room.send()
        room.carry()
        assert room.states(sent) == {FIRST: "deferred"}
        assert f"attempt_failed push: {reason}" in room.journal(sent)
        assert "delivered" not in room.room.facts()
        room.later(hours=1)
        room.carry()
        assert room.states(sent) == {FIRST: "delivered"}
        assert room.room.facts() == ["accepted", "delivered"]
    assert len({post.delivery for post in there.posts}) == 1
    assert [post.headers["trunk-envelope-id"] for post in there.posts] == [sent] * 2
    versions = [int(post.headers["trunk-delivery-version"]) for post in there.posts]
    assert versions == sorted(set(versions))


def test_a_refusal_for_good_is_tried_slowly_and_ends_with_the_lifetime(room: PushRoom, there: Receiver) -> None:
    there.mode = "410"
    with structlog.testing.capture_logs() as logs:
        sent = room.send()
        room.carry()
        room.later(minutes=29)
        room.carry()
        assert len(there.posts) == 1
        room.later(minutes=2)
        room.carry()
        assert len(there.posts) == 2
        room.later(days=8)
    alarms = [line for line in logs if line["event"] == "push_recipient_failing"]
    assert [(line["log_level"], line["code"]) for line in alarms] == [("error", "status_410")]
    assert room.states(sent) == {FIRST: "expired"}
    assert room.room.facts() == ["accepted", "undeliverable"]
    room.carry()
    assert len(there.posts) == 2


def test_a_wait_that_is_asked_for_is_kept_to(room: PushRoom, there: Receiver) -> None:
    there.moods, there.retry_after = ["429"], "600"
    room.service.courier._means.standings.each = 1
    first, second = room.send(), room.send()
    room.carry()
    room.later(seconds=590)
    room.carry()
    assert len(there.posts) == 1, "the others wait too"
    room.later(seconds=20)
    room.carry()
    assert (room.states(first), room.states(second)) == ({FIRST: "delivered"}, {FIRST: "delivered"})
    assert len(there.posts) == 3


def test_what_is_recalled_is_never_posted(room: PushRoom, there: Receiver) -> None:
    sent = room.send()
    room.recall()
    room.carry()
    assert documents(there.posts) == []
    assert room.states(sent) == {FIRST: "recalled"}


@pytest.mark.parametrize("mode", ["right", "reset-after"])
def test_what_has_left_is_asked_back(room: PushRoom, there: Receiver, mode: str) -> None:
    there.moods = [mode]
    sent = room.send()
    room.carry()
    room.recall()
    assert room.states(sent)[FIRST] == ("delivered" if mode == "right" else "deferred")
    room.carry()
    assert [post.headers["trunk-kind"] for post in there.posts] == ["document", "status"], "it is asked"


def test_urgent_mail_overtakes_and_every_fifth_is_the_oldest(room: PushRoom, there: Receiver) -> None:
    room.service.courier._means.standings.each = 1
    plain = [room.send() for _ in range(6)]
    urgent = [room.send(priority=priority) for priority in (1, 4, 1, 1, 1)]
    room.carry()
    order = [post.headers["trunk-envelope-id"] for post in there.posts]
    assert order[:4] == [urgent[1], urgent[0], urgent[2], urgent[3]]
    assert order[4] == plain[0]
    assert order[5] == urgent[4]
    assert order[6:] == plain[1:]
    assert there.most_at_once == 1


def test_what_is_more_urgent_waits_a_second_at_most_for_what_was_chosen(tmp_path: Path) -> None:
    with receiver("gate") as there:
        province = push_province(tmp_path)
        posts_to(province, H36_17=there.url)
        with push_room(province) as room:
            room.service.courier._means.standings.each = 1
            plain = [room.send() for _ in range(8)]
            room.service.courier.step()
            urgent = room.send(priority=4)
            room.later(seconds=1)
            there.open_gate.set()
            room.carry()
            order = [post.headers["trunk-envelope-id"] for post in there.posts]
    assert order == [plain[0], urgent, *plain[1:]]


def test_a_system_may_take_its_mail_in_another_way(room: PushRoom, there: Receiver) -> None:
    there.moods = ["500"]
    sent = room.send()
    room.carry()
    room.room.take(FIRST)
    room.later(hours=1)
    room.carry()
    assert len(there.posts) == 1
    assert room.states(sent) == {FIRST: "delivered"}


@pytest.mark.parametrize("word", [Failed("disk full"), None], ids=["put off", "taken"])
def test_what_somebody_moves_while_it_is_under_way_is_looked_at_again(
    url: str, tmp_path: Path, word: Failed | None
) -> None:
    with receiver("gate") as there:
        province = push_province(tmp_path, database_url=url)
        posts_to(province, H36_17=there.url)
        with push_room(province) as room:
            sent = room.send()
            room.service.courier.step()
            (item,) = room.room.inbox(FIRST)
            there.wait_for_a_post()
            said = word or Taken(item.envelope.sha256)
            moved = room.service.handover.confirm(caller(FIRST), item.delivery.id, said)
            assert isinstance(moved, Confirmed)
            there.open_gate.set()
            room.carry()
            assert room.states(sent) == {FIRST: "delivered"}
            assert room.room.facts() == ["accepted", "delivered"]
        assert len(documents(there.posts)) == 1


def test_a_closed_agency_gets_nothing(room: PushRoom, there: Receiver) -> None:
    room.send()
    with open_administration(room.room.province.settings()) as desk:
        (agency,) = [one for one in desk.tracking.agencies() if one.code == FIRST]
        desk.administration.put_agencies([dataclasses.replace(agency, active=False)])
    room.later(seconds=5)
    room.carry()
    assert there.posts == []


def test_a_recipient_that_hangs_with_100_waiting_holds_up_nobody_else(there: Receiver, tmp_path: Path) -> None:
    with receiver("gate") as hanging:
        province = push_province(tmp_path)
        posts_to(province, H36_17=there.url, G12=hanging.url)
        with push_room(province) as room:
            waiting = [room.send(to=(SECOND,)) for _ in range(100)]
            sent = [room.send(to=(FIRST,)) for _ in range(20)]
            while len(there.posts) < 20:
                room.service.courier.step()
            assert {post.headers["trunk-envelope-id"] for post in there.posts} == set(sent)
            assert hanging.most_at_once <= 2
            assert len(hanging.posts) <= 2
            hanging.open_gate.set()
            room.carry()
            assert {post.headers["trunk-envelope-id"] for post in hanging.posts} == set(waiting)
            assert len(hanging.posts) == 100
        assert hanging.most_at_once <= 2


def test_a_dead_recipient_is_left_alone_and_comes_back_with_one_probe(there: Receiver, tmp_path: Path) -> None:
    there.mode = "reset-before"
    province = push_province(tmp_path)
    posts_to(province, H36_17=there.url)
    with push_room(province) as room:
        sent = [room.send() for _ in range(12)]
        room.carry()
        attempts = _attempts(room, sent)
        assert 3 <= attempts <= 4, "three in a row, and what was under way"
        room.later(minutes=10)
        room.carry()
        assert _attempts(room, sent) == attempts + 1
        there.mode = "right"
        room.later(minutes=10)
        room.carry()
        room.later(hours=1)
        room.carry()
        assert [room.states(one)[FIRST] for one in sent] == ["delivered"] * 12
        (figures,) = room.service.courier.figures()
        assert (figures.failing_since, figures.left_alone) == (None, False)
        assert figures.outcomes["confirmed"] == 12


def _attempts(room: PushRoom, sent: list[str]) -> int:
    return sum(line.startswith("attempt_failed") for one in sent for line in room.journal(one))


def test_damaged_octets_are_not_posted_and_hold_up_nothing(there: Receiver, tmp_path: Path) -> None:
    province = push_province(tmp_path)
    posts_to(province, H36_17=there.url)
    with push_room(province) as room:
        damaged = _stored_in_a_file(room)
        (file,) = (file for file in (province.folder / "var/objects").glob("??/??/*") if file.is_file())
        file.chmod(0o600)
        file.write_bytes(file.read_bytes()[:-1] + b"X")
        sent = room.send()
        room.carry()
        assert room.states(sent) == {FIRST: "delivered"}
        assert room.states(damaged.id)[FIRST] in ("queued", "dispatched")
    assert [post.headers["trunk-envelope-id"] for post in there.posts] == [sent]


def _stored_in_a_file(room: PushRoom) -> EnvelopeRecord:
    octets = room.room.province.signed("900", recipients=(FIRST,))
    file = room.room.province.folder / "arrived"
    file.write_bytes(octets)
    sha256 = hashlib.sha256(octets).hexdigest()
    submission = Submission(caller=caller(SENDER), octets=file, size=len(octets), sha256=sha256)
    outcome = room.service.intake.submit(submission)
    assert isinstance(outcome, Accepted)
    return outcome.accepted.envelope


def test_two_processes_never_post_one_delivery_at_once(url: str, there: Receiver, tmp_path: Path) -> None:
    province = push_province(tmp_path, database_url=url)
    posts_to(province, H36_17=there.url)
    with push_room(province) as first, open_room(province) as other:
        second = PushRoom(other)
        sent = [first.send() for _ in range(15)]
        while len(there.posts) < 15 or first.service.courier.at_work or second.service.courier.at_work:
            first.service.courier.step()
            second.service.courier.step()
        assert sorted(post.headers["trunk-envelope-id"] for post in there.posts) == sorted(sent)
        assert there.most_at_once <= 2
        first.service.courier.finish()
        again = first.send()
        second.later(seconds=6)  # it asks for what was another's after a while
        second.carry()
        assert there.posts[-1].headers["trunk-envelope-id"] == again


def test_an_endpoint_that_the_settings_stopped_allowing_gets_nothing(tmp_path: Path, there: Receiver) -> None:
    province = push_province(tmp_path)
    posts_to(province, H36_17="http://10.0.0.1/edoc")
    with push_room(province) as room:
        sent = room.send()
        room.carry()
        assert "attempt_failed push: not_allowed" in room.journal(sent)


def test_an_endpoint_of_nobody_is_not_open() -> None:
    assert not Endpoint(proven="").open
