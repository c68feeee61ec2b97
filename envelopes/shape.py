"""The shape of a tree, scanned before anything else touches it.

Canonicalization costs (namespaces in scope)² for each node, a validator obeys attributes that the sender wrote,
and a comment splits a value in two: all of that is refused here, and the cost of looking is linear.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from lxml import etree
from lxml.etree import _Element, _ProcessingInstruction

from envelopes.errors import EnvelopeCode
from envelopes.limits import Limits
from envelopes.places import name_of, shorten

BOM: Final = b"\xef\xbb\xbf"
_NAMESPACES: Final = {
    "i": "http://www.w3.org/2001/XInclude",
    "s": "http://www.w3.org/2001/XMLSchema-instance",
}
_FOREIGN: Final = (b"XMLSchema-instance", b"XInclude", b"&#")  # a fast test; the search itself is exact
_INTRUDERS: Final = etree.XPath("//processing-instruction() | //i:* | //*[@i:* or @s:*]", namespaces=_NAMESPACES)
_COMMENTED: Final = etree.XPath("//*[comment()]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why the octets are no tree. ``element`` or ``offset`` (into the octets parsed) says where."""

    code: EnvelopeCode
    element: _Element | None = None
    offset: int | None = None
    expected: str = ""
    got: str = ""


def scan(root: _Element, elements: Sequence[_Element], octets: bytes, *, limits: Limits) -> Refusal | None:
    """The first thing about the shape of the tree that is wrong. ``octets`` are those it was parsed from."""
    return (
        _information(root)
        or _sizes(root, elements, limits)
        or _namespaces(root, octets, limits)
        or _intruders(root, octets)
        or _comments(root, octets)
    )


def has_comments(root: _Element, octets: bytes) -> bool:
    """Whether there is any comment, before and behind the root included."""
    return b"<!--" in octets and (bool(_nodes(_COMMENTED, root)) or next(_outside(root), None) is not None)


def too_many(most: str, *, element: _Element | None = None) -> Refusal:
    return Refusal(code=EnvelopeCode.TOO_MANY, element=element, expected=f"at most {most}")


def _nodes(search: etree.XPath, root: _Element) -> list[_Element]:
    return cast("list[_Element]", search(root))


def _information(root: _Element) -> Refusal | None:
    information = root.getroottree().docinfo
    if information.internalDTD is not None or information.externalDTD is not None:
        return Refusal(code=EnvelopeCode.DTD, offset=0, expected="no document type")
    if (information.encoding or "UTF-8").upper() != "UTF-8":
        return Refusal(code=EnvelopeCode.WRONG_ENCODING, offset=0, expected="UTF-8")
    return None


@lru_cache(maxsize=8)
def _deeper_than(depth: int) -> etree.XPath:
    return etree.XPath("/" + "/".join("*" * (depth + 1)))


def _sizes(root: _Element, elements: Sequence[_Element], limits: Limits) -> Refusal | None:
    deep = _nodes(_deeper_than(limits.max_depth), root)
    if deep:
        return Refusal(code=EnvelopeCode.TOO_DEEP, element=deep[0], expected=f"at most {limits.max_depth} levels")
    if len(elements) > limits.max_elements:
        return too_many(f"{limits.max_elements} elements", element=root)
    most = limits.max_attributes_per_element
    for element in elements:
        if len(element.attrib) > most:
            return too_many(f"{most} attributes", element=element)
    return None


def _namespaces(root: _Element, octets: bytes, limits: Limits) -> Refusal | None:
    if octets.count(b"xmlns") <= limits.max_namespaces:
        return None
    in_scope = 0
    for event, element in etree.iterwalk(root, events=("start-ns", "end-ns", "start")):
        if event == "start" and in_scope > limits.max_namespaces:
            return too_many(f"{limits.max_namespaces} namespaces in scope", element=cast("_Element", element))
        in_scope += {"start-ns": 1, "end-ns": -1}.get(event, 0)
    return None


def _intruders(root: _Element, octets: bytes) -> Refusal | None:
    """Processing instructions, XInclude, and attributes that tell a validator what to do."""
    instruction = octets.find(b"<?", _end_of_declaration(octets)) >= 0
    if not instruction and not any(mark in octets for mark in _FOREIGN):
        return None
    outside = [node for node in _outside(root) if isinstance(node, _ProcessingInstruction)]
    for node in (*outside, *_nodes(_INTRUDERS, root)):
        if isinstance(node, _ProcessingInstruction):
            got = shorten(f"<?{node.target!s}?>")
            return _instruction(node.getparent(), got)
        names = [str(name).rpartition("}")[2] for name in node.attrib if str(name)[1:].startswith(_WATCHED)]
        return _instruction(node, shorten(names[0] if names else name_of(node)))
    return None


def _instruction(element: _Element | None, got: str) -> Refusal:
    expected = "nothing that instructs a processor"
    return Refusal(code=EnvelopeCode.INSTRUCTION, element=element, expected=expected, got=got)


_WATCHED: Final = tuple(_NAMESPACES.values())


def _end_of_declaration(octets: bytes) -> int:
    start = len(BOM) if octets.startswith(BOM) else 0
    return start + 5 if octets.startswith(b"<?xml", start) else start


def _outside(root: _Element) -> Iterator[_Element]:
    """Comments and instructions before and behind the root."""
    yield from root.itersiblings(preceding=True)
    yield from root.itersiblings()


def _comments(root: _Element, octets: bytes) -> Refusal | None:
    """``000.01.<!---->H01`` reads as ``000.01.`` in one tool and as ``000.01.H01`` in another."""
    if b"<!--" not in octets:
        return None
    for parent in _nodes(_COMMENTED, root):
        if _is_value(parent):
            return Refusal(
                code=EnvelopeCode.COMMENT,
                element=parent,
                expected="comments between elements only",
                got="a comment inside a value",
            )
    return None


def _is_value(element: _Element) -> bool:
    """Whether the element holds a value, be it empty, and not other elements."""
    if next(element.iterchildren("*"), None) is None:
        return True
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))
