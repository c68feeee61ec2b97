"""User names and passwords: issued and retired by administrators, and logged in with.

Passwords are made here, never chosen, and have 256 bits of chance in them: nobody guesses one however often he tries,
so nothing slows a login down, and its digest needs no stretching. An unknown user name gets the answer of a wrong
password, after the same work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from trunk.application.administration import DirectoryError
from trunk.application.key_file import KeyFile
from trunk.domain.account import MAX_VALID_PASSWORDS, AccountRecord
from trunk.domain.agency import SystemId
from trunk.domain.credential import SystemRecord, digest_of
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Book, Ledger

MAX_USERNAME: Final = 64
_PASSWORD_OCTETS: Final = 32
_KEPT: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordWish:
    """What an administrator asks for."""

    system: SystemId
    username: str = ""  #: empty: the system's id
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedPassword:
    """A new password. ``spelled`` is shown once."""

    record: AccountRecord
    spelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """Issues and retires them. Every change is one transaction."""

    ledger: Ledger
    key_file: KeyFile
    now: Callable[[], datetime]
    new_token: Callable[[int], str]  #: n random octets as text, from ``secrets``

    def make_key(self) -> None:
        """The file whose keys sign tokens. Raises ``ConfigurationError`` where it is there."""
        self.key_file.make()

    def issue(self, wish: PasswordWish) -> IssuedPassword:
        """A new password; two of a user name may be valid at a time. Raises ``DirectoryError``."""
        password = self.new_token(_PASSWORD_OCTETS)
        username = wish.username or wish.system
        if not 0 < len(username) <= MAX_USERNAME or not all("!" <= letter <= "~" for letter in username):
            raise DirectoryError(f"{username!r} is no user name; write 1 to {MAX_USERNAME} visible ASCII characters")
        record = AccountRecord(
            id=self.new_token(6).replace("_", "x").replace("-", "y"),
            system=wish.system,
            username=username,
            digest=digest_of(password),
            created_at=self.now(),
            expires_at=wish.expires_at,
        )
        with self.ledger.begin() as book:
            self._require_room(book, record)
            book.put_account(record)
        return IssuedPassword(record=record, spelled=password)

    def retire(self, account_id: str, *, at: datetime | None = None) -> bool:
        """End a password and its tokens now, or later; False if there is no such valid one. Noticed within seconds."""
        with self.ledger.begin() as book:
            return book.retire_account(account_id, at=at or self.now())

    def all_of(self, system: SystemId) -> Sequence[AccountRecord]:
        """The system's passwords; never what they are."""
        with self.ledger.read() as view:
            return view.accounts_of(system)

    def _require_room(self, book: Book, record: AccountRecord) -> None:
        if book.view.system(record.system) is None:
            raise DirectoryError(f"{record.system}: no such system; register it first (trunk admin system put)")
        valid = [one for one in book.view.accounts(record.username) if one.valid(self.now())]
        other = next((one.system for one in valid if one.system != record.system), None)
        if other is not None:
            raise DirectoryError(f"the user name {record.username} is {other}'s; choose another, or retire it")
        if len(valid) >= MAX_VALID_PASSWORDS:
            remedy = f"retire one first (trunk admin lgsp-accounts retire {valid[0].id})"
            raise DirectoryError(f"{record.username}: {MAX_VALID_PASSWORDS} passwords are valid already; {remedy}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedIn:
    """Whose password it was."""

    account: AccountRecord
    system: SystemRecord


_NOBODY: Final = AccountRecord(
    id="", system=SystemId(""), username="", digest="0" * 64, created_at=datetime.min.replace(tzinfo=UTC)
)
"""Whose password is compared where a user name is nobody's."""


@dataclass(frozen=True, slots=True)
class _Standing:
    account: AccountRecord | None
    looked_at: datetime


@dataclass(slots=True, kw_only=True)
class Logins:
    """Lets in who knows a password, and says whether an account still holds. Thread-safe."""

    ledger: Ledger
    now: Callable[[], datetime]
    fresh_for: timedelta = timedelta(seconds=2)
    _known: dict[str, _Standing] = field(default_factory=dict, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def log_in(self, username: str, password: str) -> LoggedIn | Rejected:
        """The account. A wrong user name, a wrong password and an inactive system look alike.

        Raises ``LedgerUnavailableError``.
        """
        with self.ledger.read() as view:
            found = view.accounts(username) if 0 < len(username) <= MAX_USERNAME else []
            opened = [one for one in found or [_NOBODY] if one.opens_with(password)]
            system = view.system(opened[0].system) if opened else None
        if system is None or not system.active:
            return refuse(Code.LOGIN)
        now = self.now()
        account = next((one for one in opened if one.valid(now)), None)
        return (
            refuse(Code.KEY_EXPIRED, path="password") if account is None else LoggedIn(account=account, system=system)
        )

    def holds_as_known(self, account_id: str) -> bool | None:
        """As ``holds`` with what is known already: asks nobody. None: ask."""
        now, standing = self.now(), self._known.get(account_id)
        if standing is None or not timedelta(0) <= now - standing.looked_at < self.fresh_for:
            return None
        return standing.account is not None and standing.account.valid(now)

    def holds(self, account_id: str) -> bool:
        """Whether the password that a token was given for still holds. Raises ``LedgerUnavailableError``."""
        known = self.holds_as_known(account_id)
        if known is not None:
            return known
        now = self.now()
        with self.ledger.read() as view:
            account = view.account(account_id)
        with self._lock:
            if len(self._known) >= _KEPT:
                self._known.clear()
            self._known[account_id] = _Standing(account, now)
        return account is not None and account.valid(now)
