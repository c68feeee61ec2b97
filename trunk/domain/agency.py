"""Who is who: agencies, the systems that may speak for them, and who may send what to whom."""

from __future__ import annotations

import re
from collections import defaultdict
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
    UPLINK = "uplink"  #: the agency is beyond another hub, and so is its system


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
class Contact:
    """How people reach an agency; for people to read."""

    address: str = ""
    email: str = ""
    telephone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Agency:
    """An agency in the directory, or a unit of one."""

    code: AgencyCode  #: the code of QĐ 20/2020, e.g. ``H41.01``; the one the ledger uses
    name: str
    old_code: str = ""  #: QCVN 102:2016, e.g. ``000.00.01.H41``
    aliases: tuple[str, ...] = ()  #: further codes under which real mail names it
    mode: DeliveryMode = DeliveryMode.PULL
    signature_policy: str = DEFAULT_POLICY  #: its name
    mandates: tuple[Mandate, ...] = ()
    active: bool = True  #: an inactive agency neither sends nor receives
    parent: str = ""  #: code of the agency above it
    unit: bool = False  #: a sub-unit: whoever speaks for its parent speaks for it
    successor: str = ""  #: code of the agency that it was merged into or renamed to; mail for it goes there
    contact: Contact = Contact()
    changed: int = 0  #: version of the directory in which it last changed
    changed_at: datetime | None = None

    @property
    def beyond(self) -> bool:
        """Whether it is reached over another hub."""
        return self.mode is DeliveryMode.UPLINK

    @property
    def codes(self) -> tuple[str, ...]:
        """Every code that means this agency."""
        return (self.code, *((self.old_code,) if self.old_code else ()), *self.aliases)

    def may_be_signed_by(self, signer: Signer, *, at: datetime) -> bool:
        return any(mandate.covers(signer) and mandate.holds(at) for mandate in self.mandates)


class HubSide(StrEnum):
    """Where another trunk stands that calls as a system."""

    ABOVE = "above"  #: our uplink: brings mail of agencies that are beyond it
    BELOW = "below"  #: a trunk whose uplink we are: speaks for its agencies, and delivers to them itself


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is asking: an authenticated system and the agencies it speaks for."""

    system: SystemId
    agencies: frozenset[AgencyCode]
    hub: HubSide | None = None  #: None: an agency's own system

    def speaks_for(self, code: AgencyCode) -> bool:
        return code in self.agencies


_MAX_SUCCESSIONS: Final = 8  #: a chain of mergers is no longer; one that is, is a circle


@dataclass(frozen=True, slots=True)
class Directory:
    """The agencies at one moment, found by any of their codes. Comparison is case-sensitive (codes are data)."""

    agencies: Sequence[Agency]
    _by_code: Mapping[str, Agency] = field(init=False, repr=False)
    _merged: Mapping[AgencyCode, frozenset[AgencyCode]] = field(init=False, repr=False)
    _units: Mapping[str, frozenset[AgencyCode]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_code = {c: a for a in self.agencies for c in a.codes}
        for agency in self.agencies:  # a code of 2016 and its form of 2020 mean the same, unless they are given away
            for code in agency.codes:
                by_code.setdefault(converted(code), agency)
        by_code.pop("", None)
        object.__setattr__(self, "_by_code", by_code)
        merged: defaultdict[AgencyCode, set[AgencyCode]] = defaultdict(set)
        units: defaultdict[str, set[AgencyCode]] = defaultdict(set)
        for agency in self.agencies:
            merged[self._now(agency).code].add(agency.code)
            if agency.unit and agency.parent:
                units[agency.parent].add(agency.code)
        object.__setattr__(self, "_merged", {code: frozenset(family) for code, family in merged.items()})
        object.__setattr__(self, "_units", {code: frozenset(below) for code, below in units.items()})

    def find(self, organ_id: str) -> Agency | None:
        """The active or inactive agency that ``organ_id`` names: old code, new code, alias, or a predecessor's."""
        found = self._by_code.get(organ_id) or self._by_code.get(converted(organ_id))
        return None if found is None else self._now(found)

    def registered(self, code: str) -> Agency | None:
        """The agency as it stands in the directory, also one that was merged into another."""
        return self._by_code.get(code)

    def family(self, code: AgencyCode) -> frozenset[AgencyCode]:
        """The agency of that code and all that were merged into it: mail of before the merger has their codes."""
        found = self._by_code.get(code)
        own = code if found is None else self._now(found).code
        return self._merged.get(own, frozenset()) | {own}

    def spoken_for(self, codes: Iterable[AgencyCode]) -> frozenset[AgencyCode]:
        """All agencies that whoever speaks for ``codes`` speaks for: predecessors, and units at any depth."""
        found: set[AgencyCode] = set()
        left = set(codes)
        while left:
            code = left.pop()
            found.add(code)
            left |= (self.family(code) | self._units.get(code, frozenset())) - found
        return frozenset(found)

    def clashes(self, agency: Agency) -> Iterable[tuple[str, Agency]]:
        """Codes of ``agency`` that mean another agency already."""
        given = {code: other for other in self.agencies for code in other.codes}
        for code in agency.codes:
            other = given.get(code)
            if other is not None and other.code != agency.code:
                yield code, other

    def _now(self, agency: Agency) -> Agency:
        """The agency, or the one that it has become."""
        for _ in range(_MAX_SUCCESSIONS):
            successor = self._by_code.get(agency.successor) if agency.successor else None
            if successor is None or successor is agency:
                return agency
            agency = successor
        return agency


_OLD_CODE: Final = re.compile(r"(?:0+\.)*((?:\d{2,3}\.)*[A-Y]\d{2})")
_OLD_SHAPE: Final = re.compile(r"\d{3}\.\d{2}\.\d{2}\.[A-Y]\d{2}")


def converted(code: str) -> str:
    """The code of QĐ 20/2020 that a code of QCVN 102:2016 became: its groups without the zero ones, reversed.

    ``000.00.17.H36`` became ``H36.17``. Empty for any other code. A registered code of that form comes first.
    """
    match = _OLD_CODE.fullmatch(code) if _OLD_SHAPE.fullmatch(code) else None
    groups = match[1].split(".") if match else []
    above_nothing = any(set(group) == {"0"} for group in groups)  # 001.00.20.H36: no such thing by the rule
    return "" if above_nothing else ".".join(reversed(groups))
