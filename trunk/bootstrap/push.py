"""Push, wired: the courier of the running trunk, and the trial of endpoints at the administrators' door."""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from trunk.application.directory import Clock, Registry
from trunk.application.handover import Handover
from trunk.application.pushing import Pushing
from trunk.bootstrap import signatures
from trunk.domain.endpoint import EndpointRules
from trunk.settings import Settings
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.workers.loops import Loop
from trunk.workers.push.courier import Courier, Means
from trunk.workers.push.letters import LetterWriter
from trunk.workers.push.shares import Shares
from trunk.workers.push.standings import Standings
from trunk.workers.push.trial import Trial
from trunk.workers.push.wire import Limits, Wire


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the courier stands on."""

    settings: Settings
    ledger: Ledger
    scribe: Scribe
    registry: Registry
    handover: Handover
    now: Clock
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """The courier and the loop that calls it."""

    courier: Courier
    loop: Loop


def posting(ground: Ground) -> Posting:
    courier = _courier(ground)
    loop = Loop(name="push", step=courier.step, chance=random.random, finish=courier.finish)
    courier.wake = loop.wake
    return Posting(courier=courier, loop=loop)


def rules(settings: Settings) -> EndpointRules:
    return EndpointRules(private_hosts=settings.push.private_hosts, ports=settings.push.ports)


def trial(settings: Settings, now: Clock) -> Trial:
    """Raises ``ConfigurationError`` where the seal cannot be used."""
    return Trial(letters=_letters(settings, now), wire=_wire(settings), new_nonce=lambda: secrets.token_urlsafe(32))


def _courier(ground: Ground) -> Courier:
    settings, told = ground.settings, ground.settings.push
    standings = Standings(
        now=ground.now,
        chance=random.random,
        each=told.each,
        longest=timedelta(seconds=told.left_alone_seconds),
        alarm_every=timedelta(minutes=told.alarm_minutes),
    )
    pushing = Pushing(
        ledger=ground.ledger,
        handover=ground.handover,
        directory=ground.registry.directory,
        slowly=timedelta(seconds=settings.delivery.retry_longest_seconds),
    )
    means = Means(
        pushing=pushing,
        letters=_letters(settings, ground.now),
        wire=_wire(settings),
        standings=standings,
        shares=Shares(owner=ground.new_id(), scribe=ground.scribe, now=ground.now),
        now=ground.now,
        chance=random.random,
        at_once=told.at_once,
    )
    return Courier(means)


def _letters(settings: Settings, now: Clock) -> LetterWriter:
    signer = signatures.request_signer(settings)
    return LetterWriter(rules=rules(settings), signer=signer, folder=settings.data_folder, now=now)


def _wire(settings: Settings) -> Wire:
    told = settings.push
    limits = Limits(
        silence_seconds=told.silence_seconds, total_seconds=told.total_seconds, slowest_octets=told.slowest_octets
    )
    return Wire(limits=limits)
