"""The doctor's door: the ledger for reading, and everything around it that can be asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import orjson
from cryptography.x509 import load_pem_x509_certificates

from queues.broker import QueueError
from trunk.application.diagnosis import Diagnosis, Surroundings
from trunk.bootstrap import wiring
from trunk.bootstrap.wiring import clock
from trunk.errors import LedgerUnavailableError
from trunk.settings import Settings
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore

_SECONDS: Final = 8.0
_MOST_OCTETS: Final = 1 << 20
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  what is listened on everywhere answers here


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
            around=surroundings(settings),
            now=clock,
        )
    finally:
        engine.dispose()


def surroundings(settings: Settings) -> Surroundings:
    return Surroundings(
        free_mib=lambda: shutil.disk_usage(settings.data_folder).free >> 20,
        service=lambda: _service(settings),
        certificates=lambda: _certificates(settings),
        dead_letters=lambda: _dead_letters(settings),
    )


def _service(settings: Settings) -> Mapping[str, str] | None:
    """What /readyz of the trunk on this machine says; it answers 503 while something is missing."""
    host = _ANYWHERE.get(settings.http.host, settings.http.host)
    connection = HTTPConnection(host, settings.http.port, timeout=_SECONDS)
    try:
        connection.request("GET", "/readyz")
        told = orjson.loads(connection.getresponse().read(_MOST_OCTETS))
        return {name: check["why"] for name, check in told["checks"].items() if not check["ok"]}
    except (OSError, HTTPException, ValueError, LookupError, TypeError, AttributeError):
        return None
    finally:
        connection.close()


def _certificates(settings: Settings) -> list[tuple[str, datetime]]:
    """The seal's, and RabbitMQ's client certificate; those that cannot be read, `trunk config check` tells."""
    named = [settings.signatures.seal_certificate_file, settings.broker.certificate_file]
    found: list[tuple[str, datetime]] = []
    for file in (settings.path(one) for one in named if one is not None):
        found += [(file.name, end) for end in _ends(file)]
    return found


def _ends(file: Path) -> list[datetime]:
    try:
        return [one.not_valid_after_utc for one in load_pem_x509_certificates(file.read_bytes())]
    except (OSError, ValueError):
        return []


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
