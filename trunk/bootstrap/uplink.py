"""Another hub as our uplink, wired: who speaks to it, and the loops that do."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from signing.examination import Examination
from trunk.application.advancing import Planner
from trunk.application.directory import Clock, Registry
from trunk.application.intake import Intake
from trunk.application.submission import Submission
from trunk.application.uplink import Outward, tiers
from trunk.application.uplink_agencies import BeyondAgencies
from trunk.application.uplink_mail import Inward, carrier
from trunk.domain.outcome import Accepted, Rejected
from trunk.http.errands import Errands
from trunk.settings import Settings
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe
from trunk.workers.loops import Loop
from trunk.workers.uplink.address_book import BookReader
from trunk.workers.uplink.client import Client
from trunk.workers.uplink.downward import Downward
from trunk.workers.uplink.exchange import Exchange, HubFaultError
from trunk.workers.uplink.lease import Lease
from trunk.workers.uplink.standing import Standing
from trunk.workers.uplink.taking import Basin
from trunk.workers.uplink.upward import Upward

Check = Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the uplink stands on."""

    settings: Settings
    ledger: Ledger
    scribe: Scribe
    registry: Registry
    payloads: PayloadStore
    planner: Planner
    intake: Intake
    errands: Errands
    wake_relay: Callable[[], None]
    now: Clock
    new_id: Callable[[], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Uplink:
    """The loops, and what is shown of them: a hub that is away makes this trunk no less ready for its own agencies."""

    loops: Mapping[str, Loop]
    checks: Mapping[str, Check]


def uplink(ground: Ground) -> Uplink:
    """Nothing where the settings name no hub."""
    told = ground.settings.uplink
    if not told.url:
        return Uplink(loops={}, checks={})
    lease = Lease(name=f"uplink:{told.name}", owner=ground.new_id(), scribe=ground.scribe, now=ground.now)
    up, down = _standing(ground), _standing(ground)
    client = _client(ground)
    outward = _outward(ground)
    upward = Upward(outward, client, up, lease, trunk_id=ground.settings.identity.organ_id)
    downward = _downward(ground, outward, client, (down, lease))
    poll = told.poll_seconds
    loops = {
        "uplink-lease": Loop(
            name="uplink-lease",
            step=lease.step,
            chance=random.random,
            pause_seconds=lease.renewal.total_seconds(),
            backoff_seconds=lease.renewal.total_seconds(),
            finish=lease.give_up,
        ),
        "uplink-up": Loop(
            name="uplink-up", step=upward.step, chance=random.random, pause_seconds=min(poll, 1.0), backoff_seconds=5.0
        ),
        "uplink-down": Loop(
            name="uplink-down", step=downward.step, chance=random.random, pause_seconds=poll, backoff_seconds=5.0
        ),
    }
    standings = {"uplink-lease": lambda: None, "uplink-up": up.check, "uplink-down": down.check}
    return Uplink(loops=loops, checks={name: _both(standings[name], loop.check) for name, loop in loops.items()})


def _both(first: Check, second: Check) -> Check:
    """What ails the hub says more than that a loop is held up."""

    def check() -> None:
        first()
        second()

    return check


def _standing(ground: Ground) -> Standing:
    told = ground.settings.uplink
    return Standing(told.name, now=ground.now, chance=random.random, poll_seconds=told.poll_seconds)


def _client(ground: Ground) -> Client:
    settings = ground.settings
    told = settings.uplink
    exchange = Exchange(
        url=told.url,
        system_id=told.system_id,
        secret=lambda: _secret(settings),
        timeout_seconds=told.timeout_seconds,
        now=ground.now,
    )
    return Client(exchange, most_octets=settings.http.max_body_octets)


def _secret(settings: Settings) -> str:
    """Read for each exchange: a new one is used from the next exchange on."""
    try:
        secret = settings.path(settings.uplink.secret_file).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise HubFaultError("secret_file", told=True) from error
    if not secret:
        raise HubFaultError("secret_file", told=True)
    return secret


def _outward(ground: Ground) -> Outward:
    told = ground.settings.uplink
    return Outward(
        ledger=ground.ledger,
        scribe=ground.scribe,
        payloads=ground.payloads,
        planner=ground.planner,
        directory=ground.registry.directory,
        hub=told.name,
        carriers=frozenset({carrier(told.name), *([told.push_system] if told.push_system else [])}),
        now=ground.now,
        new_id=ground.new_id,
        tiers=tiers(told.poll_seconds),
    )


def _downward(ground: Ground, outward: Outward, client: Client, means: tuple[Standing, Lease]) -> Downward:
    settings, (standing, lease) = ground.settings, means
    told = settings.uplink
    beyond = BeyondAgencies(ledger=ground.ledger, policy=told.signature_policy, now=ground.now)
    return Downward(
        inward=Inward(
            ledger=ground.ledger,
            scribe=ground.scribe,
            directory=ground.registry.directory,
            hub=told.name,
            now=ground.now,
            new_id=ground.new_id,
        ),
        outward=outward,
        client=client,
        standing=standing,
        lease=lease,
        basin=Basin(
            folder=settings.data_folder / "spool",
            new_name=ground.new_id,
            in_memory_octets=settings.http.spool_above_octets,
        ),
        intake=lambda submission: _take_in(ground, submission),
        address_book=BookReader(
            client=client,
            agencies=beyond,
            standing=standing,
            every=timedelta(minutes=told.address_book_minutes),
            now=ground.now,
        ),
        when_taken=told.done == "when-taken",
        now=ground.now,
        wake_relay=ground.wake_relay,
    )


def _take_in(ground: Ground, submission: Submission) -> Accepted | Rejected:
    """All stages; what the verdict lacks is fetched between two looks, as for everybody else."""
    intake, at = ground.intake, ground.now()
    found = intake.look(submission, at).result()
    report = found.report if isinstance(found, Examination) else None
    if report is not None and asyncio.run(ground.errands.run(report, caller=submission.caller.system)):
        at = ground.now()
        found = intake.look(submission, at).result()
    prepared = intake.decide(submission, found, at)
    return prepared if isinstance(prepared, Rejected) else intake.enter(prepared).result()
