"""The façade with everything behind it played."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from tests.unit.http.fakes import AT, KEYS, RECIPIENT, SENDER, FakeHandover, House, delivery, envelope
from tests.unit.http.serving import Answer
from trunk.application.enrolment import Registration
from trunk.application.handover import Offered
from trunk.application.shared_secrets import Recognised
from trunk.domain.agency import Agency, Caller, HubSide, SystemId
from trunk.domain.delivery import DeliveryId, DeliveryState
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.shared_secret import SharedSecretRecord
from trunk.domain.tracking import InboxItem, InboxSelection
from trunk.http.vxp.doors import Means
from trunk.settings import Vxp as Settings

LISTS = ("getReceivedEdocList", "getSentEdocList", "getAgenciesList", "getAgenciesListQD20", "getSynchronizeUnit")
SECRETS = {"h41": ("s3cret-of-h41", SENDER), "000.00.17.H36": ("s3cret-of-h36", RECIPIENT)}

__all__ = ["KEYS", "LISTS", "VxpHandover", "VxpHouse", "is_vxp"]


@dataclass
class FakeRecogniser:
    fault: Exception | None = None
    fresh_for: timedelta | None = None
    known: bool = False
    seen: set[str] = field(default_factory=set)  #: names that were recognised before
    hub: HubSide | None = None  #: every caller is one

    def recognise_known(self, name: str, signed_with: Callable[[str], bool]) -> Recognised | None:
        if not self.known or self.fault:
            return None
        found = self.recognise(name, signed_with)
        return found if isinstance(found, Recognised) else None

    def recognised_before(self, name: str, signed_with: Callable[[str], bool]) -> SystemId | None:
        if name not in self.seen or not signed_with(SECRETS[name][0]):
            return None
        return SystemId(f"system-{SECRETS[name][1]}")

    def recognise(self, name: str, signed_with: Callable[[str], bool]) -> Recognised | Rejected:
        if self.fault:
            raise self.fault
        secret, agency = SECRETS.get(name, ("", SENDER))
        if not secret or not signed_with(secret):
            return refuse(Code.REQUEST_SIGNATURE)
        system = SystemId(f"system-{agency}")
        record = SharedSecretRecord(
            id="s", system=system, name=name, sealed=b"", created_at=AT, fresh_for=self.fresh_for
        )
        caller = Caller(system=system, agencies=frozenset({agency}), hub=self.hub)
        return Recognised(caller=caller, secret=record)


@dataclass
class FakeEnrolment:
    asked: list[Registration | str] = field(default_factory=list)

    def register(self, caller: Caller, said: Registration) -> Agency | Rejected:
        self.asked.append(said)
        return refuse(Code.NOT_ENROLLER)

    def close(self, caller: Caller, code: str) -> Agency | Rejected:
        self.asked.append(code)
        return refuse(Code.NOT_ENROLLER)


@dataclass
class VxpHandover(FakeHandover):
    states: dict[str, DeliveryState] = field(default_factory=lambda: {"D1": DeliveryState.QUEUED})
    selections: list[InboxSelection] = field(default_factory=list)
    gate: threading.Event | None = None  #: counting waits for it

    def inbox(self, *arguments: Any, **options: Any) -> Any:
        self._raise()
        self.selections.append(options["only"])
        return super().inbox(*arguments, **options)

    def count(self, caller: Caller, only: InboxSelection) -> int:
        self._raise()
        self.selections.append(only)
        if self.gate:
            self.gate.wait(20)
        return 7

    def look(self, caller: Caller, delivery_id: DeliveryId) -> Offered | Rejected:
        self._raise()
        state = self.states.get(delivery_id)
        if state is None or not caller.speaks_for(RECIPIENT):
            return refuse(Code.NOT_FOUND, got=delivery_id)
        return Offered(envelope=envelope(), delivery=delivery(id=delivery_id, state=state))

    def _raise(self) -> None:
        if self.fault:
            raise self.fault


@dataclass
class VxpHouse(House):
    handover: VxpHandover = field(default_factory=VxpHandover)
    recogniser: FakeRecogniser = field(default_factory=FakeRecogniser)
    enrolment: FakeEnrolment = field(default_factory=FakeEnrolment)
    vxp: Settings = field(default_factory=Settings)
    push_system: str = ""

    def means(self) -> Means:
        parts: Any = {"recogniser": self.recogniser, "enrolment": self.enrolment}
        return Means(settings=self.vxp, trunk_id="TRUC", push_system=self.push_system, **parts)

    def waits(self, *ids: str) -> None:
        self.handover.items = [
            InboxItem(delivery=delivery(id=DeliveryId(name)), envelope=envelope(), position=n)
            for n, name in enumerate(ids)
        ]


def is_vxp(answer: Answer, operation: str, *, number: str) -> dict[str, Any]:
    """A refusal that the deployed client reads as one."""
    assert answer.status not in (200, 201, 202), answer
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert answer.octets.isascii()
    fields: dict[str, Any] = answer.json
    assert fields["status"] == "FAIL"
    assert fields["ErrorCode"] == number, fields
    assert fields["ErrorDesc"]
    assert fields["DocId"] == ""
    if operation in LISTS:
        assert fields["data"] == []
    return fields
