"""What a system saves trips with: octets in the inbox, many words in one request. On a real trunk in this process."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
import structlog

from scripts.province import FIRST, SECOND, SENDER, Province, make_province
from tests.unit.http.serving import Answer, Client, serving
from trunk.bootstrap import open_service

INBOX, CONFIRMATIONS = "/api/v1/inbox", "/api/v1/confirmations"
NUMBERS = count(1)


class Post:
    def __init__(self, province: Province, port: int) -> None:
        self.province = province
        self.systems = {code: Client(port, key) for code, key in province.keys.items()}

    def sent(self, **wish: Any) -> tuple[bytes, dict[str, Any]]:
        """A letter to FIRST, and what the trunk answered."""
        letter = self.province.signed(f"many-{next(NUMBERS)}", recipients=[FIRST], **wish)
        return letter, self.systems[SENDER].post("/api/v1/envelopes", letter).json

    def items(self, agency: str, query: str = "") -> dict[str, dict[str, Any]]:
        page = self.systems[agency].get(f"{INBOX}?limit=500{query}").json
        return {item["delivery_id"]: item for item in page["items"]}

    def say(self, *words: dict[str, Any], agency: str = FIRST) -> Answer:
        return self.systems[agency].post(CONFIRMATIONS, {"words": list(words)})


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Post]:
    province = make_province(tmp_path_factory.mktemp("province"))
    with structlog.testing.capture_logs(), open_service(province.settings()) as service:
        for loop in service.process.loops:
            loop.start()
        try:
            with serving(service.app) as client:
                yield Post(province, client.port)
        finally:
            assert all(loop.stop() for loop in service.process.loops)


def _taken(delivery_id: str, octets: bytes) -> dict[str, Any]:
    return {"delivery_id": delivery_id, "outcome": "taken", "sha256": hashlib.sha256(octets).hexdigest()}


def _delivery(sent: dict[str, Any]) -> str:
    return str(sent["deliveries"][0]["delivery_id"])


def test_many_words_in_one_request_each_stand_for_themselves(post: Post) -> None:
    (one, first), (two, second), (_, third), (four, fourth) = (post.sent() for _ in range(4))
    answer = post.say(
        _taken(_delivery(first), one),
        _taken(_delivery(second), b"something else"),
        {"delivery_id": _delivery(third), "outcome": "failed", "reason": "hết dung lượng"},
        _taken("nobody-s", two),
        _taken(_delivery(fourth), four),
    )
    assert answer.status == 200
    heard = answer.json["items"]
    states = [item["confirmation"] and item["confirmation"]["state"] for item in heard]
    assert states == ["delivered", None, "deferred", None, "delivered"]
    assert [[fault["code"] for fault in item["faults"]] for item in heard] == [[], ["TRK-113"], [], ["TRK-103"], []]
    left = post.items(FIRST)
    assert {_delivery(second), _delivery(third)} <= set(left)
    assert not {_delivery(first), _delivery(fourth)} & set(left)


def test_the_same_words_again_and_twice_in_one_request_are_told_once(post: Post) -> None:
    letter, sent = post.sent()
    word = _taken(_delivery(sent), letter)
    first, again = post.say(word, word).json["items"], post.say(word).json["items"]
    assert [item["repeated"] for item in (*first, *again)] == [False, True, True]
    told = [item["envelope"] for item in post.items(SENDER).values()]
    about = [e["acknowledges"] for e in told if e["about"] == sent["envelope_id"]]
    assert sorted(about) == ["accepted", "delivered"]


def test_two_words_that_contradict_each_other_end_as_the_first_one_says(post: Post) -> None:
    letter, sent = post.sent()
    failed = {"delivery_id": _delivery(sent), "outcome": "failed", "reason": "too late"}
    taken, late = post.say(_taken(_delivery(sent), letter), failed).json["items"]
    assert taken["confirmation"]["state"] == "delivered"
    assert [fault["code"] for fault in late["faults"]] == ["TRK-114"]


def test_somebody_elses_delivery_does_not_exist(post: Post) -> None:
    letter, sent = post.sent()
    (heard,) = post.say(_taken(_delivery(sent), letter), agency=SECOND).json["items"]
    assert [fault["code"] for fault in heard["faults"]] == ["TRK-103"]
    assert _delivery(sent) in post.items(FIRST)


@pytest.mark.parametrize(
    ("words", "path"),
    [
        ([], "words"),
        ([{"outcome": "taken", "sha256": "0" * 64}], "words.0.delivery_id"),
        ([{"delivery_id": "D", "outcome": "taken"}], "words.0.sha256"),
        ([{"delivery_id": "D\x00", "outcome": "failed", "reason": "x"}], "words.0.delivery_id"),
        ([{"delivery_id": "D", "outcome": "lost"}], "words.0.outcome"),
        ([{"delivery_id": "D", "outcome": "failed", "reason": "x"}] * 501, "words"),
    ],
)
def test_what_is_no_list_of_words_is_refused_as_a_whole_and_by_name(
    post: Post, words: list[dict[str, Any]], path: str
) -> None:
    answer = post.say(*words)
    assert answer.status == 400
    assert [fault["path"] for fault in answer.json["faults"]] == [path]


def test_small_envelopes_come_with_the_inbox_octet_for_octet(post: Post) -> None:
    letter, sent = post.sent()
    large, too_large = post.sent(content=b"%PDF-1.7\n" + bytes(20_000))
    items = post.items(FIRST, "&octets=16000")
    assert base64.b64decode(items[_delivery(sent)]["octets"]) == letter
    assert items[_delivery(too_large)]["octets"] is None
    assert base64.b64decode(post.items(FIRST, "&octets=100000")[_delivery(too_large)]["octets"]) == large
    assert post.items(FIRST)[_delivery(sent)]["octets"] is None
    assert post.say(_taken(_delivery(sent), letter)).json["items"][0]["confirmation"]["state"] == "delivered"


def test_acknowledgements_come_with_the_inbox_too(post: Post) -> None:
    _, sent = post.sent()
    told = [i for i in post.items(SENDER, "&octets=16000").values() if i["envelope"]["about"] == sent["envelope_id"]]
    assert [hashlib.sha256(base64.b64decode(i["octets"])).hexdigest() == i["envelope"]["sha256"] for i in told] == [
        True
    ]


def test_what_came_with_the_inbox_counts_as_fetched_so_a_recall_cannot_hold_it_back(post: Post) -> None:
    number = f"many-{next(NUMBERS)}"
    letter = post.province.signed(number, recipients=[FIRST])
    sent = post.systems[SENDER].post("/api/v1/envelopes", letter).json
    assert post.items(FIRST, "&octets=16000")[_delivery(sent)]["octets"]
    recall = post.province.status(number, "13", reporter=SENDER, sender=FIRST, of=SENDER, description="gửi nhầm")
    assert post.systems[SENDER].post("/api/v1/envelopes", recall).status == 201
    track = post.systems[SENDER].get(f"/api/v1/envelopes/{sent['envelope_id']}").json
    (delivery,) = track["deliveries"]
    assert delivery["fetched_at"]
    assert [request["state"] for request in delivery["requests"]] == ["open"]
    assert "fetched" in {event["event"] for event in delivery["timeline"]}


def test_what_was_recalled_before_does_not_leave_with_the_inbox(post: Post) -> None:
    number = f"many-{next(NUMBERS)}"
    sent = post.systems[SENDER].post("/api/v1/envelopes", post.province.signed(number, recipients=[FIRST])).json
    recall = post.province.status(number, "13", reporter=SENDER, sender=FIRST, of=SENDER, description="gửi nhầm")
    assert post.systems[SENDER].post("/api/v1/envelopes", recall).status == 201
    assert _delivery(sent) not in post.items(FIRST, "&octets=16000")
