"""User names with passwords, for protocols that log in (provincial LGSP services). Passwords are made by the trunk.

Of a password only the SHA-256 is kept, as of an API key: both have 256 bits of chance in them. Two of a user name may
hold at one time, so that a password is changed without a refused login.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trunk.domain.agency import SystemId
from trunk.domain.credential import digest_of

MAX_VALID_PASSWORDS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRecord:
    """A user name and a password of it, as the ledger keeps them."""

    id: str
    system: SystemId
    username: str
    digest: str  #: SHA-256 of the password, lower-case hex
    created_at: datetime
    expires_at: datetime | None = None
    retired_at: datetime | None = None  #: may lie ahead

    def valid(self, at: datetime) -> bool:
        return all(end is None or at < end for end in (self.retired_at, self.expires_at))

    def opens_with(self, password: str) -> bool:
        """Whether ``password`` is this one, compared in constant time."""
        return hmac.compare_digest(self.digest, digest_of(password))
