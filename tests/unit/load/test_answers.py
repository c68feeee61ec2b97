"""Answers are judged by what they had to be; a document and its repetitions together."""

from __future__ import annotations

import orjson
import pytest

from trunk.load.answers import Answer, Surprise, Verdict, judge
from trunk.load.plan import Arrival, Kind
from trunk.load.wire import Reply

FRESH, REPEAT, BAD = (Arrival(kind, 0) for kind in Kind)
TAKEN = Answer(201, envelope_id="E", sha256="d", deliveries=1)
AGAIN = Answer(201, replayed=True, envelope_id="E", sha256="d", deliveries=1)
GONE = Answer(0, "TimeoutError")
BUSY = Answer(503, "TRK-106")


def judged(*pairs: tuple[Arrival, Answer | None]) -> list[Verdict | Surprise | None]:
    found = judge([arrival for arrival, _ in pairs], [answer for _, answer in pairs], ["d"])
    return [one and (one.surprise or one.verdict) for one in found]


def test_a_document_is_accepted_and_its_repetitions_are_replayed() -> None:
    assert judged((FRESH, TAKEN), (REPEAT, AGAIN), (REPEAT, AGAIN)) == [
        Verdict.ACCEPTED, Verdict.REPEATED, Verdict.REPEATED,
    ]  # fmt: skip


def test_a_repetition_that_overtakes_is_the_one_that_is_accepted() -> None:
    assert judged((FRESH, AGAIN), (REPEAT, TAKEN)) == [Verdict.REPEATED, Verdict.ACCEPTED]
    assert judged((FRESH, BUSY), (REPEAT, TAKEN)) == [Surprise.NOT_ACCEPTED, Verdict.ACCEPTED]


def test_an_answer_that_got_lost_may_have_been_the_acceptance() -> None:
    assert judged((FRESH, GONE), (REPEAT, AGAIN)) == [Surprise.NO_ANSWER, Verdict.REPEATED]


def test_two_acceptances_of_the_same_octets_are_unexpected() -> None:
    assert judged((FRESH, TAKEN), (REPEAT, TAKEN)) == [Verdict.ACCEPTED, Surprise.ACCEPTED_TWICE]
    other = Answer(201, replayed=True, envelope_id="F", sha256="d")
    assert judged((FRESH, TAKEN), (REPEAT, other)) == [Verdict.ACCEPTED, Surprise.ACCEPTED_TWICE]


def test_what_was_never_accepted_cannot_be_replayed() -> None:
    assert judged((FRESH, AGAIN)) == [Surprise.NOT_ACCEPTED_BEFORE]
    assert judged((FRESH, BUSY), (REPEAT, AGAIN)) == [Surprise.NOT_ACCEPTED, Surprise.NOT_ACCEPTED_BEFORE]


def test_an_answer_about_other_octets_is_unexpected() -> None:
    assert judged((FRESH, Answer(201, envelope_id="E", sha256="x"))) == [Surprise.OTHER_OCTETS]


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (Answer(422, "SIG-101"), Verdict.REFUSED),
        (Answer(422, "SIG-102"), Verdict.REFUSED),
        (TAKEN, Surprise.BROKEN_ACCEPTED),
        (AGAIN, Surprise.BROKEN_ACCEPTED),
        (Answer(422, "ENV-101"), Surprise.BROKEN_REFUSED_OTHERWISE),
        (Answer(429, "TRK-142"), Surprise.BROKEN_REFUSED_OTHERWISE),
        (Answer(503, "SIG-301"), Surprise.BROKEN_REFUSED_OTHERWISE),
        (GONE, Surprise.NO_ANSWER),
    ],
)
def test_a_broken_one_is_refused_for_its_signature_and_for_nothing_else(
    answer: Answer, found: Verdict | Surprise
) -> None:
    assert judged((BAD, answer)) == [found]


def test_what_was_not_reached_is_not_judged() -> None:
    assert judged((FRESH, None)) == [None]


def reply(status: int, body: bytes, head: bytes = b"") -> Reply:
    return Reply(status, b"HTTP/1.1 %d x\r\n%b\r\n" % (status, head), body)


def test_answers_are_read_for_what_counts() -> None:
    accepted = {"envelope_id": "E", "sha256": "d", "deliveries": [{}, {}]}
    head = b"idempotent-replayed: true\r\n"
    assert Answer.of(reply(201, orjson.dumps(accepted), head)) == Answer(
        201, replayed=True, envelope_id="E", sha256="d", deliveries=2
    )
    assert Answer.of(reply(422, b'{"code": "SIG-101"}')) == Answer(422, "SIG-101")
    assert Answer.of(reply(502, b"<html>")) == Answer(502)
    assert Answer.of(reply(500, b"[]")) == Answer(500)
