"""What operators do over HTTP, wired; and the loop that works off the replays that they order."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from queues.broker import Broker, Message, QueueError
from queues.embedded import EmbeddedBroker
from queues.estate import DeadLetter
from queues.rabbitmq import DeadLetterBox
from trunk.application.administration import Administration
from trunk.application.dead_letters import DeadLetters, Letters
from trunk.application.diagnosis import Diagnosis
from trunk.application.directory import Clock
from trunk.application.operators import Operators
from trunk.application.replay import Replay
from trunk.application.replay_jobs import ReplayJobs
from trunk.bootstrap import rabbitmq
from trunk.bootstrap.surroundings import surroundings
from trunk.domain.ailment import Finding
from trunk.http.admin.control import Control
from trunk.http.app import Doors
from trunk.settings import Settings
from trunk.storage.journal import Line
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe
from trunk.workers.loops import Loop
from trunk.workers.replaying import ReplayTurns
from trunk.workers.uplink.lease import Lease

REPLAYS: Final = "replays"
_PAUSE_SECONDS: Final = 5.0
_BETWEEN_SECONDS: Final = 0.1


def control(
    settings: Settings, parts: tuple[Ledger, Scribe, Broker], doors: Doors, *, now: Clock, new_id: Callable[[], str]
) -> tuple[Control, Loop]:
    """The operators' doors, and the loop behind them."""
    ledger, scribe, broker = parts
    replay = Replay(ledger=ledger, now=now, lifetime=timedelta(days=settings.delivery.lifetime_days))
    jobs = ReplayJobs(ledger=ledger, replay=replay, now=now, new_id=new_id)
    lease = Lease(name=REPLAYS, owner=new_id(), scribe=scribe, now=now)
    turns = ReplayTurns(jobs=jobs, lease=lease, seconds=time.monotonic, wake=doors.wake_relay)
    loop = Loop(
        name=REPLAYS,
        step=turns.step,
        chance=random.random,
        pause_seconds=_PAUSE_SECONDS,
        gather_seconds=_BETWEEN_SECONDS,
        finish=lease.give_up,
    )
    made = Control(
        operators=operators(ledger, now),
        tracking=doors.tracking,
        replay=replay,
        jobs=jobs,
        dead_letters=DeadLetters(ledger=ledger, replay=replay, letters=_letters(settings, broker), now=now),
        administration=Administration(ledger=ledger, now=now, new_token=secrets.token_urlsafe),
        diagnose=_diagnosis(settings, ledger, broker, now),
        journal=_lines(ledger),
        wake=loop.wake,
    )
    return made, loop


def operators(ledger: Ledger, now: Clock) -> Operators:
    return Operators(ledger=ledger, now=now, new_token=secrets.token_urlsafe)


def _lines(ledger: Ledger) -> Callable[[datetime | None, str, int], Sequence[Line]]:
    def lines(since: datetime | None, actor: str, limit: int) -> Sequence[Line]:
        with ledger.read() as view:
            return view.journal(since=since, actor=actor, envelope_id="", limit=limit)

    return lines


def _diagnosis(settings: Settings, ledger: Ledger, broker: Broker, now: Clock) -> Callable[[], Sequence[Finding]]:
    def dead_letters() -> int | None:
        try:
            return broker.dead_letters()
        except QueueError:
            return None  # the checks of the service tell it

    return Diagnosis(
        ledger=ledger,
        payloads=PayloadStore(settings.data_folder / "objects"),
        watch=settings.doctor,
        lease_ahead=timedelta(minutes=settings.reconciler.lease_ahead_minutes),
        around=surroundings(settings, dead_letters=dead_letters),
        now=now,
    ).run


def _letters(settings: Settings, broker: Broker) -> Letters:
    if isinstance(broker, EmbeddedBroker):
        return KeptLetters(broker)
    return DeadLetterBox(settings.broker_url, rabbitmq.tuning(settings))


class KeptLetters:
    """Those of the embedded broker: of this process, since it started."""

    def __init__(self, broker: EmbeddedBroker) -> None:
        self._broker = broker

    def dead_letters(self, most: int, /) -> Sequence[DeadLetter]:
        """The oldest that are kept."""
        return [_letter(message) for message in self._broker.kept_dead_letters()[:most]]

    def settle(self, decide: Callable[[DeadLetter], bool], most: int, /) -> int:
        """Forget those of which ``decide`` says so."""
        return self._broker.forget_dead_letters(lambda message: decide(_letter(message)), most)


def _letter(message: Message) -> DeadLetter:
    return DeadLetter(id=message.id, queue=message.queue, reason="", body=message.body)
