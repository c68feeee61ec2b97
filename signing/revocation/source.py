"""Where revocation is asked. Law: a source that cannot tell says so; silence never means *good*."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cryptography.hazmat.primitives import hashes
from cryptography.x509 import Certificate

from signing.evidence import Evidence, RevocationNote, RevocationState, Wanted

_WORST_FIRST = (RevocationState.REVOKED, RevocationState.UNKNOWN, RevocationState.NOT_CHECKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationAnswer:
    """What is known of a path: one note for each certificate below the root."""

    notes: tuple[RevocationNote, ...]
    evidence: tuple[Evidence, ...] = ()
    wanted: tuple[Wanted, ...] = ()

    @property
    def state(self) -> RevocationState:
        """The worst of all notes."""
        found = {note.state for note in self.notes}
        return next((state for state in _WORST_FIRST if state in found), RevocationState.GOOD)


class RevocationSource(Protocol):
    """Tells whether a certificate of a validated path was revoked."""

    #: Shouted about by the settings check when it is False.
    checks: bool

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        """Answers for the whole ``path`` (signer first, trust anchor last), from what is stored.

        ``at``: the time that counts: what was revoked later is GOOD (``now`` itself where nobody vouches for the
        signing time). ``now``: by which freshness is judged. Never raises, never waits, never opens a connection.
        """
        ...


class NoRevocationCheck:
    """Asks nobody. Every verdict made with it stands on certificates that may have been revoked."""

    checks = False

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:  # noqa: ARG002
        return RevocationAnswer(
            notes=tuple(
                RevocationNote(
                    certificate=certificate.fingerprint(hashes.SHA256()).hex(), state=RevocationState.NOT_CHECKED
                )
                for certificate in path[:-1]
            )
        )
