"""The composition root: the only place that knows every part by name.

Three doors, whose *type* is the permission: ``open_desk`` (clerks look; a read-only engine),
``open_administration`` (administrators act; no broker), ``open_service`` (the running trunk).
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from trunk import failpoints
from trunk.application.accounts import Accounts
from trunk.application.administration import Administration
from trunk.application.copies import Copies
from trunk.application.directory import Clock
from trunk.application.journal import Journal
from trunk.application.operators import Operators
from trunk.application.punctuality import Punctuality
from trunk.application.purge import Purge
from trunk.application.replay import Replay
from trunk.application.shared_secrets import SharedSecrets
from trunk.application.tracking import Tracking
from trunk.bootstrap import control, copies, facades, push, signatures, wiring
from trunk.bootstrap.wiring import Judging, Service, clock, wire
from trunk.domain.operator import Operator
from trunk.settings import Settings
from trunk.storage import migrate
from trunk.storage.chain import Chain
from trunk.storage.engine import ANSWER_SECONDS, open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.scribe import Scribe
from trunk.workers.push.trial import Trial

__all__ = [
    "AdminRoom",
    "Desk",
    "Service",
    "clock",
    "open_administration",
    "open_desk",
    "open_service",
    "prepare",
    "upgrade",
]

_CONNECTIONS_BESIDE: Final = 8
"""Of the loops and of those who look before they write; a thread that answers requests has one of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What clerks may do: look."""

    tracking: Tracking
    punctuality: Punctuality


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminRoom:
    """What administrators may do. Writes the ledger; the running service sends."""

    tracking: Tracking
    replay: Replay
    administration: Administration
    secrets: SharedSecrets
    accounts: Accounts
    operators: Operators
    trial: Callable[[], Trial]  #: of endpoints; the seal's key is read when it is asked for
    journal: Journal
    copies: Copies
    purge: Purge


@contextmanager
def open_desk(settings: Settings) -> Iterator[Desk]:
    """The clerks' door: its engine cannot write. Raises ``ConfigurationError``, ``LedgerUnavailableError``."""
    with _ledger(settings, read_only=True) as ledger:
        yield Desk(tracking=wiring.tracking(settings, ledger), punctuality=wiring.punctuality(settings, ledger))


@contextmanager
def open_administration(settings: Settings, *, by: str = "trunk", why: str = "") -> Iterator[AdminRoom]:
    """The administrators' door; what ``by`` does is in the journal.

    Raises ``ConfigurationError``, ``LedgerUnavailableError``.
    """
    with _ledger(settings) as plain:
        ledger = plain.acting(operator := Operator(name=by, now=clock, why=why))
        yield AdminRoom(
            journal=Journal(ledger=ledger, operator=operator, seal=lambda: signatures.head_seal(settings)),
            copies=copies.copies(settings, ledger, operator),
            purge=wiring.purge(settings, ledger, operator),
            tracking=wiring.tracking(settings, ledger),
            replay=Replay(ledger=ledger, now=clock, lifetime=wiring.lifetime(settings)),
            administration=Administration(ledger=ledger, now=clock, new_token=secrets.token_urlsafe),
            secrets=facades.shared_secrets(settings, ledger, clock),
            accounts=facades.accounts(settings, ledger, clock),
            operators=control.operators(ledger, clock),
            trial=lambda: push.trial(settings, clock),
        )


def upgrade(settings: Settings, *, by: str = "trunk") -> str:
    """Bring the ledger's tables to this version's; returns the revision. Raises ``ConfigurationError``."""
    _make_folders(settings)
    engine = open_engine(settings.database_url)
    try:
        before, after = migrate.current(engine), migrate.upgrade(engine)
        if before != after:
            ledger = Ledger(engine, chain=Chain(settings.journal.node), operator=Operator(name=by, now=clock))
            with ledger.begin() as book:
                book.act("upgraded", f"from {before or 'nothing'} to {after}")
        return after
    finally:
        engine.dispose()


def prepare(settings: Settings) -> None:
    """Before any process serves: folders, tables for an empty database, and what an embedded broker has forgotten.

    Raises ``ConfigurationError`` for a database of another version: upgrading one with mail in it is a person's act.
    """
    _make_folders(settings)
    engine = open_engine(settings.database_url)
    try:
        if migrate.fit(engine) is migrate.Fit.EMPTY:
            migrate.upgrade(engine)
        if settings.embedded:
            with open_service(_examining_nothing(settings)) as service:
                service.dispatch.recover()
    finally:
        engine.dispose()


def _examining_nothing(settings: Settings) -> Settings:
    """No process need be started where nothing is examined."""
    return settings.model_copy(update={"examination": settings.examination.model_copy(update={"processes": 0})})


@contextmanager
def open_service(settings: Settings, *, now: Clock = clock) -> Iterator[Service]:
    """Everything; ``now`` is the time it lives in. Raises ``ConfigurationError``, ``LedgerUnavailableError``."""
    if settings.testing.crash_at:
        failpoints.arm(settings.testing.crash_at)
    with ExitStack() as stack:
        ledger = stack.enter_context(_ledger(settings, now=now))
        scribe = Scribe(
            ledger,
            linger_seconds=settings.database.linger_milliseconds / 1000,
            busy_linger_seconds=settings.database.busy_linger_milliseconds / 1000,
            group=settings.database.group,
        )
        stack.callback(scribe.close)
        broker = wiring.broker(settings)
        stack.callback(broker.close)
        executor = stack.enter_context(ThreadPoolExecutor(settings.http.threads, thread_name_prefix="receipts"))
        fetcher = signatures.fetcher(settings, now=now, chance=random.random)
        stack.callback(fetcher.close)
        examiners = signatures.examiners(settings)
        stack.callback(examiners.close)
        service = wire(wiring.core(settings, ledger, scribe, broker, now), Judging(examiners, fetcher), executor)
        stack.callback(service.courier.close)
        yield service


@contextmanager
def _ledger(settings: Settings, *, read_only: bool = False, now: Clock = clock) -> Iterator[Ledger]:
    engine = open_engine(
        settings.database_url,
        read_only=read_only,
        pool_size=settings.http.threads + _CONNECTIONS_BESIDE,
        answer_seconds=ANSWER_SECONDS,
    )
    try:
        migrate.require_fit(engine)
        yield Ledger(engine, chain=Chain(settings.journal.node), operator=Operator(name="trunk", now=now))
    finally:
        engine.dispose()


def _make_folders(settings: Settings) -> None:
    for folder in (settings.data_folder, settings.data_folder / "objects", settings.data_folder / "spool"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
