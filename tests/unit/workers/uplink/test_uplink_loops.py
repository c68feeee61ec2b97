"""The steps of the uplink's loops against a hub that does whatever hubs do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.workers.uplink.hub import AT
from trunk.application.submission import Submission
from trunk.application.uplink import FAIL
from trunk.application.uplink_mail import Due, Inward
from trunk.domain.agency import Directory
from trunk.domain.delivery import DeliveryState
from trunk.domain.entry import AcceptedEnvelope
from trunk.domain.hub_link import Direction, HubLink, LinkState
from trunk.domain.outcome import Accepted, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.errors import LedgerUnavailableError, OverloadedError
from trunk.workers.loops import Went
from trunk.workers.uplink.client import Downloaded, Fate, Item, Messages, Refused, Word
from trunk.workers.uplink.downward import Downward
from trunk.workers.uplink.exchange import HubFaultError
from trunk.workers.uplink.standing import Standing
from trunk.workers.uplink.taking import Basin


@dataclass
class Hub:
    """Holds mail, by day; ``processing`` takes nothing off its list; a list has ``limit`` items at most."""

    mail: dict[str, datetime] = field(default_factory=dict)
    limit: int = 3
    fault: HubFaultError | None = None
    reply: Downloaded | Refused = Downloaded(framed=True)  # noqa: RUF009  frozen
    said: list[tuple[str, str, str]] = field(default_factory=list)
    downloads: list[str] = field(default_factory=list)
    lists: int = 0
    asked: list[str] = field(default_factory=list)

    def waiting(self, kind: Messages, *, day: datetime | None = None) -> list[Item]:
        self.lists += 1
        if self.fault is not None:
            raise self.fault
        found = [one for one, at in self.mail.items() if day is None or at.date() == day.date()]
        return [Item(doc_id=one, to="H41.01") for one in found[: self.limit]] if kind is Messages.DOCUMENTS else []

    def download(self, doc_id: str, into: Path) -> Downloaded | Refused:
        self.downloads.append(doc_id)
        if doc_id == "poison":
            raise HubFaultError("too_large", whole=False)
        into.write_bytes(b"<edXML/>")
        return self.reply

    def say(self, doc_id: str, word: Word, description: str = "") -> None:
        self.said.append((doc_id, word.value, description))
        if doc_id.startswith("poison"):
            raise HubFaultError("refused_20", whole=doc_id.startswith("poison500"))
        if word is not Word.PROCESSING:
            self.mail.pop(doc_id, None)

    def fates(self, doc_id: str) -> list[Fate]:
        self.asked.append(doc_id)
        if doc_id.startswith("poison"):
            raise HubFaultError("http_500")
        if doc_id == "unknown":
            raise HubFaultError("refused_21", whole=False)
        return [Fate(to="a", status="done"), Fate(to="b", status="fail"), Fate(to="c", status="fail", state="deferred")]


class Memory(Inward):
    """Keeps links in a dictionary instead of the ledger."""

    def __init__(self) -> None:
        values: dict[str, Any] = {"ledger": None, "scribe": None, "hub": "national", "now": lambda: AT}
        super().__init__(**values, directory=lambda: Directory(()), new_id=lambda: "id")
        object.__setattr__(self, "links", {})
        object.__setattr__(self, "dues", [])

    __slots__ = ("dues", "links")

    def known(self, remote_ids: Any) -> Any:
        return {one: self.links[one] for one in remote_ids if one in self.links}

    def took(self, remote_id: str, to: str, outcome: Accepted) -> HubLink:
        self.links[remote_id] = link(remote_id, LinkState.OPEN)
        return self.links[remote_id]

    def refused(self, remote_id: str, reason: str) -> bool:
        ours = remote_id not in self.links
        self.links.setdefault(remote_id, link(remote_id, LinkState.REFUSED, reason=reason))
        return ours

    def due(self, *, limit: int = 50) -> list[Due]:
        return list(self.dues)

    def told(self, link: HubLink, *, reason: str = "") -> None:
        self.links.pop(link.remote_id, None)
        self.dues[:] = [due for due in self.dues if due.link.remote_id != link.remote_id]

    def reminded(self, links: Sequence[HubLink]) -> None:
        for one in links:
            self.links[one.remote_id] = link(one.remote_id, one.state, reason=one.reason, checked_at=NOW.now)


def link(remote_id: str, state: LinkState, **values: Any) -> HubLink:
    given = {"id": remote_id, "hub": "national", "direction": Direction.DOWN, "at": NOW.now, "checked_at": NOW.now}
    return HubLink(**{**given, "remote_id": remote_id, "state": state, "delivery_id": "d", **values})


@dataclass
class Clock:
    now: datetime = AT

    def __call__(self) -> datetime:
        return self.now


NOW = Clock()


@dataclass
class Outward:
    """What went up."""

    asks: list[str] = field(default_factory=list)
    told: list[tuple[str, Any]] = field(default_factory=list)
    in_vain: list[str] = field(default_factory=list)

    def asked(self, remote_id: str) -> None:
        self.in_vain.append(remote_id)

    def to_ask(self) -> list[str]:
        asks, self.asks = self.asks, []
        return asks

    def answered(self, remote_id: str, fates: Any) -> None:
        self.told.append((remote_id, fates))


@dataclass
class House:
    """The loop and all around it."""

    hub: Hub
    memory: Memory
    outward: Outward
    downward: Downward
    outcomes: list[Accepted | Rejected | Exception]
    submitted: list[Submission] = field(default_factory=list)
    book_wanted: int = 0
    held: bool = True

    def intake(self, submission: Submission) -> Accepted | Rejected:
        self.submitted.append(submission)
        outcome = self.outcomes.pop(0) if len(self.outcomes) > 1 else self.outcomes[0]
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    book_fault: HubFaultError | None = None

    def read_if_due(self) -> None:
        if self.book_fault is not None:
            raise self.book_fault

    def want(self) -> None:
        self.book_wanted += 1


ACCEPTED = Accepted(accepted=AcceptedEnvelope(envelope=None, deliveries=(), acknowledgement=None, sealed=b""))


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    NOW.now = AT
    hub, memory, outward = Hub(), Memory(), Outward()
    house = House(hub, memory, outward, None, [ACCEPTED])
    numbers = iter(range(10_000))
    parts: dict[str, Any] = {"inward": memory, "outward": outward, "client": hub, "lease": house}
    house.downward = Downward(
        **parts,
        standing=Standing("national", now=NOW, chance=lambda: 0.0, poll_seconds=15),
        basin=Basin(folder=tmp_path, new_name=lambda: str(next(numbers)), in_memory_octets=100),
        intake=house.intake,
        address_book=house,
        when_taken=False,
        now=NOW,
        wake_relay=lambda: None,
    )
    yield house
    assert list(tmp_path.iterdir()) == [], "no spool file is left behind"


def step(house: House, *, after: float = 0) -> Went:
    NOW.now += timedelta(seconds=after)
    return house.downward.step()


def test_nothing_is_asked_without_the_lease(house: House) -> None:
    house.held = False
    assert (step(house), house.hub.lists) == (Went.IDLE, 0)


def test_what_is_taken_is_not_downloaded_again_while_the_hub_still_lists_it(house: House) -> None:
    house.hub.mail = {"a": AT, "b": AT}
    assert step(house) is Went.WORKED
    for _ in range(5):
        assert step(house, after=15) is Went.IDLE
    assert house.hub.downloads == ["a", "b"]
    assert house.hub.said == [("a", "processing", ""), ("b", "processing", "")]
    step(house, after=120)
    assert house.hub.said[2:] == [("a", "processing", ""), ("b", "processing", "")], "reminded after a while"


def test_the_hub_is_reminded_though_the_clock_was_set_back(house: House) -> None:
    house.hub.mail = {"a": AT}
    step(house)
    step(house, after=-24 * 3600)
    assert house.hub.said == [("a", "processing", "")] * 2


def test_new_mail_is_found_behind_a_list_that_is_full_of_old_mail(house: House) -> None:
    house.hub.mail = {str(n): AT - timedelta(days=20) for n in range(3)}
    step(house)
    house.hub.mail |= {"today": AT, "last week": AT - timedelta(days=7)}
    for _ in range(30):
        step(house, after=15)
    assert house.hub.downloads == ["0", "1", "2", "today", "last week"]


def test_mail_that_we_refuse_is_told_with_the_code_and_never_downloaded_again(house: House) -> None:
    house.outcomes = [refuse(Code.LOOP, got="x")]
    house.hub.mail = {"a": AT}
    assert step(house) is Went.IDLE
    assert house.hub.said == [("a", "fail", "ADR-107")]
    house.hub.mail = {"a": AT}  # the hub offers it again
    for _ in range(20):
        step(house, after=60)
    assert house.hub.downloads == ["a"]
    assert set(house.hub.said) == {("a", "fail", "ADR-107")}


def test_a_refusal_after_another_process_took_it_in_is_not_told(house: House) -> None:
    house.hub.mail = {"a": AT}

    def slowly(_: Submission) -> Rejected:
        house.memory.links["a"] = link("a", LinkState.OPEN)  # by the one that took over while we slept
        return refuse(Code.LOOP, got="x")

    house.downward.intake = slowly
    step(house)
    assert (house.hub.said, house.memory.links["a"].state) == ([], LinkState.OPEN)


def test_poison_is_tried_ever_more_seldom_and_holds_up_nothing(house: House) -> None:
    house.hub.mail = {"poison": AT, "a": AT}
    for _ in range(240):
        step(house, after=15)
    assert house.hub.said[0] == ("a", "processing", "")
    assert 5 < house.hub.downloads.count("poison") < 20


@pytest.mark.parametrize("outcome", [refuse(Code.REVOCATION_UNKNOWN), OverloadedError()])
def test_what_cannot_be_told_yet_is_tried_again(house: House, outcome: Any) -> None:
    house.outcomes = [outcome, ACCEPTED]
    house.hub.mail = {"a": AT}
    assert step(house) is Went.IDLE
    assert house.hub.said == []
    step(house, after=60)
    assert house.hub.said == [("a", "processing", "")]


def test_a_stranger_may_be_news_of_the_address_book_but_not_for_ever(house: House) -> None:
    house.outcomes = [refuse(Code.SENDER_UNKNOWN)]
    house.hub.mail = {"a": AT}
    for _ in range(60):
        step(house, after=60)
    assert house.book_wanted == 5
    assert house.hub.downloads == ["a"] * 6
    assert house.hub.said[0] == ("a", "fail", "ADR-101")


def test_a_file_whose_end_nobody_marked_is_fetched_again_before_it_counts_as_broken(house: House) -> None:
    house.hub.reply = Downloaded(framed=False)
    house.outcomes = [refuse(Code("ENV-001")), ACCEPTED]
    house.hub.mail = {"a": AT}
    step(house)
    step(house, after=60)
    assert house.hub.said == [("a", "processing", "")]


def test_a_file_that_the_hub_itself_refuses_is_asked_for_once(house: House) -> None:
    house.hub.reply = Refused("21", "gone")
    house.hub.mail = {"a": AT}
    for _ in range(3):
        step(house, after=60)
    assert house.hub.downloads == ["a"]


def test_a_hub_that_is_away_is_left_alone(house: House) -> None:
    house.hub.fault = HubFaultError("timeout")
    went = [step(house, after=0.2) for _ in range(600)]
    assert set(went) == {Went.HELD_UP}
    assert house.hub.lists < 12, "two minutes of a loop in trouble"
    house.hub.fault = None
    assert step(house, after=300) is Went.IDLE


def test_documents_are_taken_for_the_agency_that_the_hub_names(house: House) -> None:
    house.hub.mail = {"a": AT}
    step(house)
    (submission,) = house.submitted
    assert submission.octets == b"<edXML/>"
    assert submission.caller.hub is not None
    assert submission.only_to == (), "it is none of ours by that code"


def test_when_taken_tells_done_at_once(house: House) -> None:
    house.downward.when_taken = True
    house.hub.mail = {"a": AT}
    step(house)
    assert house.hub.said == [("a", "done", "")]


def test_nothing_is_said_to_the_hub_while_the_ledger_has_not_taken_it(house: House) -> None:
    house.outcomes = [LedgerUnavailableError("away")]
    house.hub.mail = {"a": AT}
    with pytest.raises(LedgerUnavailableError):
        step(house)
    assert house.hub.said == []


def test_the_hub_is_told_what_became_of_its_mail(house: House) -> None:
    house.memory.dues.append(Due(link=link("x", LinkState.OPEN), done=False, reason="recalled"))
    step(house)
    assert house.hub.said == [("x", "fail", "recalled")]


def test_fates_are_handed_on_in_our_words(house: House) -> None:
    house.outward.asks = ["known", "unknown"]
    step(house)
    said = {"a": (DeliveryState.DELIVERED, ""), "b": (FAIL, ""), "c": ("deferred", "")}
    assert house.outward.told == [("known", said), ("unknown", {})]


@pytest.mark.parametrize("poison", ["poison20", "poison500"])
def test_word_that_the_hub_will_not_take_holds_up_neither_mail_nor_other_words(house: House, poison: str) -> None:
    done = [Due(link=link(one, LinkState.OPEN), done=True) for one in (poison, "b")]
    house.memory.dues[:] = done
    house.hub.mail = {"new": AT}
    step(house)
    assert ("b", "done", "") in house.hub.said
    assert house.hub.downloads == ["new"]
    for _ in range(10):
        step(house, after=0.1)
    assert [said[0] for said in house.hub.said].count(poison) < 6, "it is left alone, longer each time"


def test_a_question_that_the_hub_cannot_answer_holds_up_no_other(house: House) -> None:
    house.outward.asks = ["poison", "b"]
    step(house)
    assert [remote_id for remote_id, _ in house.outward.told] == ["b"]
    assert house.outward.in_vain == ["poison"]


def test_a_hub_that_fails_several_in_a_row_is_left_alone(house: House) -> None:
    house.memory.dues[:] = [Due(link=link(f"poison500{n}", LinkState.OPEN), done=True) for n in range(5)]
    house.outward.asks = [f"poison{n}" for n in range(5)]
    assert step(house) is Went.HELD_UP
    assert len(house.hub.asked) + len(house.hub.said) <= 5 + 2


def test_a_broken_address_book_holds_up_neither_mail_nor_word(house: House) -> None:
    house.book_fault = HubFaultError("http_404")
    house.hub.mail["m1"] = AT
    house.outward.asks = ["r1"]
    assert [step(house), step(house, after=60)] == [Went.HELD_UP] * 2
    assert (house.hub.downloads, house.hub.asked) == (["m1"], ["r1"])


def test_a_list_that_the_hub_cannot_give_holds_up_no_question(house: House) -> None:
    house.hub.fault = HubFaultError("http_500")
    house.outward.asks = ["r1"]
    for _ in range(3):
        step(house, after=600)
    assert house.hub.asked == ["r1"]


def test_a_message_at_which_something_of_ours_breaks_holds_up_no_other(house: House) -> None:
    house.hub.mail.update(broken=AT, good=AT)
    house.outcomes = [ZeroDivisionError(), ACCEPTED]
    assert step(house) is Went.WORKED
    assert set(house.memory.links) == {"good"}
    step(house, after=3600)
    assert set(house.memory.links) == {"good", "broken"}
