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
from trunk.domain.endpoint import Endpoint

SystemId = NewType("SystemId", str)
"""The id of a document-management system, e.g. ``h41-qlvb``."""


class DeliveryMode(StrEnum):
    """Who consumes an agency's queue."""

    PULL = "pull"  #: the agency's system reads its inbox over HTTP
    AMQP = "amqp"  #: the agency's system consumes its own RabbitMQ queue
    PUSH = "push"  #: the trunk posts to the agency's own endpoint
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
    endpoint: Endpoint = field(default_factory=Endpoint)  #: of mode ``push``
    changed: int = field(default=0, compare=False)  #: version of the directory in which it last changed
    changed_at: datetime | None = field(default=None, compare=False)

    @property
    def beyond(self) -> bool:
        """Whether it is reached over another hub."""
        return self.mode is DeliveryMode.UPLINK

    @property
    def listed(self) -> bool:
        """Whether mail can be addressed to it: neither closed, nor become another."""
        return self.active and not self.successor

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


class Naming(StrEnum):
    """Why a code means an agency."""

    CODE = "code"  #: it is its own
    OLD_CODE = "old_code"
    ALIAS = "alias"
    CONVERTED = "converted"  #: by the rule only (``converted``): nobody registered it


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a code means."""

    agency: Agency  #: who gets mail for it now
    written: Agency  #: whose code it is: ``agency``, or one that was merged into it or renamed to it
    naming: Naming


@dataclass(frozen=True, slots=True)
class Directory:
    """The agencies at one moment, found by any of their codes. Comparison is case-sensitive (codes are data).

    A code that is registered means what it is registered for; one that is not means what its form of 2020 means.
    """

    agencies: Sequence[Agency]
    _by_code: Mapping[str, Agency] = field(init=False, repr=False)
    _now: Mapping[AgencyCode, Agency] = field(init=False, repr=False)
    _family: Mapping[AgencyCode, frozenset[AgencyCode]] = field(init=False, repr=False)
    _spoken: Mapping[AgencyCode, frozenset[AgencyCode]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        by_code = {c: a for a in self.agencies for c in a.codes}
        for agency in self.agencies:
            for code in agency.codes:
                by_code.setdefault(converted(code), agency)
        by_code.pop("", None)
        object.__setattr__(self, "_by_code", by_code)
        family: defaultdict[AgencyCode, set[AgencyCode]] = defaultdict(set)
        spoken: defaultdict[AgencyCode, set[AgencyCode]] = defaultdict(set)
        chains = {agency.code: self._chain(agency) for agency in self.agencies}
        for agency in self.agencies:
            *_, now = chain = chains[agency.code]
            family[now.code].add(agency.code)
            for later in chain[1:]:
                spoken[later.code].add(agency.code)
            parent = by_code.get(agency.parent) if agency.unit else None
            if parent is not None:
                spoken[parent.code].add(agency.code)
        object.__setattr__(self, "_now", {code: chain[-1] for code, chain in chains.items()})
        object.__setattr__(self, "_family", {code: frozenset(codes) for code, codes in family.items()})
        object.__setattr__(self, "_spoken", {code: frozenset(codes) for code, codes in spoken.items()})

    def find(self, organ_id: str) -> Agency | None:
        """The active or inactive agency that ``organ_id`` names: old code, new code, alias, or a predecessor's."""
        found = self.registered(organ_id)
        return None if found is None else self._now[found.code]

    def registered(self, organ_id: str) -> Agency | None:
        """The agency whose code it is, as it stands in the directory: also one that was merged into another."""
        return self._by_code.get(organ_id) or self._by_code.get(converted(organ_id))

    def meaning(self, organ_id: str) -> Meaning | None:
        """Which agency it names, and why."""
        written = self.registered(organ_id)
        if written is None:
            return None
        own = {written.code: Naming.CODE, written.old_code: Naming.OLD_CODE}
        naming = own.get(organ_id) or (Naming.ALIAS if organ_id in written.aliases else Naming.CONVERTED)
        return Meaning(agency=self._now[written.code], written=written, naming=naming)

    def family(self, code: AgencyCode) -> frozenset[AgencyCode]:
        """The agency of that code and all that became it or the same: mail of before has their codes."""
        found = self._by_code.get(code)
        own = code if found is None else self._now[found.code].code
        return self._family.get(own, frozenset()) | {own}

    def spoken_for(self, codes: Iterable[AgencyCode]) -> frozenset[AgencyCode]:
        """All agencies that whoever speaks for ``codes`` speaks for: those that became them, and units at any depth.

        Not the other way round: who speaks for an agency that was merged does not speak for its successor. The two
        systems would take each other's mail out of one inbox; an administrator says who reads it.
        """
        found: set[AgencyCode] = set()
        left = set(codes)
        while left:
            code = left.pop()
            found.add(code)
            left |= self._spoken.get(code, frozenset()) - found
        return frozenset(found)

    def may_write_as(self, caller: Caller, organ_id: str) -> bool:
        """Whether ``caller`` may send under that code: it speaks for the agency it means, or for the one whose it was.

        The second lets the system of a merged agency send on under the old code, while it still empties that inbox;
        what it sends is the successor's, signed by the successor's mandates. Under the successor's own codes it may
        not send: that takes the right to speak for it.
        """
        written = self.registered(organ_id)
        return written is not None and (
            caller.speaks_for(written.code) or caller.speaks_for(self._now[written.code].code)
        )

    def above(self, agency: Agency) -> Agency | None:
        """The agency above it, as it is now; None at the top."""
        parent = self.find(agency.parent) if agency.parent else None
        return None if parent is None or parent.code == agency.code else parent

    def ascent(self, agency: Agency) -> Sequence[Agency]:
        """The agencies above it, the nearest first; a circle is gone through once."""
        seen: list[Agency] = []
        above = self.above(agency)
        while above is not None and above not in seen:
            seen.append(above)
            above = self.above(above)
        return seen

    def misplaced(self, agency: Agency) -> tuple[str, str] | None:
        """What is wrong with its place among the others, and what to do."""
        if agency.unit and not agency.parent:
            return "a unit needs a parent", "name the agency that speaks for it, or write unit = false"
        if agency.parent and self.registered(agency.parent) is None:
            return f"parent: no agency has the code {agency.parent}", "load the parent too, or correct its code"
        itself = self.registered(agency.parent) if agency.parent else None
        if (itself is not None and itself.code == agency.code) or agency in self.ascent(agency):
            return f"parent: {agency.code} would stand above itself", "one of them has no parent, or another one"
        return None

    def _chain(self, agency: Agency) -> Sequence[Agency]:
        """The agency and what it became, one after the other. A circle leads nowhere: all in it stay what they are."""
        chain = [agency]
        while (successor := self._by_code.get(chain[-1].successor)) is not None:
            if successor in chain:
                return [agency]
            chain.append(successor)
        return chain


class GivenCodes:
    """Which agency each code means, while many are registered one after the other."""

    def __init__(self, agencies: Iterable[Agency]) -> None:
        self._standing: dict[str, Agency] = {}
        self._means: dict[str, Agency] = {}
        for agency in agencies:
            self.put(agency)

    def clashes(self, agency: Agency) -> Iterable[tuple[str, Agency]]:
        """Codes of ``agency`` that mean another agency already."""
        for code in agency.codes:
            other = self._means.get(code)
            if other is not None and other.code != agency.code:
                yield code, other

    def put(self, agency: Agency) -> None:
        """It stands so from now on: what it no longer has is free."""
        before = self._standing.get(agency.code)
        for code in before.codes if before is not None else ():
            self._means.pop(code, None)
        self._standing[agency.code] = agency
        self._means |= dict.fromkeys(agency.codes, agency)


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
