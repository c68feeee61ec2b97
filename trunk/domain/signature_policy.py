"""How an agency's documents must be signed: policies by name, and what one says of a report.

Verification (``signing``) tells what is there and knows no agency; here it is weighed. The table of decisions stands
in docs/adr/0008-policies-and-evidence.md; ``tests/unit/domain/test_signature_policy.py`` walks all of it.

Law: a broken signature in the header is refused whatever the policy; a signature counts only if somebody signed who
is mandated for the sender; what cannot be told yet never passes unmarked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from signing.verdict import Role
from trunk.domain.agency import DEFAULT_POLICY
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import CATALOGUE, Code


class EnvelopeSignature(StrEnum):
    """What becomes of a document without a signature in its header."""

    REQUIRED = "required"  #: refused
    OPTIONAL = "optional"  #: nothing; one that is there must be valid and mandated
    MARK = "mark"  #: travels marked


class Personal(StrEnum):
    """Where a valid signature of somebody mandated must stand."""

    REQUIRED = "required"  #: in the header or inside any attachment
    ON_MAIN_DOCUMENT = "on-main-document"  #: inside the first attachment of the manifest
    MARK = "mark"  #: anywhere; without one the document travels marked
    NOT_NEEDED = "not-needed"  #: of statuses: they count by their system's word


class Trouble(StrEnum):
    """What becomes of a document with a broken signature inside an attachment."""

    REFUSE = "refuse"
    MARK = "mark"


class Uncertain(StrEnum):
    """What becomes of a document with a signature of which cannot be told yet whether it is valid."""

    COME_AGAIN = "come-again"
    MARK = "mark"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignaturePolicy:
    """What an agency's messages must carry; the default is the strictest."""

    name: str = DEFAULT_POLICY
    envelope_signature: EnvelopeSignature = EnvelopeSignature.REQUIRED
    personal: Personal = Personal.REQUIRED
    roles: frozenset[Role] = frozenset({Role.PERSON})  #: whose signature counts as the personal one
    attachments: Trouble = Trouble.REFUSE
    uncertain: Uncertain = Uncertain.COME_AGAIN
    signature_methods: frozenset[str] | None = None  #: None: all that verification accepts
    digest_algorithms: frozenset[str] | None = None
    min_rsa_bits: int = 0

    def of_statuses(self) -> SignaturePolicy:
        """The same for status messages: a signature is optional; one that is there must be valid and mandated."""
        return replace(self, envelope_signature=EnvelopeSignature.OPTIONAL, personal=Personal.NOT_NEEDED)

    @property
    def relaxations(self) -> tuple[str, ...]:
        """In which points it is laxer than the default, in words for administrators."""
        said = {
            "a signature in the header may be missing": self.envelope_signature is EnvelopeSignature.OPTIONAL,
            "documents without a signature in the header travel marked": self.envelope_signature
            is EnvelopeSignature.MARK,
            "documents without a valid personal signature travel marked": self.personal is Personal.MARK,
            "signatures of others than persons count as personal ones": self.roles != frozenset({Role.PERSON}),
            "broken signatures inside attachments travel marked": self.attachments is Trouble.MARK,
            "signatures that cannot be told valid yet travel marked": self.uncertain is Uncertain.MARK,
        }
        return tuple(text for text, holds in said.items() if holds)


REQUIRED: Final = SignaturePolicy()
BUILT_IN: Final[Mapping[str, SignaturePolicy]] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            REQUIRED,
            SignaturePolicy(
                name="required-on-main-document",
                envelope_signature=EnvelopeSignature.OPTIONAL,
                personal=Personal.ON_MAIN_DOCUMENT,
            ),
            SignaturePolicy(name="seal-suffices", roles=frozenset({Role.PERSON, Role.ORGANISATION})),
            SignaturePolicy(
                name="deliver-marked",
                envelope_signature=EnvelopeSignature.MARK,
                personal=Personal.MARK,
                attachments=Trouble.MARK,
                uncertain=Uncertain.MARK,
            ),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Policies:
    """All policies by name, built in and of the settings."""

    by_name: Mapping[str, SignaturePolicy] = field(default_factory=lambda: BUILT_IN)

    def named(self, name: str) -> SignaturePolicy:
        """The policy of that name; an unknown name means the strictest."""
        return self.by_name.get(name, REQUIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What a policy says of a report."""

    policy: str  #: the one that was applied
    named: str = ""  #: the one that the agency names, where it is another: no policy has that name
    flaws: tuple[Flaw, ...] = ()  #: why it is refused; the temporary ones last
    because: tuple[Code, ...] = ()  #: why it travels marked
    counted: tuple[str, ...] = ()  #: places of the signatures that count as the personal one

    @property
    def marked(self) -> bool:
        """Whether the message travels "for reference only"."""
        return bool(self.because)

    def as_data(self) -> dict[str, Any]:
        """For JSON, beside the report."""
        told: dict[str, Any] = {
            "name": self.policy,
            "outcome": "refused" if self.flaws else "marked" if self.marked else "accepted",
            "because": [code.value for code in self.because],
            "counted": list(self.counted),
        }
        return told | ({"named": self.named} if self.named else {})


def is_temporary(code: Code) -> bool:
    """Whether coming again may help."""
    return CATALOGUE[code].temporary
