"""Where in the message something stands: paths with prefixes as the sender wrote them, and lines.

Payloads are set aside before parsing, so the parser's line numbers are short by the line ends inside them;
``Lines`` puts those back. All of this runs only when there is a fault to word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lxml.etree import _Element


def name_of(element: _Element) -> str:
    """The element's name as written, e.g. ``edXML:OrganId``."""
    local = local_name(element)
    return f"{element.prefix}:{local}" if element.prefix else local


def local_name(element: _Element) -> str:
    return str(element.tag).rpartition("}")[2]


def path_of(element: _Element) -> str:
    """An XPath-like path from the root; a step has an index where siblings share its name."""
    steps: list[str] = []
    current: _Element | None = element
    while current is not None:
        steps.append(name_of(current) + _index(current))
        current = current.getparent()
    return "/" + "/".join(reversed(steps))


def _index(element: _Element) -> str:
    before = sum(1 for _ in element.itersiblings(element.tag, preceding=True))
    if before == 0 and next(element.itersiblings(element.tag), None) is None:
        return ""
    return f"[{before + 1}]"


def line_of(element: _Element) -> int | None:
    """The line as the parser counted it."""
    line: object = element.sourceline
    return line if isinstance(line, int) else None


def shorten(text: str, *, length: int = 120) -> str:
    """One value, fit for a fault: printable, on one line, at most ``length`` characters."""
    flat = " ".join(text[: 4 * length].split())
    shown = flat if flat.isprintable() else "".join(c if c.isprintable() else _spelt(c) for c in flat)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


def _spelt(character: str) -> str:
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


@dataclass(frozen=True, slots=True)
class Gap:
    """Line ends that were taken out of the text of ``element``."""

    line_ends: int
    element: _Element


class Lines:
    """Line numbers of the message as it was sent."""

    def __init__(self, gaps: Sequence[Gap] = ()) -> None:
        self._gaps = [gap for gap in gaps if gap.line_ends]

    def of(self, element: _Element) -> int | None:
        line = line_of(element)
        if line is None or not self._gaps:
            return line
        ahead = {id(gap.element): gap.line_ends for gap in self._gaps}
        for node in element.getroottree().getroot().iter():
            if node is element:
                break
            line += ahead.get(id(node), 0)
        return line
