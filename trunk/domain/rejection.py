"""The one catalogue of refusals: code, nature, sentence and remedy in Vietnamese and English.

Every code of a lower package stands here under the same name of the wire (a test holds that), so that no
refusal leaves the house without words. The texts are data: ``catalogue.toml``. Which HTTP status a nature
becomes is the business of ``trunk.http.problems`` alone. Codes are never renumbered or reused.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from types import MappingProxyType
from typing import Final


class Code(StrEnum):
    """Stable codes: part of the API."""

    # ENV: form
    EMPTY = "ENV-001"
    NOT_XML = "ENV-002"
    CUT_OFF = "ENV-003"
    WRONG_ENCODING = "ENV-004"
    DTD = "ENV-005"
    TOO_DEEP = "ENV-006"
    TOO_MANY = "ENV-007"
    TEXT_TOO_LONG = "ENV-008"
    WRONG_ROOT = "ENV-009"
    INSTRUCTION = "ENV-010"
    COMMENT = "ENV-011"
    TOO_COSTLY = "ENV-012"
    MISSING = "ENV-101"
    UNEXPECTED = "ENV-102"
    BAD_VALUE = "ENV-103"
    TOO_LONG = "ENV-104"
    REPEATED = "ENV-105"
    NO_ATTACHMENT = "ENV-201"
    NO_REFERENCE = "ENV-202"
    DUPLICATE_CONTENT_ID = "ENV-203"
    BAD_BASE64 = "ENV-204"
    NO_ADDRESSEE = "ENV-205"
    NO_REASON = "ENV-206"
    BAD_NAME = "ENV-207"
    EMPTY_ATTACHMENT = "ENV-208"
    # SIG: signature
    UNSIGNED = "SIG-001"
    PLACEHOLDER = "SIG-002"
    SEVERAL_SIGNATURES = "SIG-003"
    MISPLACED_SIGNATURE = "SIG-004"
    NOT_COVERED = "SIG-005"
    SIGNATURE_SHAPE = "SIG-006"
    DUPLICATE_ID = "SIG-007"
    NO_PERSONAL_SIGNATURE = "SIG-008"
    MAIN_DOCUMENT_UNSIGNED = "SIG-009"
    DIGEST_MISMATCH = "SIG-101"
    FORGED = "SIG-102"
    WEAK_ALGORITHM = "SIG-103"
    TIMESTAMP = "SIG-104"
    NO_CERTIFICATE = "SIG-201"
    UNTRUSTED = "SIG-202"
    CERTIFICATE_EXPIRED = "SIG-203"
    CERTIFICATE_NOT_YET_VALID = "SIG-204"
    KEY_USAGE = "SIG-205"
    CERTIFICATE_REVOKED = "SIG-206"
    SIGNING_TIME = "SIG-207"
    REVOCATION_UNKNOWN = "SIG-301"
    CHAIN_INCOMPLETE = "SIG-302"
    SIGNING_TIME_UNPROVED = "SIG-303"
    PDF_UNREADABLE = "SIG-401"
    PDF_CHANGED = "SIG-402"
    PDF_NOT_COVERED = "SIG-403"
    PDF_ACTIVE = "SIG-404"
    # ADR: addressing and mandate
    SENDER_UNKNOWN = "ADR-101"
    SENDER_NOT_CALLER = "ADR-102"
    ADDRESSEE_UNKNOWN = "ADR-103"
    ADDRESSEE_INACTIVE = "ADR-104"
    SIGNER_WITHOUT_MANDATE = "ADR-105"
    SENDER_INACTIVE = "ADR-106"
    LOOP = "ADR-107"
    # DUP: identity
    IDEMPOTENCY_KEY_TAKEN = "DUP-101"
    # TRK: the trunk itself
    UNAUTHENTICATED = "TRK-101"
    KEY_EXPIRED = "TRK-102"
    NOT_FOUND = "TRK-103"
    TOO_LARGE = "TRK-104"
    MEDIA_TYPE = "TRK-105"
    OVERLOADED = "TRK-106"
    UNAVAILABLE = "TRK-107"
    BAD_REQUEST = "TRK-108"
    BODY_CUT_OFF = "TRK-109"
    METHOD_NOT_ALLOWED = "TRK-110"
    RANGE_NOT_SATISFIABLE = "TRK-111"
    INTERNAL = "TRK-112"
    WRONG_DIGEST = "TRK-113"
    ALREADY_CONFIRMED = "TRK-114"
    ALREADY_SETTLED = "TRK-115"
    RECALLED = "TRK-116"
    PURGED = "TRK-117"
    CONFIGURATION = "TRK-120"
    CORRUPT_PAYLOAD = "TRK-121"
    DISK_FULL = "TRK-141"
    SENDER_SHARE = "TRK-142"
    NOT_WATCHER = "TRK-143"
    REQUEST_SIGNATURE = "TRK-131"
    STALE_REQUEST = "TRK-132"
    BODY_HASH = "TRK-133"
    NOT_ENROLLER = "TRK-134"
    LOGIN = "TRK-135"
    TOKEN_EXPIRED = "TRK-136"  # noqa: S105  a code, not a secret
    TOKEN = "TRK-137"  # noqa: S105  a code, not a secret
    SYSTEM_SECRET = "TRK-138"  # noqa: S105  a code, not a secret
    # operators
    OPERATOR_KEY = "TRK-151"
    OPERATOR_ROLE = "TRK-152"
    OPERATOR_SHARE = "TRK-153"
    REASON = "TRK-154"
    NOTHING_MATCHES = "TRK-155"
    TOO_MANY_MATCH = "TRK-156"
    REPLAY_ENDED = "TRK-157"
    NO_DEAD_LETTER = "TRK-158"
    LETTER_OF_NOTHING = "TRK-159"


class Nature(StrEnum):
    """What sort of refusal it is."""

    MALFORMED = "malformed"  #: the octets cannot be understood
    INVALID = "invalid"  #: understood, and against the rules
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    GONE = "gone"
    CONFLICT = "conflict"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    METHOD = "method"
    RANGE = "range"
    OVERLOADED = "overloaded"  #: temporary
    THROTTLED = "throttled"  #: temporary, and only for this caller
    UNAVAILABLE = "unavailable"  #: temporary
    BROKEN = "broken"  #: our own fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A sentence in both languages."""

    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A catalogue entry."""

    code: Code
    nature: Nature
    title: Text  #: what is wrong
    remedy: Text  #: what to do next

    @property
    def temporary(self) -> bool:
        return self.nature in {Nature.OVERLOADED, Nature.THROTTLED, Nature.UNAVAILABLE}


def _load() -> Mapping[Code, Refusal]:
    with files(__package__).joinpath("catalogue.toml").open("rb") as source:
        table = tomllib.load(source)
    return MappingProxyType(
        {
            Code(code): Refusal(
                code=Code(code),
                nature=Nature(entry["nature"]),
                title=Text(vi=entry["vi"], en=entry["en"]),
                remedy=Text(vi=entry["remedy_vi"], en=entry["remedy_en"]),
            )
            for code, entry in table.items()
        }
    )


CATALOGUE: Final[Mapping[Code, Refusal]] = _load()

_OF_THE_MESSAGE: Final = ("ENV", "SIG", "ADR")


def is_final(description: str) -> bool:
    """Whether it begins with a code that says that this message will never be taken: so hubs tell each other why."""
    code = next((code for code in Code if description.startswith(code)), None)
    return code is not None and code.startswith(_OF_THE_MESSAGE) and not CATALOGUE[code].temporary
