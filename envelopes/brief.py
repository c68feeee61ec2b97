"""The faults of a very large message, in fewer words: from lxml's log instead of xmlschema.

Wording costs xmlschema a fifth of a millisecond for each fault, so a message made of nothing but faults would
keep a processor busy for ten seconds. Honest mail never comes here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import TYPE_CHECKING, Final, cast

from envelopes.errors import EnvelopeCode, Fault
from envelopes.places import line_of, path_of, shorten

if TYPE_CHECKING:
    from lxml import etree
    from lxml.etree import _Element, _LogEntry

    from envelopes.skeleton import ParsedXml

_ELEMENT: Final = re.compile(r"Element '([^']+)'")
_EXPECTED: Final = re.compile(r"Expected is (?:one of )?\(([^)]*)\)")
_JUDGEMENTS: Final = (
    ("Missing child", EnvelopeCode.MISSING),
    ("not expected", EnvelopeCode.UNEXPECTED),
    ("not allowed", EnvelopeCode.UNEXPECTED),
    ("'maxLength'", EnvelopeCode.TOO_LONG),
    ("'minLength'", EnvelopeCode.MISSING),
)


def faults(parsed: ParsedXml, schema: etree.XMLSchema) -> list[Fault]:
    """From the log of the last validation by ``schema``, at most ``limits.max_faults``."""
    places = _places(parsed.elements)
    log = cast("Iterable[_LogEntry]", schema.error_log)
    return [_fault(parsed, places, entry) for entry in islice(log, parsed.limits.max_faults)]


def _places(elements: Iterable[_Element]) -> dict[tuple[int | None, str], _Element]:
    """The first element of each name on each line."""
    places: dict[tuple[int | None, str], _Element] = {}
    for element in elements:
        places.setdefault((line_of(element), element.tag), element)
    return places


def _fault(parsed: ParsedXml, places: dict[tuple[int | None, str], _Element], entry: _LogEntry) -> Fault:
    message = entry.message or ""
    named = _ELEMENT.search(message)
    element = places.get((entry.line, named.group(1) if named else ""), parsed.root)
    code = next((code for words, code in _JUDGEMENTS if words in message), EnvelopeCode.BAD_VALUE)
    expected = _EXPECTED.search(message)
    names = re.sub(r"\{[^}]*\}", "", expected.group(1)).strip() if expected else ""
    return Fault(
        code=code, line=parsed.lines.of(element), path=path_of(element), expected=shorten(names or "a valid message")
    )
