"""Secrets that a system and the trunk share: for protocols that sign requests (HMAC), where a digest is not enough.

The ledger keeps them sealed (``trunk.application.vault``). Two of a name may be valid at one time, so that a secret
is changed without a refused request. ``name`` is what the system calls itself on the wire: deployed clients send an
agency's code there, not our id.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trunk.domain.agency import SystemId

MAX_VALID_SECRETS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSecretRecord:
    """A shared secret as the ledger keeps it."""

    id: str
    system: SystemId
    name: str  #: ``systemid`` of the requests that it signs
    sealed: bytes  #: opened with the key file of this trunk only
    created_at: datetime
    expires_at: datetime | None = None
    retired_at: datetime | None = None  #: may lie ahead: until then the old secret and the new one both hold
    fresh_for: timedelta | None = None  #: how old a signed request may be; None: any age, as deployed clients need

    def valid(self, at: datetime) -> bool:
        return all(end is None or at < end for end in (self.retired_at, self.expires_at))

    def is_stale(self, signed_at: datetime | None, *, at: datetime) -> bool:
        """Whether a request that says it was signed at ``signed_at`` (None: unreadable) is too old, or of tomorrow."""
        if self.fresh_for is None:
            return False
        return signed_at is None or abs(at - signed_at) > self.fresh_for
