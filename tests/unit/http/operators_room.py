"""The operators' doors on a real SQLite ledger, with dead letters that are played."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from queues.estate import DeadLetter
from tests.ledger_kit import AT, RECIPIENT, acceptance, entered, move
from tests.unit.http.fakes import House
from trunk.application.administration import Administration
from trunk.application.dead_letters import DeadLetters
from trunk.application.deadlines import rules
from trunk.application.operators import Operators
from trunk.application.replay import Replay
from trunk.application.replay_jobs import ReplayJobs
from trunk.application.tracking import Tracking
from trunk.domain.agency import Agency
from trunk.domain.ailment import Ailment, Finding
from trunk.domain.control import Role
from trunk.domain.delivery import Delivery, DeliveryEvent, DeliveryId
from trunk.domain.operator import Operator
from trunk.http.admin.control import Control
from trunk.http.app import Doors
from trunk.settings import Deadlines
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger


@dataclass
class PlayedLetters:
    letters: list[DeadLetter] = field(default_factory=list)
    fault: Exception | None = None

    def dead_letters(self, most: int, /) -> Sequence[DeadLetter]:
        if self.fault:
            raise self.fault
        return self.letters[:most]

    def settle(self, decide: Callable[[DeadLetter], bool], most: int, /) -> int:
        kept = [letter for letter in self.letters if not decide(letter)]
        removed, self.letters = len(self.letters) - len(kept), kept
        return removed


@dataclass
class OperatorsRoom:
    """A ledger, and everything that operators do with it."""

    ledger: Ledger
    now: datetime = AT
    letters: PlayedLetters = field(default_factory=PlayedLetters)
    woken: list[int] = field(default_factory=list)
    gate: Callable[[], None] = lambda: None  #: while somebody asks what is stuck
    numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def clock(self) -> datetime:
        return self.now

    def operators(self) -> Operators:
        acting = self.ledger.acting(Operator(name="root", now=self.clock))
        return Operators(ledger=acting, now=self.clock, new_token=lambda n: f"{next(self.numbers):0{n}}")

    def key(self, name: str = "binh", role: Role = Role.ADMINISTRATOR) -> str:
        return self.operators().add(name, role).spelled

    def replay(self) -> Replay:
        return Replay(ledger=self.ledger, now=self.clock, lifetime=timedelta(days=7))

    def jobs(self) -> ReplayJobs:
        return ReplayJobs(
            ledger=self.ledger, replay=self.replay(), now=self.clock, new_id=lambda: f"job-{next(self.numbers)}"
        )

    def control(self) -> Control:
        return Control(
            operators=self.operators(),
            tracking=Tracking(ledger=self.ledger, now=self.clock, rules=rules(Deadlines())),
            replay=self.replay(),
            jobs=self.jobs(),
            dead_letters=DeadLetters(ledger=self.ledger, replay=self.replay(), letters=self.letters, now=self.clock),
            administration=Administration(ledger=self.ledger, now=self.clock, new_token=str),
            diagnose=self._diagnose,
            journal=self._lines,
            wake=lambda: self.woken.append(1),
        )

    def doors(self, house: House) -> Doors:
        return house.doors(control=self.control())

    def delivery(self, number: str = "VB-1", *events: DeliveryEvent, **more: object) -> Delivery:
        """A document on its way to one agency, to which these things have happened."""
        (accepted,) = entered(self.ledger, acceptance(number, number.encode(), **more))
        with self.ledger.begin() as book:
            return move(book, accepted.deliveries[0].id, *events, at=self.now)

    def state(self, delivery: Delivery) -> str:
        with self.ledger.read() as view:
            found = view.delivery(delivery.id)
        assert found is not None
        return found.state.value

    def acts(self) -> list[tuple[str, str, str]]:
        """What operators did, by the journal: event, actor, reason."""
        found = [(line.event, line.actor, line.reason) for line in self._lines(None, "", 500)]
        return [line for line in found if line[0].startswith("admin_") or line[0] == "replay_ordered"]

    def letter(self, about: DeliveryId | str, *, queue: str = "H41.01") -> DeadLetter:
        """A notice of that delivery that was set aside."""
        made = DeadLetter(
            id=f"{about}.0", queue=queue, reason="delivery_limit", body=orjson.dumps({"delivery_id": about})
        )
        self.letters.letters.append(made)
        return made

    def _diagnose(self) -> list[Finding]:
        self.gate()
        return [Finding(ailment=Ailment.EXPIRED, what="H41.01", count=3, since=self.now)]

    def _lines(self, since: datetime | None, actor: str, limit: int) -> list:
        with self.ledger.read() as view:
            return list(view.journal(since=since, actor=actor, envelope_id="", limit=limit))


def open_operators_room(folder: Path) -> OperatorsRoom:
    engine = open_engine(f"sqlite:///{folder}/ledger.db")
    migrate.upgrade(engine)
    room = OperatorsRoom(Ledger(engine))
    with room.ledger.begin() as book:
        book.put_agency(Agency(code=RECIPIENT, name="Sở", old_code="000.00.01.H41"), at=AT)
    return room
