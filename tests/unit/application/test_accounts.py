"""User names and passwords: made here, shown once, two at a time; who logs in, and for how long it counts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trunk.application.accounts import Accounts, IssuedPassword, LoggedIn, Logins, PasswordWish
from trunk.application.administration import DirectoryError
from trunk.application.key_file import KeyFile
from trunk.domain.agency import SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

START = datetime(2026, 11, 22, tzinfo=UTC)
DN, HUB = SystemId("h37-dn"), SystemId("hub")
DAY = timedelta(days=1)


@dataclass
class Room:
    ledger: Ledger
    key_file: KeyFile
    now: datetime = START

    @property
    def accounts(self) -> Accounts:
        return Accounts(
            ledger=self.ledger, key_file=self.key_file, now=lambda: self.now, new_token=secrets.token_urlsafe
        )

    def logins(self) -> Logins:
        return Logins(ledger=self.ledger, now=lambda: self.now)

    def issue(self, *, expires_at: datetime | None = None) -> IssuedPassword:
        return self.accounts.issue(PasswordWish(system=DN, username="dn001", expires_at=expires_at))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate.upgrade(engine)
    ledger = Ledger(engine)
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=DN, name="x", agencies=frozenset()))
        book.put_system(SystemRecord(id=HUB, name="y", agencies=frozenset()))
    yield Room(ledger, KeyFile(file=tmp_path / "lgsp.key", chance=secrets.token_bytes, remedy="make-key"))
    engine.dispose()


def _code(outcome: LoggedIn | Rejected) -> Code:
    assert isinstance(outcome, Rejected)
    return outcome.code


def test_the_ledger_never_holds_a_password_itself(room: Room, tmp_path: Path) -> None:
    issued = room.issue()
    assert len(issued.spelled) >= 43, "256 bits: nobody guesses it"
    everything = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    assert b"dn001" in everything
    assert issued.spelled.encode() not in everything
    assert issued.spelled not in repr(room.accounts.all_of(DN))


def test_only_the_right_password_of_the_right_name_logs_in(room: Room) -> None:
    issued, logins = room.issue(), room.logins()
    found = logins.log_in("dn001", issued.spelled)
    assert isinstance(found, LoggedIn)
    assert (found.account, found.system.id) == (issued.record, DN)
    for username, password in (("dn001", "x"), ("nobody", issued.spelled), ("", ""), ("x" * 99, issued.spelled)):
        assert _code(logins.log_in(username, password)) is Code.LOGIN


def test_two_passwords_hold_and_what_has_ended_is_called_so(room: Room) -> None:
    first, second = room.issue(expires_at=START + 9 * DAY), room.issue()
    with pytest.raises(DirectoryError, match="2 passwords are valid already"):
        room.issue()
    logins = room.logins()
    for issued in (first, second):
        assert isinstance(logins.log_in("dn001", issued.spelled), LoggedIn)
    assert room.accounts.retire(second.record.id)
    assert _code(logins.log_in("dn001", second.spelled)) is Code.KEY_EXPIRED
    room.now += 9 * DAY
    assert _code(logins.log_in("dn001", first.spelled)) is Code.KEY_EXPIRED
    assert _code(logins.log_in("dn001", "x")) is Code.LOGIN
    assert not room.accounts.retire("unknown")


def test_an_inactive_system_does_not_log_in(room: Room) -> None:
    issued = room.issue()
    with room.ledger.begin() as book:
        book.put_system(SystemRecord(id=DN, name="x", agencies=frozenset(), active=False))
    assert _code(room.logins().log_in("dn001", issued.spelled)) is Code.LOGIN


def test_a_token_ends_with_its_password_within_seconds(room: Room) -> None:
    issued, logins = room.issue(), room.logins()
    assert logins.holds_as_known(issued.record.id) is None
    assert logins.holds(issued.record.id)
    assert logins.holds_as_known(issued.record.id) is True
    room.accounts.retire(issued.record.id)
    room.now += timedelta(seconds=2)
    assert logins.holds_as_known(issued.record.id) is None
    assert not logins.holds(issued.record.id)
    assert not logins.holds("unknown")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (PasswordWish(system=SystemId("unknown")), "no such system"),
        (PasswordWish(system=HUB, username="dn001"), "is h37-dn's"),
        (PasswordWish(system=DN, username="a b"), "no user name"),
        (PasswordWish(system=DN, username="x" * 65), "no user name"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(room: Room, wish: PasswordWish, why: str) -> None:
    room.issue()
    with pytest.raises(DirectoryError, match=why):
        room.accounts.issue(wish)
