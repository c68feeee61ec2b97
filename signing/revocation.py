"""Where revocation will be asked. Law: a source that cannot tell says so; silence never means *good*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cryptography.x509 import Certificate


class RevocationState(StrEnum):
    """What a source says of a chain."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"  #: cannot tell yet: come again
    NOT_CHECKED = "not_checked"  #: nobody was asked, by the operator's choice


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """One answer, with what it rests on."""

    state: RevocationState
    source: str = ""  #: which list or responder
    produced_at: datetime | None = None


class RevocationSource(Protocol):
    """Tells whether a certificate of a validated path was revoked at a time."""

    #: Shouted about by the settings check when it is False.
    checks: bool

    def check(self, path: Sequence[Certificate], *, at: datetime) -> RevocationAnswer:
        """Answers for the whole ``path`` (signer first, trust anchor last). Never raises, never waits long."""
        ...


class NoRevocationCheck:
    """Asks nobody. Every verdict made with it stands on certificates that may have been revoked."""

    checks = False

    def check(self, path: Sequence[Certificate], *, at: datetime) -> RevocationAnswer:  # noqa: ARG002
        return RevocationAnswer(state=RevocationState.NOT_CHECKED)
