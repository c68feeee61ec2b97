"""What one authentic list or answer says of one certificate, and how long that may be relied upon."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509

from signing.evidence import RevocationNote, RevocationState

#: Reasons that can be taken back; every other revocation is for ever, whoever says otherwise later.
HOLD: Final = "certificateHold"
_GENERALIZED_TIME: Final = 0x18


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """For how long a list or an answer counts."""

    tolerance: timedelta = timedelta(minutes=5)  #: between two clocks
    list_age: timedelta = timedelta(hours=24)  #: of lists that do not say when the next one comes
    answer_age: timedelta = timedelta(hours=12)  #: of answers that do not
    refresh: timedelta = timedelta(hours=1)  #: what is in use is fetched again after this, however long it counts

    def until(self, produced_at: datetime, next_update: datetime | None, age: timedelta) -> datetime:
        return (produced_at + age if next_update is None else next_update) + self.tolerance


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One statement whose signature, scope and signer were found right."""

    source: str  #: ``crl`` or ``ocsp``
    origin: str
    sha256: str
    produced_at: datetime
    next_update: datetime | None
    fresh_from: datetime
    fresh_until: datetime
    revoked_at: datetime | None = None  #: None: it says *good*
    reason: str = ""
    covers: bool = True  #: False: the certificate had expired before, and may have been dropped from what is listed
    fetched_at: datetime | None = None  #: None: nobody fetches it

    def is_fresh(self, now: datetime) -> bool:
        return self.fresh_from <= now <= self.fresh_until

    def revokes(self, *, at: datetime, now: datetime) -> bool:
        """Whether it must be believed that the certificate was revoked at ``at``."""
        if self.revoked_at is None or self.revoked_at > at or self.fresh_from > now:
            return False
        return self.reason != HOLD or self.is_fresh(now)

    def clears(self, *, at: datetime, now: datetime) -> bool:
        """Whether it proves that the certificate was not revoked at ``at``."""
        later = self.revoked_at is not None and self.revoked_at > at
        return self.is_fresh(now) and (later or (self.revoked_at is None and self.covers))

    def note(self, certificate: str, state: RevocationState) -> RevocationNote:
        return RevocationNote(
            certificate=certificate,
            state=state,
            source=self.source,
            origin=self.origin,
            produced_at=self.produced_at,
            next_update=self.next_update,
            revoked_at=self.revoked_at,
            reason=self.reason,
            evidence=self.sha256,
        )


def reason_of(flag: x509.ReasonFlags | None) -> str:
    """Empty where none was told, which is not the same as *unspecified* (RFC 3161 4)."""
    return "" if flag is None else flag.value


def covers_since(extensions: x509.Extensions, oid: x509.ObjectIdentifier) -> datetime | None:
    """The time in expiredCertsOnCRL or archiveCutoff: certificates that expired since then are still told of."""
    try:
        value = extensions.get_extension_for_oid(oid).value
    except x509.ExtensionNotFound:
        return None
    der = value.value if isinstance(value, x509.UnrecognizedExtension) else b""
    if len(der) != 17 or der[0] != _GENERALIZED_TIME:
        return None
    try:
        return datetime.strptime(der[2:].decode("ascii"), "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def covers(certificate: x509.Certificate, produced_at: datetime, since: datetime | None) -> bool:
    """Whether silence about ``certificate`` in a statement of that time means anything."""
    expired = certificate.not_valid_after_utc
    return produced_at <= expired or (since is not None and since <= expired)
