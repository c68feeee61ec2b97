"""Who may look and act at the trunk over HTTP: operators, by keys of their own. And the reason that every act needs.

A key is spelled ``edocadm_<id>_<secret>``: no agency's key is one, and no operator's key opens an agency's mail.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from trunk.domain.credential import digest_of
from trunk.domain.outcome import Rejected, refuse
from trunk.domain.rejection import Code

PREFIX: Final = "edocadm"
MAX_VALID_KEYS: Final = 2
MAX_NAME: Final = 64
MAX_REASON: Final = 1000


class Role(StrEnum):
    """What an operator may do."""

    ADMINISTRATOR = "administrator"  #: look and act
    MONITOR = "monitor"  #: look


@dataclass(frozen=True, slots=True, kw_only=True)
class OperatorKey:
    """An operator's key as the ledger keeps it: an operator is a name on keys."""

    id: str
    operator: str
    role: Role
    digest: str  #: SHA-256 of the secret, lower-case hex
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    @property
    def actor(self) -> str:
        """As the journal names who acted with it: nobody else's name looks like this."""
        return f"operator/{self.operator}"

    def valid(self, at: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    def opens_with(self, secret: str) -> bool:
        """Whether ``secret`` is this key's, compared in constant time."""
        return hmac.compare_digest(self.digest, digest_of(secret))


def spell(key_id: str, secret: str) -> str:
    """The key as it is handed to the operator."""
    return f"{PREFIX}_{key_id}_{secret}"


def split(key: str) -> tuple[str, str] | None:
    """Key id and secret, or ``None`` if ``key`` is no operator's."""
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX and key_id and secret else None


def is_name(name: str) -> bool:
    """Whether an operator may be called so: visible ASCII, as it stands in journal and log."""
    return 0 < len(name) <= MAX_NAME and all("!" <= letter <= "~" and letter != "/" for letter in name)


def fair_reason(text: str) -> str | Rejected:
    """The reason of an act, without the blanks around it; refused where it says nothing, or is no line of text."""
    reason = text.strip()
    if not 0 < len(reason) <= MAX_REASON or not reason.isprintable():
        return refuse(Code.REASON, path="reason", expected=f"1 to {MAX_REASON} printable characters")
    return reason
