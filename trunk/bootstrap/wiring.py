"""How the parts of a running trunk are put together; ``trunk.bootstrap`` opens its doors."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import uuid_utils
from aiohttp import web

from envelopes.model import Organization
from queues.broker import Broker
from queues.embedded import EmbeddedBroker
from queues.rabbitmq import RabbitBroker
from signing.examination import Examination
from trunk.application.acknowledge import Acknowledger
from trunk.application.advancing import Planner
from trunk.application.authorise import Authority
from trunk.application.deadlines import rules
from trunk.application.directory import Clock, Registry
from trunk.application.dispatch import Dispatch
from trunk.application.enter import Entrance
from trunk.application.evidence import EvidenceShelf
from trunk.application.examiners import Examiners
from trunk.application.handover import Handover
from trunk.application.intake import Intake
from trunk.application.policies import policies
from trunk.application.prepare import Preparer
from trunk.application.punctuality import Punctuality
from trunk.application.purge import Purge
from trunk.application.recalls import Recaller, Revisions
from trunk.application.receipts import Receipts
from trunk.application.reconcile import Reconciler
from trunk.application.sweep import Sweep
from trunk.application.tidy import Tidy
from trunk.application.tracking import Tracking
from trunk.bootstrap import care, control, facades, push, rabbitmq, signatures, uplink
from trunk.domain.entry import EnvelopeKind
from trunk.domain.operator import Operator
from trunk.domain.push_reply import LONGEST_ASKED
from trunk.domain.retry import RetrySchedule
from trunk.http import spool
from trunk.http.app import Doors, make_app
from trunk.http.errands import Errands
from trunk.http.runner import Runner
from trunk.http.waiting import WaitingRoom
from trunk.settings import Settings
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore
from trunk.storage.scribe import Scribe
from trunk.workers import revocation
from trunk.workers.examiners import ExaminerPool, InHouse
from trunk.workers.fetching import Fetcher
from trunk.workers.loops import Loop, Went
from trunk.workers.push.courier import Courier
from trunk.workers.service import Process
from trunk.workers.steps import Mailroom, dead_letter_step, purge_step, relay_step, sweep_step, tidy_step

NOTICES_WAIT = timedelta(days=3650)
"""How long statuses and acknowledgements wait for their reader: nobody is told when one gives up, so none does."""


def clock() -> datetime:
    """The wall clock, the only one."""
    return datetime.now(UTC)  # noqa: TID251  the door by which time comes in


def new_id() -> str:
    """A UUIDv7 (RFC 9562): unique, and ordered by time, which keeps indexes small."""
    return str(uuid_utils.uuid7())


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running trunk's parts, wired; ``process`` runs them, tests call them one by one."""

    ledger: Ledger
    broker: Broker
    registry: Registry
    intake: Intake
    handover: Handover
    tracking: Tracking
    punctuality: Punctuality
    dispatch: Dispatch
    sweep: Sweep
    mailroom: Mailroom
    reconciler: Reconciler
    courier: Courier
    app: web.Application
    process: Process


@dataclass(frozen=True, slots=True, kw_only=True)
class Core:
    """What most parts are made of."""

    settings: Settings
    ledger: Ledger
    scribe: Scribe
    broker: Broker
    registry: Registry
    payloads: PayloadStore
    acknowledger: Acknowledger
    planner: Planner
    now: Clock


@dataclass(frozen=True, slots=True)
class Judging:
    """Who judges them, and who gets what is lacking."""

    examiners: ExaminerPool[Examination] | InHouse[Examination]
    fetcher: Fetcher


def core(settings: Settings, ledger: Ledger, scribe: Scribe, broker: Broker, now: Clock) -> Core:
    acknowledger = _acknowledger(settings)
    return Core(
        settings=settings,
        ledger=ledger,
        scribe=scribe,
        broker=broker,
        registry=Registry(ledger=ledger, now=now),
        payloads=PayloadStore(settings.data_folder / "objects"),
        acknowledger=acknowledger,
        planner=Planner(acknowledger=acknowledger),
        now=now,
    )


