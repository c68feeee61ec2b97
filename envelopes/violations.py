"""What xmlschema finds wrong, as faults: code, line, path, expected, got.

One error of the library about an element's children says one thing; we look at that element again and say
everything: each child that is missing, repeated or unknown.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import islice
from typing import Final, cast

import xmlschema
from lxml.etree import _Element
from xmlschema.validators import (
    XMLSchemaChildrenValidationError,
    XMLSchemaValidationError,
    XsdAnnotation,
    XsdElement,
    XsdGroup,
    XsdMaxLengthFacet,
    XsdMinLengthFacet,
)

from edxml_schemas import CATALOGUE, EXPECTED_NOTE, MessageKind
from envelopes.children import missing, repeated
from envelopes.errors import EnvelopeCode, Fault
from envelopes.places import name_of, path_of, shorten
from envelopes.skeleton import ParsedXml

_ATTRIBUTE: Final = re.compile(r"attribute ([^=\s]+)=|^'([^']+)' attribute")
_wording_lock = threading.Lock()


@cache
def wording(kind: MessageKind) -> xmlschema.XMLSchema10:
    return xmlschema.XMLSchema10(str(CATALOGUE[kind].path), allow="local", defuse="always")


def faults(parsed: ParsedXml, kind: MessageKind) -> list[Fault]:
    """Every violation of the schema, at most ``limits.max_faults``."""
    with _wording_lock:  # a refusal may wait; the library does not promise to be thread-safe
        errors = wording(kind).iter_errors(parsed.root, use_location_hints=False)
        return list(islice(_worded(parsed, errors), parsed.limits.max_faults))


def _worded(parsed: ParsedXml, errors: Iterator[XMLSchemaValidationError]) -> Iterator[Fault]:
    looked_at: set[int] = set()
    for error in errors:
        element = cast("_Element | None", error.elem)  # we gave it an lxml tree
        element = parsed.root if element is None else element
        if isinstance(error, XMLSchemaChildrenValidationError):
            if id(element) not in looked_at:
                looked_at.add(id(element))
                yield from _children(parsed, element, error)
        else:
            yield _value(parsed, element, error)


def _children(parsed: ParsedXml, element: _Element, error: XMLSchemaChildrenValidationError) -> Iterator[Fault]:
    """Everything that is wrong with the children of ``element``; never nothing."""
    group = error.validator
    if not isinstance(group, XsdGroup):
        yield _unexpected(parsed, element)
        return
    known = [part for part in group.iter_elements() if isinstance(part, XsdElement)]
    names = {part.name for part in known}
    strangers = [child for child in element.iterchildren("*") if child.tag not in names]
    found = [_unexpected(parsed, child) for child in strangers[: parsed.limits.max_faults]]
    if group.model != "choice":  # there, envelopes.schema counts
        found += _miscounted(parsed, element, known)
    yield from found or [_unexpected(parsed, element)]


def _miscounted(parsed: ParsedXml, element: _Element, known: list[XsdElement]) -> Iterator[Fault]:
    tally = Counter([str(child.tag) for child in element])
    for part in known:
        tag = part.name or ""
        if tally[tag] < part.min_occurs:
            yield missing(parsed, element, tag)
        elif part.max_occurs is not None and tally[tag] > part.max_occurs:
            yield repeated(parsed, element, tag)


def _unexpected(parsed: ParsedXml, element: _Element) -> Fault:
    return Fault(
        code=EnvelopeCode.UNEXPECTED,
        line=parsed.lines.of(element),
        path=path_of(element),
        expected="an element that edXML knows here",
        got=shorten(name_of(element)),
    )


def _value(parsed: ParsedXml, element: _Element, error: XMLSchemaValidationError) -> Fault:
    attribute = _ATTRIBUTE.search(error.reason or "")
    name = (attribute.group(1) or attribute.group(2)).rpartition("}")[2] if attribute else ""
    value = error.obj if isinstance(error.obj, str) else ""
    code, expected = _judged(error, value)
    if attribute and attribute.group(2):
        code, expected, value = EnvelopeCode.UNEXPECTED, "an attribute that edXML knows here", name
    if code is EnvelopeCode.UNEXPECTED and not attribute:
        value = name_of(element)
    return Fault(
        code=code,
        line=parsed.lines.of(element),
        path=path_of(element) + (f"/@{name}" if name else ""),
        expected=expected,
        got=shorten(value),
    )


def _judged(error: XMLSchemaValidationError, value: str) -> tuple[EnvelopeCode, str]:
    facet = error.validator
    if isinstance(facet, XsdMinLengthFacet) and not value.strip():
        return EnvelopeCode.MISSING, _expectation(facet) or "a value"
    if isinstance(facet, XsdMaxLengthFacet):
        return EnvelopeCode.TOO_LONG, f"at most {facet.value} characters"
    if isinstance(error.obj, str):
        return EnvelopeCode.BAD_VALUE, _expectation(facet)
    return EnvelopeCode.UNEXPECTED, "no text or elements here that edXML does not know"


def _expectation(facet: object) -> str:
    """What the type says of itself in its note, or the element that declares it."""
    component = getattr(facet, "parent", None)
    while component is not None:
        annotation = getattr(component, "annotation", None)
        for note in annotation.appinfo if isinstance(annotation, XsdAnnotation) else ():
            if note.get("source") == EXPECTED_NOTE:
                return shorten(note.text or "")
        component = getattr(component, "parent", None)
    return ""
