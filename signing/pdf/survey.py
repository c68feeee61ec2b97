"""One look at every object of every revision: what runs, and what is named before it exists.

Law: a signed document must show the same to everybody, at all times. What acts when it is opened (scripts, launching,
files inside, forms that draw themselves) is refused; and an object that a signed revision names without holding it
may not be filled in later.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.pdf.errors import fault_of_file

Number: TypeAlias = tuple[int, int]
Path: TypeAlias = tuple[str | int, ...]
Edges: TypeAlias = tuple[tuple[Path, Number], ...]  #: ways inside an object, and what stands there

TRAILER: Final[Number] = (0, 0)

#: Actions (ISO 32000-2 12.6.4) beyond moving inside the document and opening a web page.
_ACTIONS: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/ImportData",
        "/SubmitForm",
        "/ResetForm",
        "/Hide",
        "/SetOCGState",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/GoToE",
        "/GoToR",
        "/GoTo3DView",
        "/RichMediaExecute",
    }
)
_SUBTYPES: Final = frozenset({"/FileAttachment", "/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"})
_KEYS: Final = frozenset({"/JS", "/JavaScript", "/EF", "/EmbeddedFiles", "/XFA", "/Collection"})


@dataclass(slots=True)
class Survey:
    """What was seen. Revisions are numbered from 0; ``TRAILER`` stands for what the trailers name."""

    active: set[str] = field(default_factory=set)  #: names of what acts, e.g. ``JavaScript``
    defined: dict[Number, int] = field(default_factory=dict)  #: object -> first revision that holds it
    named: dict[Number, int] = field(default_factory=dict)  #: object -> first revision that names it
    other_fields: bool = False  #: whether there is a widget that is no signature's
    unreadable: set[Number] = field(default_factory=set)
    written: dict[Number, list[tuple[int, Edges]]] = field(default_factory=dict)  #: what it names, by revision

    def filled_in_after(self, revision: int) -> bool:
        """Whether something that ``revision`` names was made only later."""
        return any(self.named.get(number, since) <= revision < since for number, since in self.defined.items())

    @property
    def broken(self) -> bool:
        """Whether an object that is named cannot be read."""
        return not self.unreadable.isdisjoint(self.named)

    def graph(self, revision: int) -> dict[Number, Edges]:
        """Each object and what it names, as of ``revision``."""
        found = {}
        for number, versions in self.written.items():
            known = [edges for since, edges in versions if since <= revision]
            if known:
                found[number] = known[-1]
        return found


def survey(reader: PdfFileReader) -> Survey:
    """Looks at all objects, each once, and keeps none. May raise anything."""
    seen = Survey()
    for revision in range(reader.xrefs.total_revisions):
        _look(reader.get_historical_resolver(revision).trailer_view, TRAILER, revision, seen)
        for reference in reader.xrefs.explicit_refs_in_revision(revision):
            number = (reference.idnum, reference.generation)
            try:
                found = _read(reader, reference, revision)
            except Exception as error:  # noqa: BLE001 - see fault_of_file
                fault_of_file(error)
                seen.unreadable.add(number)
                continue
            if not isinstance(found, generic.NullObject):
                seen.defined.setdefault(number, revision)
            _look(found, number, revision, seen)
    return seen


def _read(reader: PdfFileReader, reference: generic.Reference, revision: int) -> Any:
    known = reader.cache_get_indirect_object(reference.generation, reference.idnum)
    if known is not None and reader.xrefs.get_last_change(reference) == revision:
        return known
    return reader.get_object(reference, revision=revision)


def _look(found: Any, number: Number, revision: int, seen: Survey) -> None:
    if isinstance(found, generic.NameObject) and found in _ACTIONS | _SUBTYPES:  # named from elsewhere
        seen.active.add(str(found)[1:])
    edges = []
    for path, one in _within(found):
        if isinstance(one, generic.IndirectObject):
            edges.append((path, (one.idnum, one.generation)))
            seen.named.setdefault((one.idnum, one.generation), revision)
        elif isinstance(one, generic.DictionaryObject):
            seen.active.update(_acts(one))
            seen.other_fields |= _is_other_field(one)
    seen.written.setdefault(number, []).append((revision, tuple(edges)))


def _within(found: Any) -> Iterator[tuple[Path, Any]]:
    """The object and everything directly in it, with the way there."""
    waiting: list[tuple[Path, Any]] = [((), found)]
    while waiting:
        path, one = waiting.pop()
        yield path, one
        if isinstance(one, generic.DictionaryObject):
            waiting.extend(((*path, key), value) for key, value in dict.items(one))
        elif isinstance(one, generic.ArrayObject):
            waiting.extend(((*path, place), value) for place, value in enumerate(list.__iter__(one)))


def _is_other_field(one: generic.DictionaryObject) -> bool:
    """A value that stands in an object of its own may be anything."""
    subtype = dict.get(one, "/Subtype")
    widget = subtype == "/Widget" or (isinstance(subtype, generic.IndirectObject) and "/Rect" in one)
    return widget and dict.get(one, "/FT") != "/Sig"


def _acts(one: generic.DictionaryObject) -> Iterator[str]:
    for key, allowed in (("/S", _ACTIONS), ("/Subtype", _SUBTYPES)):
        value = dict.get(one, key)
        if isinstance(value, generic.NameObject) and value in allowed:
            yield str(value)[1:]
    yield from (key[1:] for key in _KEYS.intersection(one))
    if dict.get(one, "/Type") == "/EmbeddedFile":
        yield "EmbeddedFile"
