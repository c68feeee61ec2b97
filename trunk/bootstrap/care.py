"""What looks after the trunk, wired: the reconciler."""

from __future__ import annotations

import random
from datetime import timedelta

from queues.broker import Broker
from trunk.application.directory import Clock, Registry
from trunk.application.reconcile import Pace, Reconciler
from trunk.settings import Settings
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.workers.loops import Loop
from trunk.workers.steps import reconcile_step
from trunk.workers.uplink.lease import Lease

RECONCILER = "reconciler"


def reconciliation(
    settings: Settings, *, parts: tuple[Ledger, Scribe, Broker, Registry], now: Clock, owner: str
) -> tuple[Reconciler, Loop]:
    """The reconciler, and the loop in which one process at a time runs it."""
    told = settings.reconciler
    ledger, scribe, broker, registry = parts
    reconciler = Reconciler(
        ledger=ledger,
        scribe=scribe,
        broker=broker,
        directory=registry.directory,
        now=now,
        pace=Pace(
            lost_after=timedelta(seconds=told.lost_after_seconds),
            untaken_after=timedelta(minutes=told.untaken_after_minutes),
            ahead=timedelta(minutes=told.lease_ahead_minutes),
        ),
    )
    lease = Lease(name=RECONCILER, owner=owner, scribe=scribe, now=now, renewal=timedelta(seconds=told.every_seconds))
    loop = Loop(
        name=RECONCILER,
        step=reconcile_step(reconciler, lease),
        chance=random.random,
        pause_seconds=told.every_seconds,
        finish=lease.give_up,
    )
    return reconciler, loop
