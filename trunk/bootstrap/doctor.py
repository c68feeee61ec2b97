"""The doctor's door: the ledger for reading, and everything around it that can be asked."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from queues.broker import QueueError
from trunk.application.diagnosis import Diagnosis
from trunk.bootstrap import wiring
from trunk.bootstrap.surroundings import surroundings
from trunk.bootstrap.wiring import clock
from trunk.errors import LedgerUnavailableError
from trunk.settings import Settings
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore


@contextmanager
def open_doctor(settings: Settings) -> Iterator[Diagnosis]:
    """Raises ``ConfigurationError`` for a ledger of another version; one that is away is a finding."""
    engine = open_engine(settings.database_url, read_only=True)
    try:
        with suppress(LedgerUnavailableError):  # the diagnosis says so
            migrate.require_fit(engine)
        yield Diagnosis(
            ledger=Ledger(engine),
            payloads=PayloadStore(settings.data_folder / "objects"),
            watch=settings.doctor,
            lease_ahead=timedelta(minutes=settings.reconciler.lease_ahead_minutes),
            around=surroundings(settings, dead_letters=lambda: _dead_letters(settings)),
            now=clock,
        )
    finally:
        engine.dispose()


def _dead_letters(settings: Settings) -> int | None:
    if settings.embedded:
        return None
    broker = wiring.broker(settings)
    try:
        return broker.dead_letters()
    except QueueError:
        return None  # /readyz tells it
    finally:
        broker.close()
