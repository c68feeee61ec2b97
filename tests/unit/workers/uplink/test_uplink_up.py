"""The step that carries mail up, against hubs that refuse, falter and fall silent."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.ledger_kit import delivery, document
from tests.unit.workers.uplink.hub import AT
from trunk.application.uplink import Parcel
from trunk.domain.delivery import AgencyCode, EnvelopeId
from trunk.domain.entry import EnvelopeKind
from trunk.errors import CorruptPayloadError
from trunk.workers.loops import Went
from trunk.workers.uplink.client import Messages, Refused
from trunk.workers.uplink.exchange import HubFaultError, UnfitError
from trunk.workers.uplink.standing import Standing
from trunk.workers.uplink.upward import Upward

CODES = tuple(map(AgencyCode, ("H36.17", "H36", "G12")))


@dataclass
class House:
    """Mail that waits, and a hub that answers as told: by document, else ``theirs``."""

    waits: list[str] = field(default_factory=list)
    answers: dict[str, Any] = field(default_factory=dict)
    sent: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    given_up_: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    kinds: list[Messages] = field(default_factory=list)
    traces: list[Any] = field(default_factory=list)
    kind: EnvelopeKind = EnvelopeKind.DOCUMENT
    held: bool = True
    now: datetime = AT

    def __post_init__(self) -> None:
        standing = Standing("national", now=lambda: self.now, chance=lambda: 0.0, poll_seconds=15)
        parts: tuple[Any, ...] = (self, self, standing, self)
        self.upward = Upward(*parts, trunk_id="H41.TRUC")

    def step(self, *, after: float = 0) -> Went:
        self.now += timedelta(seconds=after)
        return self.upward.step()

    def waiting(self, *, without: Collection[EnvelopeId]) -> list[EnvelopeId]:
        return [EnvelopeId(one) for one in self.waits if one not in without][:20]

    def take(self, envelope_id: EnvelopeId) -> Parcel | None:
        if envelope_id == "damaged":
            raise CorruptPayloadError(envelope_id)
        record = replace(document(envelope_id, b"x"), id=envelope_id, kind=self.kind, trace=("H99.TRUC",))
        return Parcel(envelope=record, deliveries=[delivery(envelope_id, code) for code in CODES], octets=b"x")

    def send(self, _: Any, *, kind: Messages, sender: str, to: Collection[str], trace: Any) -> Any:
        assert sender == "H41"
        self.kinds.append(kind)
        self.traces.append(trace)
        self.sent.append((self.waits[0] if len(self.waits) == 1 else "", tuple(to)))
        answer = self.answers.get(self.waits[0] if len(self.waits) == 1 else "", "theirs")
        if isinstance(answer, list):
            answer = answer.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def relayed(self, parcel: Parcel, remote_id: str) -> None:
        assert remote_id == "theirs"
        self.waits.remove(parcel.envelope.id)

    def given_up(self, parcel: Parcel, *, reason: str) -> None:
        self.given_up_.append((tuple(one.addressee for one in parcel.deliveries), reason))
        if len(parcel.deliveries) == len(CODES):
            self.waits.remove(parcel.envelope.id)


def test_one_request_for_all_recipients_with_the_hubs_that_had_it() -> None:
    house = House(["a"])
    assert (house.step(), house.step()) == (Went.WORKED, Went.IDLE)
    assert (house.sent, house.traces) == ([("a", CODES)], [["H99.TRUC", "H41.TRUC"]])
    assert house.kinds == [Messages.DOCUMENTS]


def test_a_status_goes_as_a_status() -> None:
    house = House(["a"], kind=EnvelopeKind.STATUS)
    house.step()
    assert house.kinds == [Messages.STATUSES]


def test_nothing_goes_without_the_lease() -> None:
    house = House(["a"], held=False)
    assert (house.step(), house.sent) == (Went.IDLE, [])


@pytest.mark.parametrize("number", ["10", "19", "21", "22"])
def test_what_is_refused_for_good_is_given_up_with_the_hub_s_words(number: str) -> None:
    house = House(["a"], answers={"a": Refused(number, "vì H36")})
    house.step()
    assert house.given_up_ == [(CODES, f"{number} vì H36")]


@pytest.mark.parametrize("number", ["18", "23"])
def test_refused_for_one_receiver_it_goes_to_the_others(number: str) -> None:
    house = House(["a"], answers={"a": [Refused(number, "ADR-103: H36, không có"), "theirs"]})
    house.step()
    assert house.given_up_ == [(("H36",), f"{number} ADR-103: H36, không có")]
    assert house.sent == [("a", CODES), ("a", ("H36.17", "G12"))]


def test_refused_for_receivers_that_it_does_not_name_it_is_given_up_for_all() -> None:
    house = House(["a"], answers={"a": Refused("18", "no such receiver")})
    house.step()
    assert house.given_up_ == [(CODES, "18 no such receiver")]


def test_what_no_header_holds_is_given_up_aloud() -> None:
    house = House(["a"], answers={"a": UnfitError()})
    house.step()
    assert house.given_up_ == [(CODES, "too many receivers for one request")]


def test_a_message_that_fails_is_put_off_and_tried_again_later() -> None:
    house = House(["a"], answers={"a": [HubFaultError("number_20", whole=False)] * 3 + ["theirs"]})
    went = [house.step(after=0.25) for _ in range(60)]
    assert went.count(Went.WORKED) == 4
    assert (len(house.sent), house.given_up_, house.waits) == (4, [], [])


def test_damaged_octets_hold_up_nobody_and_are_never_given_up_in_silence() -> None:
    house = House(["damaged", "b"])
    assert house.step() is Went.WORKED
    assert (house.waits, house.given_up_) == (["damaged"], [])
    assert house.step() is Went.IDLE


def test_a_hub_that_is_silent_is_not_asked_all_the_time_and_nothing_is_lost() -> None:
    house = House(["a"], answers={"a": HubFaultError("timeout")})
    went = {house.step(after=0.25) for _ in range(480)}
    assert went <= {Went.HELD_UP, Went.IDLE}
    assert len(house.sent) < 12
    house.answers = {}
    house.step(after=3600)
    assert house.waits == []