def wire(core: Core, judging: Judging, executor: ThreadPoolExecutor) -> Service:
    settings, scribe = core.settings, core.scribe
    dispatch = Dispatch(
        ledger=core.ledger,
        scribe=scribe,
        broker=core.broker,
        directory=core.registry.directory,
        now=core.now,
        owner=new_id(),
        window=settings.broker.window,
        lease=timedelta(seconds=settings.broker.lease_seconds),
    )
    sweep = _sweep(core)
    waiting_room = WaitingRoom()
    mailroom = Mailroom(broker=core.broker, directory=core.registry.directory, ring=waiting_room.ring)
    loops = _loops(core, dispatch, sweep, mailroom)
    parts = (core.ledger, scribe, core.broker, core.registry)
    reconciler, loops["reconciler"] = care.reconciliation(settings, parts=parts, now=core.now, owner=new_id())
    loops["fetcher"] = judging.fetcher.loop()
    intake, handover = _intake(core, judging.examiners, executor), _handover(core)
    posting = push.posting(_push_ground(core, handover))
    loops["push"], mailroom.post = posting.loop, posting.loop.wake
    doors = _doors(core, intake, handover, waiting_room, judging, loops)
    beyond = uplink.uplink(_ground(core, intake, doors))
    doors = dataclasses.replace(doors, remarks=beyond.checks, push_figures=posting.courier.figures)
    operating, loops["replays"] = control.control(
        settings, (core.ledger, scribe, core.broker), doors, now=core.now, new_id=new_id
    )
    doors = dataclasses.replace(doors, control=operating, checks={**doors.checks, "replays": loops["replays"].check})
    app = _app(core, doors)
    process = Process(
        runner=lambda: Runner(app, drain_seconds=settings.http.drain_seconds),
        loops=(*loops.values(), *beyond.loops.values()),
    )
    return Service(
        ledger=core.ledger,
        broker=core.broker,
        registry=core.registry,
        intake=intake,
        handover=handover,
        tracking=doors.tracking,
        punctuality=doors.punctuality,
        dispatch=dispatch,
        sweep=sweep,
        mailroom=mailroom,
        reconciler=reconciler,
        courier=posting.courier,
        app=app,
        process=process,
    )


def _loops(core: Core, dispatch: Dispatch, sweep: Sweep, mailroom: Mailroom) -> dict[str, Loop]:
    purging = purge(core.settings, core.ledger, Operator(name="retention", now=core.now))
    steps: dict[str, tuple[Callable[[], Went], float]] = {
        "sweep": (sweep_step(sweep), 5.0),
        "mailroom": (mailroom.step, 2.0),
        "dead-letters": (dead_letter_step(core.broker), 60.0),
        "tidy": (tidy_step(_tidy(core)), 3600.0),
        "purge": (purge_step(purging), 86_400.0),
        "trust": (signatures.trust_step(core.settings), 5.0),
    }
    relay = Loop(name="relay", step=relay_step(dispatch), chance=random.random, gather_seconds=0.05)
    others = {
        name: Loop(name=name, step=step, chance=random.random, pause_seconds=pause)
        for name, (step, pause) in steps.items()
    }
    return {"relay": relay, **others}


def _sweep(core: Core) -> Sweep:
    ahead = 2 * max(_schedule(core.settings).longest, LONGEST_ASKED)
    return Sweep(ledger=core.ledger, scribe=core.scribe, planner=core.planner, now=core.now, ahead=ahead)


def _app(core: Core, doors: Doors) -> web.Application:
    parts = (core.settings, core.ledger, core.registry, core.now)
    return make_app(doors, facades.vxp(*parts), facades.lgsp(*parts))


def _tidy(core: Core) -> Tidy:
    return Tidy(
        ledger=core.ledger,
        payloads=core.payloads,
        spool=lambda before: spool.sweep(core.settings.data_folder / "spool", older_than=before.timestamp()),
        now=core.now,
    )


def purge(settings: Settings, ledger: Ledger, operator: Operator) -> Purge:
    kept = settings.retention
    days = {
        EnvelopeKind.DOCUMENT: kept.document_days,
        EnvelopeKind.STATUS: kept.status_days,
    }
    return Purge(
        ledger=ledger,
        payloads=PayloadStore(settings.data_folder / "objects"),
        operator=operator,
        kept={kind: timedelta(days=number) for kind, number in days.items() if number},
        new_id=new_id,
    )


def _intake(core: Core, examiners: Examiners, executor: ThreadPoolExecutor) -> Intake:
    shelf = EvidenceShelf(read=revocation.evidence(core.settings))
    preparer = Preparer(
        acknowledger=core.acknowledger,
        new_id=new_id,
        lifetime=lifetime(core.settings),
        notices_wait=NOTICES_WAIT,
        evidence=shelf,
        directories=core.registry.directory,
    )
    return Intake(
        directory=core.registry.directory,
        examiners=examiners,
        authority=Authority(policies(core.settings.signatures.policies), trunk_id=core.settings.identity.organ_id),
        preparer=preparer,
        ledger=core.ledger,
        payloads=core.payloads,
        entrance=_entrance(core, preparer, shelf, executor),
        now=core.now,
    )


