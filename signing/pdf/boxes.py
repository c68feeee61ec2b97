"""How much of a page the looks of signatures take.

Law: what signatures show that were made after another one takes no more of a page than ``MOST_OF_A_PAGE``, all of them
together: there is room for five of 80 by 39 mm on A4, none to paint the page over. A look is drawn inside its box.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, TypeAlias

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from signing.pdf.held import revision_of

MOST_OF_A_PAGE: Final = 0.25
_BOXES: Final = ("/MediaBox", "/CropBox")
_Edges: TypeAlias = tuple[float, float, float, float]  #: left, bottom, right, top
_NOTHING: Final[_Edges] = (0.0, 0.0, 0.0, 0.0)


class Box(NamedTuple):
    """Where a signature is seen."""

    page: int
    revision: int  #: in which the signature was made
    share: float  #: of the page


def boxes(reader: PdfFileReader) -> tuple[Box, ...]:
    """Of all signatures, good or not. May raise anything."""
    made: dict[generic.Reference, int] = {}
    for _, _, field in enumerate_sig_fields(reader, filled_status=True):
        kids = field.get_object().get("/Kids", ())
        for widget in (field, *list.__iter__(kids)) if kids else (field,):
            made[widget.reference] = revision_of(reader, field)
    return tuple(
        Box(number, made[note.reference], _area(_edges(note.get_object().get("/Rect", ()))) / max(_area(shown), 1.0))
        for number, (page, shown) in enumerate(_pages(reader))
        for note in list.__iter__(page.get("/Annots", generic.ArrayObject()))
        if isinstance(note, generic.IndirectObject) and note.reference in made
    )


def painted_over(found: tuple[Box, ...], *, since: int) -> bool:
    """Whether signatures that were made after the revision take too much of a page."""
    taken: dict[int, float] = {}
    for box in found:
        if box.revision > since:
            taken[box.page] = taken.get(box.page, 0.0) + box.share
    return any(share > MOST_OF_A_PAGE for share in taken.values())


def _pages(reader: PdfFileReader) -> Iterator[tuple[Any, _Edges]]:
    """Each page, and what is shown of it; boxes are inherited."""
    waiting: list[tuple[Any, dict[str, Any]]] = [(reader.root.raw_get("/Pages"), {})]
    seen = set[generic.Reference]()
    while waiting:
        reference, inherited = waiting.pop()
        if reference.reference in seen:
            continue
        seen.add(reference.reference)
        node = reference.get_object()
        shown = inherited | {key: node[key] for key in _BOXES if key in node}
        if "/Kids" in node:
            waiting.extend((kid, shown) for kid in list.__iter__(node["/Kids"]))
        else:
            yield node, _shown(shown)


def _shown(given: dict[str, Any]) -> _Edges:
    """Of a page, what a viewer shows: where its boxes overlap."""
    found = [_edges(box) for box in given.values()] or [_NOTHING]
    lefts, bottoms, rights, tops = zip(*found, strict=True)
    return max(lefts), max(bottoms), min(rights), min(tops)


def _edges(box: Any) -> _Edges:
    """In order; nothing for what is no box."""
    across, up, again, to = (float(number.get_object()) for number in list.__iter__(box)) if len(box) == 4 else _NOTHING
    return min(across, again), min(up, to), max(across, again), max(up, to)


def _area(edges: _Edges) -> float:
    left, bottom, right, top = edges
    return max(right - left, 0.0) * max(top - bottom, 0.0)
