"""Secrets that sign requests: sealed at rest, shown once, two at a time."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trunk.application.administration import DirectoryError
from trunk.application.directory import Registry
from trunk.application.shared_secrets import IssuedSecret, Recognised, Recogniser, SecretWish, SharedSecrets
from trunk.application.vault import Vault
from trunk.domain.agency import Agency, Caller, Mandate, SystemId
from trunk.domain.credential import SystemRecord
from trunk.domain.delivery import AgencyCode
from trunk.domain.outcome import Rejected
from trunk.domain.rejection import Code
from trunk.errors import ConfigurationError
from trunk.storage import migrate
from trunk.storage.engine import open_engine
from trunk.storage.ledger import Ledger

START = datetime(2026, 11, 22, tzinfo=UTC)
H41, HUB = SystemId("h41-qlvb"), SystemId("hub")
NAME = "000.00.00.H41"


@dataclass
class Room:
    ledger: Ledger
    vault: Vault
    now: datetime = START

    @property
    def secrets(self) -> SharedSecrets:
        return SharedSecrets(
            ledger=self.ledger, vault=self.vault, now=lambda: self.now, new_token=secrets.token_urlsafe
        )

    def recogniser(self) -> Recogniser:
        return Recogniser(
            ledger=self.ledger, vault=self.vault, directory=self.registry().directory, now=lambda: self.now
        )

    def registry(self) -> Registry:
        return Registry(ledger=self.ledger, now=lambda: self.now)

    def issue(self, *, expires_at: datetime | None = None) -> IssuedSecret:
        return self.secrets.issue(SecretWish(system=H41, name=NAME, expires_at=expires_at))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    engine = open_engine(f"sqlite:///{tmp_path}/ledger.db")
    migrate.upgrade(engine)
    ledger = Ledger(engine)
    vault = Vault(file=tmp_path / "vxp.key", chance=secrets.token_bytes)
    vault.make()
    with ledger.begin() as book:
        book.put_agency(Agency(code=AgencyCode("H41"), name="Tỉnh", mandates=(Mandate(fingerprint="a" * 64),)))
        book.put_system(SystemRecord(id=H41, name="x", agencies=frozenset({AgencyCode("H41")})))
        book.put_system(SystemRecord(id=HUB, name="y", agencies=frozenset()))
    yield Room(ledger, vault)
    engine.dispose()


def opened_by(issued: IssuedSecret) -> Callable[[str], bool]:
    return lambda secret: secret == issued.spelled


# the vault


def test_what_is_sealed_opens_in_its_place_only(tmp_path: Path) -> None:
    vault = Vault(file=tmp_path / "key", chance=secrets.token_bytes)
    vault.make()
    sealed = vault.seal("bí mật", place="a")
    assert "bí mật".encode() not in sealed
    assert sealed != vault.seal("bí mật", place="a")
    assert vault.open(sealed, place="a") == "bí mật"
    for octets, place in ((sealed, "b"), (sealed[:-1] + bytes([sealed[-1] ^ 1]), "a"), (b"", "a"), (b"\x02", "a")):
        with pytest.raises(ConfigurationError, match="none of its keys"):
            vault.open(octets, place=place)


def test_a_key_is_changed_by_putting_a_new_one_on_top(tmp_path: Path) -> None:
    old = Vault(file=tmp_path / "old", chance=secrets.token_bytes)
    new = Vault(file=tmp_path / "new", chance=secrets.token_bytes)
    old.make()
    new.make()
    sealed = old.seal("x", place="a")
    with pytest.raises(ConfigurationError):
        new.open(sealed, place="a")
    new.file.write_bytes(new.file.read_bytes() + old.file.read_bytes())
    assert new.open(sealed, place="a") == "x"
    with pytest.raises(ConfigurationError):
        old.open(new.seal("y", place="a"), place="a")


def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    vault = Vault(file=tmp_path / "key", chance=secrets.token_bytes)
    with pytest.raises(ConfigurationError, match="make-key"):
        vault.seal("x", place="a")
    vault.make()
    assert vault.file.stat().st_mode & 0o777 == 0o600
    with pytest.raises(ConfigurationError, match="nothing was changed"):
        vault.make()


@pytest.mark.parametrize("text", ["", "not base64!", "YQ==", "\xff"])
def test_another_file_is_no_key_file(tmp_path: Path, text: str) -> None:
    vault = Vault(file=tmp_path / "key", chance=secrets.token_bytes)
    vault.file.write_text(text, encoding="latin-1")
    with pytest.raises(ConfigurationError, match="not a key file"):
        vault.seal("x", place="a")


# issuing and recognising


def test_the_ledger_never_holds_a_secret_itself(room: Room, tmp_path: Path) -> None:
    issued = room.issue()
    everything = b"".join(file.read_bytes() for file in tmp_path.glob("ledger.db*"))
    assert NAME.encode() in everything
    assert issued.spelled.encode() not in everything
    assert issued.spelled not in repr(room.secrets.all_of(H41))


def test_who_signed_is_recognised_and_nobody_else(room: Room) -> None:
    issued, recogniser = room.issue(), room.recogniser()
    found = recogniser.recognise(NAME, opened_by(issued))
    assert isinstance(found, Recognised)
    assert found.caller == Caller(system=H41, agencies=frozenset({AgencyCode("H41")}))
    for name in (NAME, "nobody", "h41-qlvb"):
        refused = recogniser.recognise(name, lambda _: False)
        assert isinstance(refused, Rejected)
        assert refused.code is Code.REQUEST_SIGNATURE


def test_a_new_secret_holds_from_its_first_request_on(room: Room) -> None:
    first, recogniser = room.issue(), room.recogniser()
    assert isinstance(recogniser.recognise(NAME, opened_by(first)), Recognised)
    second = room.issue()
    for issued in (second, first, second):
        assert isinstance(recogniser.recognise(NAME, opened_by(issued)), Recognised)
    with pytest.raises(DirectoryError, match="2 secrets are valid already"):
        room.issue()


def test_an_end_is_noticed_within_seconds(room: Room) -> None:
    first, recogniser = room.issue(expires_at=START + timedelta(days=9)), room.recogniser()
    assert isinstance(recogniser.recognise(NAME, opened_by(first)), Recognised)
    assert room.secrets.retire(first.record.id, at=START + timedelta(days=2))
    room.now += timedelta(days=1)
    assert isinstance(recogniser.recognise(NAME, opened_by(first)), Recognised)
    room.now += timedelta(days=1)
    assert isinstance(recogniser.recognise(NAME, opened_by(first)), Rejected)
    assert not room.secrets.retire("unknown")


def test_what_is_known_is_believed_for_a_moment_only(room: Room) -> None:
    issued, recogniser = room.issue(), room.recogniser()
    assert recogniser.recognise_known(NAME, opened_by(issued)) is None
    recogniser.recognise(NAME, opened_by(issued))
    assert recogniser.recognise_known(NAME, opened_by(issued)) is not None
    room.now += timedelta(seconds=2)
    assert recogniser.recognise_known(NAME, opened_by(issued)) is None


def test_whose_a_secret_was_is_remembered_longer_than_it_is_believed(room: Room) -> None:
    issued = room.issue()
    recogniser = room.recogniser()
    assert recogniser.recognised_before(NAME, opened_by(issued)) is None
    recogniser.recognise(NAME, opened_by(issued))
    room.now += timedelta(hours=1)
    assert recogniser.recognise_known(NAME, opened_by(issued)) is None
    assert recogniser.recognised_before(NAME, opened_by(issued)) == H41
    assert recogniser.recognised_before(NAME, lambda _: False) is None
    assert recogniser.recognised_before("nobody", opened_by(issued)) is None


def test_an_inactive_system_is_nobody(room: Room) -> None:
    issued = room.issue()
    with room.ledger.begin() as book:
        book.put_system(SystemRecord(id=H41, name="x", agencies=frozenset(), active=False))
    assert isinstance(room.recogniser().recognise(NAME, opened_by(issued)), Rejected)


def test_an_expired_secret_that_no_key_opens_any_more_stands_in_nobodys_way(room: Room, tmp_path: Path) -> None:
    old = room.issue()
    room.secrets.retire(old.record.id)
    room.vault.file.unlink()
    room.vault.make()
    issued = room.issue()
    room.now += timedelta(seconds=1)
    assert isinstance(room.recogniser().recognise(NAME, opened_by(issued)), Recognised)


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        (SecretWish(system=SystemId("unknown")), "no such system"),
        (SecretWish(system=HUB, name=NAME), "is h41-qlvb's"),
        (SecretWish(system=H41, name="a b"), "no systemid"),
        (SecretWish(system=H41, name="x" * 65), "no systemid"),
        (SecretWish(system=H41, name="Đ"), "no systemid"),
    ],
)
def test_what_does_not_fit_is_refused_with_a_reason(room: Room, wish: SecretWish, why: str) -> None:
    room.issue()
    with pytest.raises(DirectoryError, match=why):
        room.secrets.issue(wish)