def _entrance(core: Core, preparer: Preparer, shelf: EvidenceShelf, executor: ThreadPoolExecutor) -> Entrance:
    recaller = Recaller(planner=core.planner, new_id=new_id)
    receipts = Receipts(
        ledger=core.ledger,
        scribe=core.scribe,
        planner=core.planner,
        recaller=recaller,
        preparer=preparer,
        directories=core.registry.directory,
    )
    revisions = Revisions(
        ledger=core.ledger, scribe=core.scribe, recaller=recaller, directories=core.registry.directory
    )
    return Entrance(scribe=core.scribe, receipts=receipts, revisions=revisions, executor=executor, evidence=shelf)


def _handover(core: Core) -> Handover:
    return Handover(
        ledger=core.ledger,
        scribe=core.scribe,
        payloads=core.payloads,
        planner=core.planner,
        schedule=_schedule(core.settings),
        now=core.now,
        chance=random.random,
    )


def _doors(
    core: Core,
    intake: Intake,
    handover: Handover,
    waiting_room: WaitingRoom,
    judging: Judging,
    loops: Mapping[str, Loop],
) -> Doors:
    checks = {"ledger": core.ledger.check, "broker": core.broker.check, "examiners": judging.examiners.check}
    return Doors(
        settings=core.settings.http,
        spool_folder=core.settings.data_folder / "spool",
        intake=intake,
        errands=Errands(judging.fetcher, seconds=core.settings.signatures.revocation.wait_seconds),
        handover=handover,
        tracking=tracking(core.settings, core.ledger, core.now),
        registry=core.registry,
        punctuality=punctuality(core.settings, core.ledger, core.now),
        waiting_room=waiting_room,
        checks=checks | {name: loop.check for name, loop in loops.items()},
        depth=lambda: _depth(core.ledger),
        wake_relay=loops["relay"].wake,
        now=core.now,
        new_id=new_id,
    )


def _ground(core: Core, intake: Intake, doors: Doors) -> uplink.Ground:
    return uplink.Ground(
        settings=core.settings,
        ledger=core.ledger,
        scribe=core.scribe,
        registry=core.registry,
        payloads=core.payloads,
        planner=core.planner,
        intake=intake,
        errands=doors.errands,
        wake_relay=doors.wake_relay,
        now=core.now,
        new_id=new_id,
    )


def _push_ground(core: Core, handover: Handover) -> push.Ground:
    return push.Ground(
        settings=core.settings,
        ledger=core.ledger,
        scribe=core.scribe,
        registry=core.registry,
        handover=handover,
        now=core.now,
        new_id=new_id,
    )


def _depth(ledger: Ledger) -> dict[str, int]:
    with ledger.read() as view:
        return view.depth()


def tracking(settings: Settings, ledger: Ledger, now: Clock = clock) -> Tracking:
    return Tracking(ledger=ledger, now=now, rules=rules(settings.deadlines))


def punctuality(settings: Settings, ledger: Ledger, now: Clock = clock) -> Punctuality:
    return Punctuality(ledger=ledger, now=now, rules=rules(settings.deadlines))


def broker(settings: Settings) -> Broker:
    if settings.embedded:
        return EmbeddedBroker()
    return RabbitBroker(
        settings.broker_url,
        window=settings.broker.window,
        confirm_timeout_seconds=settings.broker.confirm_timeout_seconds,
        delivery_limit=settings.broker.delivery_limit,
        tuning=rabbitmq.tuning(settings),
    )


def _acknowledger(settings: Settings) -> Acknowledger:
    return Acknowledger(
        seal=signatures.seal(settings),
        trunk=Organization(organ_id=settings.identity.organ_id, name=settings.identity.name),
        new_id=new_id,
        lifetime=NOTICES_WAIT,
    )


def _schedule(settings: Settings) -> RetrySchedule:
    clocks = settings.delivery
    return RetrySchedule(
        first=timedelta(seconds=clocks.retry_first_seconds), longest=timedelta(seconds=clocks.retry_longest_seconds)
    )


def lifetime(settings: Settings) -> timedelta:
    return timedelta(days=settings.delivery.lifetime_days)
