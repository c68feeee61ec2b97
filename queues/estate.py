"""What is to be done to a broker's house before messages live in it: steps, as data. No broker is named in here."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Final, Protocol


class Act(StrEnum):
    """What a step does."""

    MAKE = "make"
    CHANGE = "change"
    MIGRATE = "migrate"  #: everything in it is carried over, confirmed
    DELETE = "delete"
    REFUSE = "refuse"  #: it will not be done; ``code`` and ``remedy`` say why and what to do
    NOTE = "note"  #: nothing to do, worth knowing


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One difference between what is and what should be."""

    act: Act
    kind: str
    name: str
    what: str = ""
    code: str = ""
    remedy: str = ""


REMEDIES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "RMQ-101": "let its agency fetch its mail first, or raise [broker] queue_limit or queue_octets",
        "RMQ-102": "register the agency again, or let somebody fetch what is in it; empty it goes by itself",
        "RMQ-103": "look at the dead letters (trunk admin rabbitmq dead-letters), settle them, delete the queue",
        "RMQ-104": "stop the trunk, delete the exchange by hand, apply again: the outbox keeps the mail meanwhile",
        "RMQ-105": "wait until the consumers of the queue have acknowledged, or stop them; then apply again",
        "RMQ-106": "look at RabbitMQ's log; nothing is lost: what was not moved is where it was. Apply again",
        "RMQ-107": "look at [broker] management_url and ca_file; is the plugin rabbitmq_management enabled?",
        "RMQ-108": "the user needs the tag administrator: rabbitmqctl set_user_tags NAME administrator",
        "RMQ-109": "stop the trunk while apply runs, or restart it with the new settings first",
        "RMQ-110": "trunk admin rabbitmq plan names the users",
    }
)
"""What a person does about each code; ``docs/rabbitmq.md`` lists them."""


class EstateError(Exception):
    """It was not done, or not wholly. Everything done so far stays, and the same call goes on from there."""

    def __init__(self, code: str, message: str, *, temporary: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.remedy = REMEDIES[code]
        self.temporary = temporary


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All differences, in the order in which they are mended."""

    steps: Sequence[Step]

    @property
    def differences(self) -> list[Step]:
        """Steps that do or should do something."""
        return [step for step in self.steps if step.act is not Act.NOTE]

    @property
    def refused(self) -> list[Step]:
        return [step for step in self.steps if step.act is Act.REFUSE]


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What was done, and the passwords that nobody has written down yet, by user."""

    steps: Sequence[Step]
    passwords: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A message that was set aside; ``id`` and the body are whatever somebody has sent."""

    id: str
    queue: str  #: the data that the queue's name stands for
    reason: str
    body: bytes


class Steward(Protocol):
    """Keeps the house. All methods raise ``EstateError``; ``apply`` also ``OSError``, for files of passwords."""

    def plan(self) -> Plan:
        """What differs now."""

    def apply(self, *, folder: Path | None = None, renew: Collection[str] = ()) -> Applied:
        """Mend all differences but the refused ones; passwords go into ``folder``, if there is one."""

    def dead_letters(self, most: int) -> list[DeadLetter]:
        """The oldest dead letters, which stay where they are."""

    def settle(self, decide: Callable[[DeadLetter], bool], most: int) -> int:
        """Remove the dead letters of which ``decide`` says so; how many."""
