"""The children of one element as values, by local name; what cannot be read becomes a warning where it stands."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Final

from lxml.etree import _Element

from edxml_schemas import ACKNOWLEDGEMENT, QCVN
from envelopes.errors import EnvelopeCode, Fault
from envelopes.places import path_of, shorten
from envelopes.skeleton import ParsedXml
from envelopes.values import collapse, parse_date, parse_flag, parse_number, parse_time

_SPACE: Final = " \t\r\n"
_QCVN: Final = f"{{{QCVN}}}"
_ATTESTED: Final = f"{{{ACKNOWLEDGEMENT}}}"


class Notes:
    """What the reader found wrong or odd."""

    def __init__(self, parsed: ParsedXml) -> None:
        self.parsed = parsed
        self.faults: list[Fault] = []
        self.warnings: list[Fault] = []

    def fault(self, code: EnvelopeCode, element: _Element | None, *, expected: str = "", got: str = "") -> None:
        self.faults.append(self._at(code, element, expected, got))

    def warn(self, element: _Element | None, *, expected: str, got: str) -> None:
        self.warnings.append(self._at(EnvelopeCode.BAD_VALUE, element, expected, got))

    def _at(self, code: EnvelopeCode, element: _Element | None, expected: str, got: str) -> Fault:
        if element is None:
            return Fault(code=code, expected=expected, got=shorten(got))
        line, path = self.parsed.lines.of(element), path_of(element)
        return Fault(code=code, line=line, path=path, expected=expected, got=shorten(got))


class Fields:
    """One element, or one that is not there and whose fields are all empty."""

    __slots__ = ("_children", "_element", "_namespace", "_notes")

    def __init__(self, element: _Element | None, notes: Notes, *, namespace: str = _QCVN) -> None:
        self._element = element
        self._namespace = namespace
        self._notes = notes
        # The message is valid, so what is asked for by name stands here once; what repeats is asked for by `every`.
        self._children = {} if element is None else {child.tag: child for child in element}

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._children)

    def element(self, name: str) -> _Element | None:
        return self._children.get(self._namespace + name)

    def text(self, name: str) -> str:
        """As sent, white space included."""
        element = self._children.get(self._namespace + name)
        return "" if element is None else element.text or ""

    def texts(self, name: str) -> tuple[str, ...]:
        """Of every child of that name that has a text."""
        return tuple(element.text for element in self._all(name) if element.text)

    def identifier(self, name: str) -> str:
        """As compared: white space collapsed."""
        return collapse(self.text(name))

    def identifiers(self, name: str) -> tuple[str, ...]:
        return tuple(collapse(text) for text in self.texts(name))

    def number(self, name: str) -> int | None:
        return parse_number(self.text(name))

    def flag(self, name: str) -> bool | None:
        return parse_flag(self.text(name))

    def date(self, name: str) -> dt.date | None:
        if self._namespace + name not in self._children:
            return None
        value = parse_date(self.text(name))
        if value is None:
            self._doubt(name, expected="a date that exists")
        return value

    def time(self, name: str) -> dt.datetime | None:
        if self._namespace + name not in self._children:
            return None
        value = parse_time(self.text(name))
        if value is None:
            self._doubt(name, expected="yyyy/MM/dd HH:mm:ss")
        return value

    def inside(self, name: str) -> Fields:
        """The fields of a child."""
        return Fields(self.element(name), self._notes, namespace=self._namespace)

    def attested(self) -> Fields:
        """The fields of the trunk's own ``Acknowledgement``."""
        return Fields(self._children.get(f"{_ATTESTED}Acknowledgement"), self._notes, namespace=_ATTESTED)

    def every(self, name: str) -> Iterator[Fields]:
        return (Fields(element, self._notes, namespace=self._namespace) for element in self._all(name))

    def _all(self, name: str) -> Iterator[_Element]:
        return iter(()) if self._element is None else self._element.iterchildren(self._namespace + name)

    def _doubt(self, name: str, *, expected: str) -> None:
        text = self.text(name).strip(_SPACE)
        if text:
            self._notes.warn(self.element(name), expected=expected, got=text)
