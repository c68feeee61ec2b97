"""Is it a message of QCVN 102 as we know it? Every violation at once, with line and path.

lxml's compiled schema and a count of the repeatable children decide; only when they say no does xmlschema,
prebuilt and given the lxml tree (never a file name, never the octets), find the words. What XSD 1.0 cannot
say stands here: counts in a free order, codes that need each other, base64.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from lxml import etree
from lxml.etree import _Element

from edxml_schemas import ACKNOWLEDGEMENT, CATALOGUE, COUNT_NOTE, QCVN, MessageKind
from envelopes import brief
from envelopes.children import missing, repeated
from envelopes.errors import EnvelopeCode, Fault
from envelopes.limits import Limits
from envelopes.places import path_of
from envelopes.safe_xml import Tree
from envelopes.safe_xml import parse as parse_tree
from envelopes.skeleton import ParsedXml

__all__ = ["MessageKind", "ValidXml", "prepare", "validate"]

_HEADER: Final = f"{{{QCVN}}}edXMLEnvelope/{{{QCVN}}}edXMLHeader"
_PLACES: Final = {
    "edXMLHeader": _HEADER,
    "MessageHeader": f"{_HEADER}/{{{QCVN}}}MessageHeader",
    "TraceHeaderList": f"{_HEADER}/{{{QCVN}}}TraceHeaderList",
}
_STATUS_CODE: Final = f"{_PLACES['MessageHeader']}/{{{QCVN}}}StatusCode"
_ACKNOWLEDGEMENT: Final = f"{_PLACES['MessageHeader']}/{{{ACKNOWLEDGEMENT}}}Acknowledgement"
_RESPONSE_FOR: Final = f"{_PLACES['MessageHeader']}/{{{QCVN}}}ResponseFor"
_ADDRESSEE: Final = f"{{{QCVN}}}To"
_MOST_WORDED: Final = 1_000  #: elements; a usual document has a hundred
_compiled = threading.local()


@dataclass(frozen=True, slots=True)
class ValidXml:
    """Stage 3: a message that keeps the schema, all payloads of which decode. Only :func:`validate` makes it."""

    parsed: ParsedXml
    kind: MessageKind


@dataclass(frozen=True, slots=True)
class Count:
    """How often a child may stand in an element whose order is free."""

    tag: str
    least: int
    most: int


def validate(parsed: ParsedXml) -> ValidXml | tuple[Fault, ...]:
    """The message with its kind, or everything that is wrong with it, in the order of its lines."""
    kind = _kind(parsed.root)
    in_order = _schema(kind).validate(parsed.root)
    faults = [*_miscounted(parsed, kind), *_at_odds(parsed, kind), *_undecodable(parsed)]
    if in_order and not faults:
        return ValidXml(parsed, kind)
    if not in_order:
        faults += _worded(parsed, kind)
    unique = {(fault.code, fault.path, fault.line): fault for fault in faults}
    return tuple(sorted(unique.values(), key=lambda fault: fault.line or 0)[: parsed.limits.max_faults])


def prepare() -> None:
    """Builds what the first refusal would otherwise wait for (a quarter of a second)."""
    from envelopes import violations  # noqa: PLC0415  as in _worded

    for kind in MessageKind:
        _schema(kind)
        violations.wording(kind)


def _kind(root: _Element) -> MessageKind:
    """By content: labels are wrong too often."""
    return MessageKind.DOCUMENT if root.find(_STATUS_CODE) is None else MessageKind.STATUS


def _schema(kind: MessageKind) -> etree.XMLSchema:
    """One for each thread: an lxml schema keeps the errors of its last validation."""
    schemas: dict[MessageKind, etree.XMLSchema] = _compiled.__dict__.setdefault("schemas", {})
    if kind not in schemas:
        schemas[kind] = etree.XMLSchema(file=str(CATALOGUE[kind].path))
    return schemas[kind]


@cache
def counts(kind: MessageKind) -> dict[str, tuple[Count, ...]]:
    """Where a free order repeats, how often each child may stand: read from the notes in the schema files."""
    found: dict[str, list[Count]] = {}
    for path in (CATALOGUE[kind].path, CATALOGUE[kind].path.with_name("common.xsd")):
        tree = parse_tree(path.read_bytes(), limits=Limits())
        notes = tree.root.iter("count") if isinstance(tree, Tree) else ()
        for note in notes:
            parent = note.getparent()
            if parent is None or parent.get("source") != COUNT_NOTE:
                continue
            count = Count(f"{{{QCVN}}}{note.get('of')}", int(note.get("min") or 0), int(note.get("max") or 1))
            found.setdefault(_PLACES[note.get("in") or ""], []).append(count)
    return {place: tuple(rules) for place, rules in found.items()}


def _miscounted(parsed: ParsedXml, kind: MessageKind) -> Iterator[Fault]:
    for place, rules in counts(kind).items():
        for element in parsed.root.iterfind(place):
            tally = Counter([child.tag for child in element]).get
            for rule in rules:
                if not rule.least <= tally(rule.tag, 0) <= rule.most:
                    yield _miscount(parsed, element, rule, tally(rule.tag, 0))


def _miscount(parsed: ParsedXml, element: _Element, rule: Count, found: int) -> Fault:
    if found < rule.least:
        return missing(parsed, element, rule.tag, code=_absent(rule.tag))
    if rule.most == 1:
        return repeated(parsed, element, rule.tag)
    line, path = parsed.lines.of(element), path_of(element)
    expected = f"at most {rule.most} {rule.tag.rpartition('}')[2]}"
    return Fault(code=EnvelopeCode.TOO_MANY, line=line, path=path, expected=expected, got=str(found))


def _absent(tag: str) -> EnvelopeCode:
    return EnvelopeCode.NO_ADDRESSEE if tag == _ADDRESSEE else EnvelopeCode.MISSING


def _at_odds(parsed: ParsedXml, kind: MessageKind) -> Iterator[Fault]:
    """Status messages: what needs each other."""
    if kind is not MessageKind.STATUS:
        return
    code, acknowledgement = parsed.root.find(_STATUS_CODE), parsed.root.find(_ACKNOWLEDGEMENT)
    ours = code is not None and (code.text or "").strip().startswith("9")
    if code is not None and ours and acknowledgement is None:
        line, path = parsed.lines.of(code), path_of(code)
        expected = "01 to 06, 13, 15 or 16; 90 to 96 only with an Acknowledgement"
        yield Fault(code=EnvelopeCode.BAD_VALUE, line=line, path=path, expected=expected, got=(code.text or "").strip())
    if acknowledgement is not None and not ours:
        line, path = parsed.lines.of(acknowledgement), path_of(acknowledgement)
        yield Fault(code=EnvelopeCode.UNEXPECTED, line=line, path=path, expected="only with StatusCode 90 to 96")
    response = parsed.root.find(_RESPONSE_FOR)
    if response is not None and not any(_said(response, name) for name in ("DocumentId", "Code")):
        yield missing(parsed, response, f"{{{QCVN}}}DocumentId", expected="DocumentId or Code")


def _said(element: _Element, name: str) -> bool:
    return bool((element.findtext(f"{{{QCVN}}}{name}") or "").strip())


def _undecodable(parsed: ParsedXml) -> Iterator[Fault]:
    for payload in parsed.payloads:
        if payload.content.fault:
            line = parsed.lines.of(payload.element)
            yield Fault(
                code=EnvelopeCode.BAD_BASE64,
                line=None if line is None else line + payload.content.fault_line_ends,
                path=path_of(payload.element),
                expected="base64 (RFC 4648)",
                got=payload.content.fault,
            )


def _worded(parsed: ParsedXml, kind: MessageKind) -> list[Fault]:
    if len(parsed.elements) > _MOST_WORDED:
        return brief.faults(parsed, _schema(kind))
    from envelopes import violations  # noqa: PLC0415  xmlschema: 20 MB that a process which reads no mail need not load

    # Should the two libraries ever disagree, the strict one wins, in few words.
    return violations.faults(parsed, kind) or brief.faults(parsed, _schema(kind))
