"""Reads the other hub's address book now and then, and at once where a stranger writes to us."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from trunk.application.uplink_agencies import BeyondAgencies, Listed
from trunk.workers.uplink.client import Client
from trunk.workers.uplink.exchange import HubFaultError
from trunk.workers.uplink.standing import Standing

log = structlog.get_logger()

_WANTED_EVERY: Final = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class BookReader:
    """``every`` of nothing: the hub's address book is not read at all."""

    client: Client
    agencies: BeyondAgencies
    standing: Standing
    every: timedelta
    now: Callable[[], datetime]
    _read_at: datetime | None = field(default=None, init=False)
    _version: str = field(default="0", init=False)
    _wanted: bool = field(default=False, init=False)

    def want(self) -> None:
        """It is to be read at the next chance."""
        self._wanted = True

    def read_if_due(self) -> None:
        """Raises ``HubFaultError`` where the hub itself is away, and ``LedgerUnavailableError``."""
        now = self.now()
        wait = min(self.every, _WANTED_EVERY) if self._wanted else self.every
        if not self.every or (self._read_at is not None and timedelta(0) <= now - self._read_at < wait):
            return
        self._read_at, self._wanted = now, False
        try:
            self._read()
        except HubFaultError as fault:
            self._wanted = True  # again, but not at each step
            if fault.whole:
                raise
            self.standing.failed(fault)

    def _read(self) -> None:
        version, closed = self._changes()
        listed = [
            Listed(code=one.code, name=one.name, old_code=one.old_code, parent=one.parent, email=one.email)
            for one in self.client.agencies()
        ]
        updated = self.agencies.update(listed, closed=closed)
        self._version = version
        self.standing.answered("address_book")
        if updated.put or updated.closed or updated.skipped:
            log.info("uplink_agencies_read", put=updated.put, closed=updated.closed, skipped=updated.skipped)

    def _changes(self) -> tuple[str, frozenset[str]]:
        """Which agencies were closed; not every hub can say."""
        try:
            return self.client.changes(self._version)
        except HubFaultError:  # one that is away will not list its agencies either
            return self._version, frozenset()
