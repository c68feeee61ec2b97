"""Who is who, kept near: the directory and the callers' keys as the ledger had them a moment ago.

Every process keeps its own copy and looks again after ``fresh_for``; so a revoked key or a changed agency
takes effect everywhere within that time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trunk.domain.agency import Agency, Caller, Directory, HubSide
from trunk.domain.credential import KeyRecord, SystemRecord, split
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Ledger, View

Clock = Callable[[], datetime]
Directories = Callable[[], Directory]
"""Who is who, as it is at the moment of asking."""


@dataclass(slots=True)
class _Kept:
    directory: Directory
    version: int
    looked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """The address book as it was in one version, and what of it is news to somebody who has an earlier one."""

    directory: Directory
    version: int
    changed: Sequence[Agency]  #: merged and closed ones too


@dataclass(frozen=True, slots=True)
class _Holder:
    key: KeyRecord
    system: SystemRecord
    looked_at: datetime


@dataclass(slots=True, kw_only=True)
class Registry:
    """The directory and the keys, at most ``fresh_for`` old."""

    ledger: Ledger
    now: Clock
    fresh_for: timedelta = timedelta(seconds=2)
    _kept: _Kept | None = field(default=None, init=False)
    _holders: dict[str, _Holder] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def directory(self) -> Directory:
        """The agencies. Raises ``LedgerUnavailableError``."""
        kept, now = self._kept, self.now()
        if kept is not None and self._is_fresh(kept.looked_at, now):
            return kept.directory
        with self._lock, self.ledger.read() as view:
            version = view.directory_version()
            if kept is not None and kept.version == version:
                kept.looked_at = now
                return kept.directory
            self._kept = _Kept(view.directory(), version, now)
            return self._kept.directory

    def edition(self, *, since: int = 0) -> Edition:
        """What changed after the version ``since``; all for 0, and for a version that never was.

        Raises ``LedgerUnavailableError``.
        """
        with self.ledger.read() as view:
            changed = view.agencies_changed_since(since)
            return Edition(directory=view.directory(), version=view.directory_version(), changed=changed)

    @property
    def fresh(self) -> bool:
        """Whether ``directory`` answers at once, without asking the ledger."""
        kept = self._kept
        return kept is not None and self._is_fresh(kept.looked_at, self.now())

    def authenticate(self, key: str) -> Caller | Rejected:
        """Whose key this is. Raises ``LedgerUnavailableError``."""
        parts = split(key)
        if parts is None:
            return refuse(Code.UNAUTHENTICATED, expected="edoc_<id>_<secret>")
        key_id, secret = parts
        holder = self._holder(key_id)
        if holder is None or not holder.key.opens_with(secret) or not holder.system.active:
            return refuse(Code.UNAUTHENTICATED)
        if not holder.key.valid(self.now()):
            return refuse(Code.KEY_EXPIRED)
        return as_caller(holder.system, self.directory())

    def _is_fresh(self, looked_at: datetime, now: datetime) -> bool:
        """A clock that was set back makes nothing fresh."""
        return timedelta(0) <= now - looked_at < self.fresh_for

    def _holder(self, key_id: str) -> _Holder | None:
        now = self.now()
        holder = self._holders.get(key_id)
        if holder is not None and self._is_fresh(holder.looked_at, now):
            return holder
        with self.ledger.glance() as view:
            holder = _look_up(view, key_id, now)
        if holder is None:
            self._holders.pop(key_id, None)
        else:
            self._holders[key_id] = holder
        return holder


def as_caller(system: SystemRecord, directory: Directory) -> Caller:
    """The system with all that it speaks for: its agencies, what became them, and their units."""
    hub = HubSide.BELOW if system.hub else None
    return Caller(system=system.id, agencies=directory.spoken_for(system.agencies), hub=hub)


def _look_up(view: View, key_id: str, now: datetime) -> _Holder | None:
    key = view.key(key_id)
    system = view.system(key.system) if key is not None else None
    return _Holder(key, system, now) if key is not None and system is not None else None
