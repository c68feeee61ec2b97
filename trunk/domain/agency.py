"""Who is who: agencies, the systems that may speak for them, and who may send what to whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from signing.verdict import Signer, mask_uid
from trunk.domain.delivery import AgencyCode

SystemId = NewType("SystemId", str)
"""The id of a document-management system, e.g. ``h41-qlvb``."""


class DeliveryMode(StrEnum):
    """Who consumes an agency's queue."""

    PULL = "pull"  #: the agency's system reads its inbox over HTTP
    AMQP = "amqp"  #: the agency's system consumes its own RabbitMQ queue


DEFAULT_POLICY: Final = "required"
"""The strictest policy of signatures: what an agency without another one has (``trunk.domain.signature_policy``)."""

_PUBLIC_SCHEMES: Final = ("MST:", "MNS:")  # tax code, budget unit code: of organisations


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """Who may sign for an agency, and when: one certificate by its fingerprint, or whoever has a subject UID.

    A UID holds for every certificate that a trusted authority issues to it; ``domain``: in this trust domain only.
    """

    fingerprint: str = ""  #: SHA-256 over the DER, lower-case hex
    uid: str = ""  #: exactly as in the certificate: ``CCCD:001085000001``
    domain: str = ""  #: empty: any
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def __post_init__(self) -> None:
        if bool(self.fingerprint) == bool(self.uid):
            raise ValueError("a mandate names either a certificate or a subject UID")

    @property
    def shown_uid(self) -> str:
        """The UID as it may be shown: a person's number by its last digits."""
        return mask_uid(self.uid, public=self.uid.startswith(_PUBLIC_SCHEMES))

    def covers(self, signer: Signer) -> bool:
        if self.domain and self.domain != signer.domain:
            return False
        return self.fingerprint == signer.fingerprint if self.fingerprint else self.uid == signer.subject_uid

    def holds(self, at: datetime) -> bool:
        after_start = self.valid_from is None or self.valid_from <= at
        return after_start and (self.valid_until is None or at < self.valid_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency in the directory."""

    code: AgencyCode  #: the code of QĐ 20/2020, e.g. ``H41.01``; the one the ledger uses
    name: str
    old_code: str = ""  #: QCVN 102:2016, e.g. ``000.00.01.H41``
    aliases: tuple[str, ...] = ()  #: further codes under which real mail names it
    mode: DeliveryMode = DeliveryMode.PULL
    signature_policy: str = DEFAULT_POLICY  #: its name
    mandates: tuple[Mandate, ...] = ()
    active: bool = True  #: an inactive agency neither sends nor receives

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that means this agency."""
        return (self.code, *((self.old_code,) if self.old_code else ()), *self.aliases)

    def may_be_signed_by(self, signer: Signer, *, at: datetime) -> bool:
        return any(mandate.covers(signer) and mandate.holds(at) for mandate in self.mandates)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: an authenticated system and the agencies it speaks for."""

    system: SystemId
    agencies: frozenset[AgencyCode]

    def speaks_for(self, code: AgencyCode) -> bool:
        return code in self.agencies


@dataclass(frozen=True, slots=True)
class Directory:
    """The agencies at one moment, found by any of their codes. Comparison is case-sensitive (codes are data)."""

    agencies: Sequence[Agency]
    _by_code: Mapping[str, Agency] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_code", {c: a for a in self.agencies for c in a.codes})

    def find(self, organ_id: str) -> Agency | None:
        """The active or inactive agency that ``organ_id`` names, old code, new code or alias."""
        return self._by_code.get(organ_id)

    def clashes(self, agency: Agency) -> Iterable[tuple[str, Agency]]:
        """Codes of ``agency`` that mean another agency already."""
        for code in agency.codes:
            other = self._by_code.get(code)
            if other is not None and other.code != agency.code:
                yield code, other
