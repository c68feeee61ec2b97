"""Operators: who may look and act at the trunk over HTTP. Their keys are shown once; only digests are kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from trunk.application.administration import DirectoryError
from trunk.domain.control import MAX_NAME, MAX_VALID_KEYS, OperatorKey, Role, is_name, spell, split
from trunk.domain.credential import digest_of
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code
from trunk.storage.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedOperatorKey:
    """A new key. ``spelled`` is shown once and kept nowhere."""

    key: OperatorKey
    spelled: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operators:
    """Issues, revokes and knows keys. Every change is one transaction, with its line in the journal."""

    ledger: Ledger
    now: Callable[[], datetime]
    new_token: Callable[[int], str]  #: n random octets as text, from ``secrets``

    def add(self, name: str, role: Role, *, expires_at: datetime | None = None) -> IssuedOperatorKey:
        """A key for ``name``; two may be valid at a time, of one role. Raises ``DirectoryError``."""
        if not is_name(name):
            raise DirectoryError(f"{name!r} is no name; write 1 to {MAX_NAME} visible ASCII characters without /")
        secret = self.new_token(32)
        key = OperatorKey(
            id=self.new_token(6).replace("_", "x"),
            operator=name,
            role=role,
            digest=digest_of(secret),
            created_at=self.now(),
            expires_at=expires_at,
        )
        with self.ledger.begin() as book:
            book.reserve(1)  # two that are added at once count each other
            held = [one for one in book.view.operator_keys() if one.operator == name and one.valid(self.now())]
            _require_room(key, held)
            book.put_operator_key(key)
        return IssuedOperatorKey(key=key, spelled=spell(key.id, secret))

    def revoke(self, named: str) -> Sequence[OperatorKey]:
        """End the key of that id, or all keys of the operator of that name, now; those that were ended."""
        with self.ledger.begin() as book:
            meant = [one for one in book.view.operator_keys() if named in (one.id, one.operator)]
            return [one for one in meant if book.revoke_operator_key(one, at=self.now())]

    def every(self) -> Sequence[OperatorKey]:
        """All keys; never a secret."""
        with self.ledger.read() as view:
            return view.operator_keys()

    def authenticate(self, key: str) -> OperatorKey | Rejected:
        """Whose key this is, at this moment: nothing is remembered. Raises ``LedgerUnavailableError``."""
        parts = split(key)
        if parts is None:
            return refuse(Code.OPERATOR_KEY, path="Authorization", expected="Bearer edocadm_<id>_<secret>")
        with self.ledger.read() as view:
            found = view.operator_key(parts[0])
        if found is None or not found.opens_with(parts[1]) or not found.valid(self.now()):
            return refuse(Code.OPERATOR_KEY, path="Authorization")
        return found


def _require_room(key: OperatorKey, held: Sequence[OperatorKey]) -> None:
    if any(one.role is not key.role for one in held):
        remedy = f"revoke those keys first (trunk admin operator revoke {key.operator})"
        raise DirectoryError(f"{key.operator} is {held[0].role}; {remedy}")
    if len(held) >= MAX_VALID_KEYS:
        remedy = f"revoke one first (trunk admin operator revoke {held[0].id})"
        raise DirectoryError(f"{key.operator}: {MAX_VALID_KEYS} keys are valid already; {remedy}")
