"""By which ways is an object of a revision reached? What a comparison of revisions must know before it clears a change.

pyHanko walks every way to every object: their number grows exponentially with the links in a document, and the walk
recurses along each chain of bookmarks. Here ways are sought to those objects alone that a comparison asks about,
through those alone that lead there, and no more than ``MOST_WAYS``. What counts as a way is the same: pages are entered
through the page tree, elements of the structure through theirs; only that pyHanko passes over whatever is called
``Parent``, be it a picture on a page, and here no more is passed over than the way back from a widget to its field.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from typing import Final

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.misc import PdfReadError
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader, RawPdfPath

from signing.pdf.survey import TRAILER, Edges, Number, Path, Survey

MOST_WAYS: Final = 20_000
_PAGES: Final[Path] = ("/Root", "/Pages")
_FIELDS: Final[Path] = ("/Root", "/AcroForm", "/Fields")
_STRUCTURE: Final[Path] = ("/Root", "/StructTreeRoot")
_INDEXES: Final = (_STRUCTURE, ("/Root", "/Outlines"))  #: which name elements of the structure and show nothing


class Ways:
    """The ways through one revision."""

    def __init__(self, graph: dict[Number, Edges]) -> None:
        self._graph = graph

    def to(self, target: Number) -> set[Path]:
        """Every way from the trailer. Raises ``PdfReadError`` where there are too many."""
        if (
            target in self._pages
        ):  # cleared whole or not at all: the rules compare a page itself, from wherever it is seen
            return {self._pages[target]}
        leading, found, entered = self._leading(target), set[Path](), 0
        waiting: list[tuple[Number, Path, frozenset[Number]]] = [(TRAILER, (), frozenset())]
        while waiting:
            node, path, seen = waiting.pop()
            for way, other in self._steps(node, path):
                if other == target:
                    found.add(way)
                elif other in leading and other not in seen and self._may_enter(other, way):
                    waiting.append((other, way, seen | {other}))
                    entered += 1
            if entered + len(found) > MOST_WAYS:
                raise PdfReadError("a document that is linked in too many ways")
        return found

    def _steps(self, node: Number, path: Path) -> Iterator[tuple[Path, Number]]:
        for inside, other in self._graph.get(node, ()):
            way = (*path, *inside)
            if not self._leads_back(way, other):
                yield way, other

    def _leads_back(self, way: Path, other: Number) -> bool:
        """From a widget to its field, from an element of the structure to the one that holds it."""
        if way[-1] == "/Parent":
            return other in self._fields and _is_field(way[:-1])
        return way[-1] == "/P" and other in self._elements and _in_structure(way)

    def _may_enter(self, other: Number, way: Path) -> bool:
        if self._pages.get(other, way) != way:
            return False
        return _in_structure(way) or other not in self._elements or way[:2] not in _INDEXES

    def _leading(self, target: Number) -> set[Number]:
        """Everything from which there is a way to ``target``."""
        found, waiting = {target}, [target]
        while waiting:
            fresh = self._backwards[waiting.pop()] - found
            found |= fresh
            waiting.extend(fresh)
        return found

    @cached_property
    def _backwards(self) -> defaultdict[Number, set[Number]]:
        found: defaultdict[Number, set[Number]] = defaultdict(set)
        pages = self._pages
        for node, edges in self._graph.items():
            for inside, other in edges:
                if other not in pages or (*pages.get(node, ("/Root",)), *inside) == pages[other]:
                    found[other].add(node)
        return found

    @cached_property
    def _pages(self) -> dict[Number, Path]:
        """The nodes of the page tree, with the way through it."""
        return self._tree(_PAGES, "/Kids")

    @cached_property
    def _fields(self) -> dict[Number, Path]:
        """The fields of the form, and their widgets."""
        return self._tree(_FIELDS, "/Kids")

    @cached_property
    def _elements(self) -> set[Number]:
        """The elements of the structure."""
        return {node for node, way in self._tree(_STRUCTURE, "/K").items() if way != _STRUCTURE}

    def _tree(self, root: Path, key: str) -> dict[Number, Path]:
        """What hangs below ``root`` by ``key``, in arrays of their own or not; each once."""
        found: dict[Number, Path] = {}
        waiting: list[tuple[Number, Path]] = [(TRAILER, ())]
        while waiting:
            node, path = waiting.pop()
            for inside, other in self._graph.get(node, ()):
                way = (*path, *inside)
                within = way[: len(root)] == root and all(isinstance(k, int) or k == key for k in way[len(root) :])
                if other not in found and (within or root[: len(way)] == way):
                    if within:
                        found[other] = way
                    waiting.append((other, way))
        return found


def _is_field(way: Path) -> bool:
    """Whether a field or a widget stands there, and nothing that is drawn."""
    if way[:2] == _PAGES:
        return way[-2:-1] == ("/Annots",) and _by_kids(way[2:-2])
    return (way[:3] == _FIELDS and _by_kids(way[3:])) or (_in_structure(way) and way[-1] == "/Obj")


def _by_kids(way: Path) -> bool:
    return all(isinstance(key, int) or key == "/Kids" for key in way)


def _in_structure(way: Path) -> bool:
    return way[:3] == (*_STRUCTURE, "/K")


class Resolver(HistoricalResolver):
    """A revision, asked for ways."""

    def __init__(self, reader: PdfFileReader, revision: int, seen: Survey) -> None:
        super().__init__(reader, revision)
        self._seen = seen

    @cached_property
    def _ways(self) -> Ways:
        return Ways(self._seen.graph(self.revision))

    def _load_reverse_xref_cache(self) -> None:
        """Nothing beforehand."""

    def _get_usages_of_ref(self, ref: generic.Reference) -> set[RawPdfPath]:
        return {RawPdfPath(*way) for way in self._ways.to((ref.idnum, ref.generation))}
