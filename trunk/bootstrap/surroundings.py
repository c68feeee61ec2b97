"""What the doctor asks of others than the ledger: the disk, the service, certificates."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final

import orjson
from cryptography.x509 import load_pem_x509_certificates

from trunk.application.diagnosis import Surroundings
from trunk.settings import Settings

_SECONDS: Final = 8.0
_MOST_OCTETS: Final = 1 << 20
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  what is listened on everywhere answers here


def surroundings(settings: Settings, *, dead_letters: Callable[[], int | None]) -> Surroundings:
    return Surroundings(
        free_mib=lambda: shutil.disk_usage(settings.data_folder).free >> 20,
        service=lambda: _service(settings),
        certificates=lambda: _certificates(settings),
        dead_letters=dead_letters,
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
