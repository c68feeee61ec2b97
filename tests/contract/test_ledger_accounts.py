"""User names and digests of passwords in the ledger; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from tests.ledger_kit import AT, SYSTEM
from trunk.domain.account import AccountRecord
from trunk.domain.agency import SystemId
from trunk.domain.credential import SystemRecord, digest_of
from trunk.storage.ledger import Ledger

DAY = timedelta(days=1)
ACCOUNT = AccountRecord(
    id="a1", system=SYSTEM, username="dn001", digest=digest_of("p"), created_at=AT, expires_at=AT + 90 * DAY
)


def test_an_account_comes_back_as_it_was_put(ledger: Ledger) -> None:
    second = replace(ACCOUNT, id="a0", created_at=AT + DAY, expires_at=None)
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset()))
        book.put_account(second)
        book.put_account(ACCOUNT)
    with ledger.read() as view:
        assert view.accounts("dn001") == view.accounts_of(SYSTEM) == [ACCOUNT, second]
        assert view.account("a0") == second
        assert view.account("unknown") is None
        assert view.accounts("unknown") == view.accounts_of(SystemId("unknown")) == []


def test_the_end_of_a_password_comes_nearer_and_never_moves_away(ledger: Ledger) -> None:
    with ledger.begin() as book:
        book.put_system(SystemRecord(id=SYSTEM, name="x", agencies=frozenset()))
        book.put_account(ACCOUNT)
        assert book.retire_account("a1", at=AT + 7 * DAY)
        assert not book.retire_account("a1", at=AT + 8 * DAY)
        assert not book.retire_account("unknown", at=AT)
        (ending,) = book.view.accounts_of(SYSTEM)
        assert ending.valid(AT + 6 * DAY)
        assert not ending.valid(AT + 7 * DAY)
        assert book.retire_account("a1", at=AT + DAY)


def test_an_account_belongs_to_a_system(ledger: Ledger) -> None:
    with pytest.raises(IntegrityError), ledger.begin() as book:
        book.put_account(ACCOUNT)
