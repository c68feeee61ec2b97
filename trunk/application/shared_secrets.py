"""Secrets that sign requests: issued and retired by administrators, recognised by the façades that need them.

A secret is shown once and kept sealed. What was opened is believed for ``fresh_for``; a signature that fits nothing
known is looked up again at once, so that a new secret works from its first request on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from trunk.application.administration import DirectoryError
from trunk.application.directory import as_caller
from trunk.application.vault import Vault
from trunk.domain.agency import Caller, Directory, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.shared_secret import MAX_VALID_SECRETS, SharedSecretRecord
from trunk.errors import ConfigurationError
from trunk.storage.ledger import Book, Ledger

_MAX_NAME: Final = 64
_SECRET_OCTETS: Final = 32
_ENDED_TRIED: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretWish:
    """What an administrator asks for."""

    system: SystemId
    name: str = ""  #: what the system calls itself on the wire; empty: its id
    expires_at: datetime | None = None
    fresh_for: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A new secret. ``spelled`` is shown once."""

    record: SharedSecretRecord
    spelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSecrets:
    """Issues and retires them. Every change is one transaction."""

    ledger: Ledger
    vault: Vault
    now: Callable[[], datetime]
    new_token: Callable[[int], str]  #: n random octets as text, from ``secrets``

    def make_key(self) -> None:
        """The file that opens them all. Raises ``ConfigurationError`` where it is there."""
        self.vault.make()

    def issue(self, wish: SecretWish) -> IssuedSecret:
        """A new secret; two of a name may be valid at a time. Raises ``DirectoryError``, ``ConfigurationError``."""
        secret = self.new_token(_SECRET_OCTETS)
        record = self._sealed(wish, secret)
        with self.ledger.begin() as book:
            self._require_room(book, record)
            book.put_shared_secret(record)
        return IssuedSecret(record=record, spelled=secret)

    def retire(self, secret_id: str, *, at: datetime | None = None) -> bool:
        """End a secret now, or at a later time; False if there is no such valid one. Noticed within seconds."""
        with self.ledger.begin() as book:
            return book.retire_shared_secret(secret_id, at=at or self.now())

    def all_of(self, system: SystemId) -> Sequence[SharedSecretRecord]:
        """The system's secrets, sealed."""
        with self.ledger.read() as view:
            return view.shared_secrets_of(system)

    def _sealed(self, wish: SecretWish, secret: str) -> SharedSecretRecord:
        name = wish.name or wish.system
        if not 0 < len(name) <= _MAX_NAME or not all("!" <= letter <= "~" for letter in name):
            raise DirectoryError(f"{name!r} is no systemid; write 1 to {_MAX_NAME} visible ASCII characters")
        secret_id = self.new_token(6).replace("_", "x").replace("-", "y")
        return SharedSecretRecord(
            id=secret_id,
            system=wish.system,
            name=name,
            sealed=self.vault.seal(secret, place=_place(secret_id, wish.system, name)),
            created_at=self.now(),
            expires_at=wish.expires_at,
            fresh_for=wish.fresh_for,
        )

    def _require_room(self, book: Book, record: SharedSecretRecord) -> None:
        if book.view.system(record.system) is None:
            raise DirectoryError(f"{record.system}: no such system; register it first (trunk admin system put)")
        valid = [one for one in book.view.shared_secrets(record.name) if one.valid(self.now())]
        other = next((one.system for one in valid if one.system != record.system), None)
        if other is not None:
            raise DirectoryError(f"the systemid {record.name} is {other}'s; choose another, or retire its secrets")
        if len(valid) >= MAX_VALID_SECRETS:
            remedy = f"retire one first (trunk admin vxp-secrets retire {valid[0].id})"
            raise DirectoryError(f"{record.name}: {MAX_VALID_SECRETS} secrets are valid already; {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """Whose secret signed a request."""

    caller: Caller
    secret: SharedSecretRecord


@dataclass(frozen=True, slots=True)
class _Open:
    record: SharedSecretRecord
    system: SystemRecord
    caller: Caller
    spelled: str


@dataclass(frozen=True, slots=True)
class _Bunch:
    secrets: Sequence[_Open]
    looked_at: datetime


@dataclass(slots=True, kw_only=True)
class Recogniser:
    """Finds the secret that signed a request. Thread-safe."""

    ledger: Ledger
    vault: Vault
    directory: Callable[[], Directory]
    now: Callable[[], datetime]
    fresh_for: timedelta = timedelta(seconds=2)
    _known: dict[str, _Bunch] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def recognise_known(self, name: str, signed_with: Callable[[str], bool]) -> Recognised | None:
        """As ``recognise`` with what is known already: asks nobody. None: ask."""
        now = self.now()
        bunch = self._known.get(name)
        if bunch is None or not timedelta(0) <= now - bunch.looked_at < self.fresh_for:
            return None
        found = _judge(bunch, signed_with, now)
        return found if isinstance(found, Recognised) else None

    def recognised_before(self, name: str, signed_with: Callable[[str], bool]) -> SystemId | None:
        """Whose secret it was at the last look, however long ago: whom to count a new one for, never whom to let in."""
        bunch = self._known.get(name)
        found = None if bunch is None else _judge(bunch, signed_with, self.now())
        return found.caller.system if isinstance(found, Recognised) else None

    def recognise(self, name: str, signed_with: Callable[[str], bool]) -> Recognised | Rejected:
        """The system that calls itself ``name``, by the secret for which ``signed_with`` is true.

        A wrong name and a wrong secret get the same answer. Raises ``LedgerUnavailableError``, ``ConfigurationError``.
        """
        known = self.recognise_known(name, signed_with)
        if known is not None:
            return known
        bunch = self._look(name)
        with self._lock:
            if bunch.secrets:
                self._known[name] = bunch
            else:
                self._known.pop(name, None)
        return _judge(bunch, signed_with, self.now())

    def held_once(self, name: str, signed_with: Callable[[str], bool]) -> bool:
        """Whether a secret of that name that has ended is meant: to tell a caller so. Raises as ``recognise``."""
        now = self.now()
        with self.ledger.read() as view:
            ended = [record for record in view.shared_secrets(name) if not record.valid(now)]
        for record in ended[-_ENDED_TRIED:]:
            with suppress(ConfigurationError):  # sealed with a key that has gone
                if signed_with(self._opened(record)):
                    return True
        return False

    def _look(self, name: str) -> _Bunch:
        now = self.now()
        with self.ledger.read() as view:
            records = [record for record in view.shared_secrets(name) if record.valid(now)]
            found = [(record, view.system(record.system)) for record in records]
        directory = self.directory() if found else Directory(())
        opened = [_Open(r, s, as_caller(s, directory), self._opened(r)) for r, s in found if s is not None]
        return _Bunch(opened, now)

    def _opened(self, record: SharedSecretRecord) -> str:
        return self.vault.open(record.sealed, place=_place(record.id, record.system, record.name))


def _judge(bunch: _Bunch, signed_with: Callable[[str], bool], now: datetime) -> Recognised | Rejected:
    for one in bunch.secrets:
        if one.system.active and signed_with(one.spelled):
            if not one.record.valid(now):
                return refuse(Code.KEY_EXPIRED)
            return Recognised(caller=one.caller, secret=one.record)
    return refuse(Code.REQUEST_SIGNATURE)


def _place(secret_id: str, system: SystemId, name: str) -> str:
    return f"shared_secret\n{secret_id}\n{system}\n{name}"
