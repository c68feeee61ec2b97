"""Systems and their API keys. A key is shown once; only the SHA-256 of its secret is kept (it is high-entropy).

Format of a key: ``edoc_<key id>_<secret>``, with a fixed prefix for secret scanners. Two keys of a system may
be valid at one time, so that a secret is changed without a refused request.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from trunk.domain.agency import SystemId
from trunk.domain.delivery import AgencyCode

PREFIX: Final = "edoc"
MAX_VALID_KEYS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemRecord:
    """A document-management system and the agencies it may speak for."""

    id: SystemId
    name: str
    agencies: frozenset[AgencyCode]
    active: bool = True
    hub: bool = False  #: another trunk, whose uplink we are


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """An API key as the ledger keeps it."""

    id: str
    system: SystemId
    digest: str  #: SHA-256 of the secret, lower-case hex
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def opens_with(self, secret: str) -> bool:
        """Whether ``secret`` is this key's, compared in constant time."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def spell(key_id: str, secret: str) -> str:
    """The key as it is handed to the agency."""
    return f"{PREFIX}_{key_id}_{secret}"


def split(key: str) -> tuple[str, str] | None:
    """Key id and secret, or ``None`` if ``key`` is no key of ours."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None
