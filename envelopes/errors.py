"""Everything that can be wrong with the form of an envelope, as values with a stable code and a place.

A parser or reader never raises for what a caller sent: it returns faults, all of them. The sentences and
remedies for people, in Vietnamese and English, stand in ``trunk.domain.rejection`` under the same codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class EnvelopeCode(StrEnum):
    """Family ``ENV``: form. 0xx the octets and the XML, 1xx the schema, 2xx what a schema cannot see."""

    EMPTY = "ENV-001"
    NOT_XML = "ENV-002"
    CUT_OFF = "ENV-003"
    WRONG_ENCODING = "ENV-004"
    DTD = "ENV-005"
    TOO_DEEP = "ENV-006"
    TOO_MANY = "ENV-007"
    TEXT_TOO_LONG = "ENV-008"
    WRONG_ROOT = "ENV-009"
    INSTRUCTION = "ENV-010"  # processing instruction, XInclude, xsi:schemaLocation
    COMMENT = "ENV-011"  # inside text, or anywhere beside a real signature
    MISSING = "ENV-101"
    UNEXPECTED = "ENV-102"
    BAD_VALUE = "ENV-103"
    TOO_LONG = "ENV-104"
    REPEATED = "ENV-105"
    NO_ATTACHMENT = "ENV-201"  # a reference without its attachment
    NO_REFERENCE = "ENV-202"  # an attachment without its reference
    DUPLICATE_CONTENT_ID = "ENV-203"
    BAD_BASE64 = "ENV-204"
    NO_ADDRESSEE = "ENV-205"
    NO_REASON = "ENV-206"  # statuses 02, 13 and 16 need a description
    BAD_NAME = "ENV-207"  # control characters or path separators in a file name
    EMPTY_ATTACHMENT = "ENV-208"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that is wrong, and where.

    ``path`` is an XPath-like path with prefixes as real mail writes them, e.g.
    ``/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader/edXML:MessageHeader/edXML:To[2]/edXML:OrganId``; ``expected``
    and ``got`` are short (at most 120 characters), ``got`` never holds more of the document than one value.
    """

    code: str
    line: int | None = None
    path: str = ""
    expected: str = ""
    got: str = ""
