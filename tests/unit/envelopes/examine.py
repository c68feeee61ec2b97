"""Stages 2, 3 and 5 in one call, as the tests of this folder want them."""

from __future__ import annotations

from pathlib import Path

from envelopes.errors import Fault
from envelopes.model import Document, StatusMessage
from envelopes.payload import Octets
from envelopes.reader import Read, UnsignedXml, read
from envelopes.schema import ValidXml, validate
from envelopes.skeleton import ParsedXml, parse

VECTORS = Path(__file__).parents[2] / "vectors"


def examine(octets: Octets) -> Read | tuple[Fault, ...]:
    parsed = parse(octets)
    valid = validate(parsed) if isinstance(parsed, ParsedXml) else parsed
    return read(UnsignedXml(valid)) if isinstance(valid, ValidXml) else valid


def faults(octets: Octets) -> tuple[Fault, ...]:
    known = examine(octets)
    assert not isinstance(known, Read), "accepted"
    return known


def codes(octets: Octets) -> set[str]:
    return {str(fault.code) for fault in faults(octets)}


def document(octets: Octets) -> Document:
    known = examine(octets)
    assert isinstance(known, Read), known
    assert isinstance(known.message, Document)
    return known.message


def status(octets: Octets) -> StatusMessage:
    known = examine(octets)
    assert isinstance(known, Read), known
    assert isinstance(known.message, StatusMessage)
    return known.message


def parsed(octets: Octets) -> ParsedXml:
    found = parse(octets)
    assert isinstance(found, ParsedXml), found
    return found


def valid(octets: Octets) -> ValidXml:
    found = validate(parsed(octets))
    assert isinstance(found, ValidXml), found
    return found
