"""What is wrong with an element's children, in the same words whoever finds it."""

from __future__ import annotations

from lxml.etree import _Element

from envelopes.errors import EnvelopeCode, Fault
from envelopes.places import path_of
from envelopes.skeleton import ParsedXml


def missing(
    parsed: ParsedXml, parent: _Element, tag: str, *, code: EnvelopeCode = EnvelopeCode.MISSING, expected: str = ""
) -> Fault:
    """The child ``tag`` should stand in ``parent``."""
    local = tag.rpartition("}")[2]
    name = f"{parent.prefix}:{local}" if parent.prefix else local
    return Fault(code=code, line=parsed.lines.of(parent), path=f"{path_of(parent)}/{name}", expected=expected or local)


def repeated(parsed: ParsedXml, parent: _Element, tag: str) -> Fault:
    """The child ``tag`` stands more than once in ``parent``: the second one is named."""
    children = parent.findall(tag)
    return Fault(
        code=EnvelopeCode.REPEATED,
        line=parsed.lines.of(children[1]),
        path=path_of(children[1]),
        expected=f"one {tag.rpartition('}')[2]}",
        got=str(len(children)),
    )
