"""The envelope with its payloads set aside: a few kilobytes of XML instead of megabytes of base64.

A payload text of 4 KiB and more is replaced, before parsing, by an unguessable stand-in, and the parsed tree
must then prove that each stand-in is the whole text of a ``ContentTransferEncoded`` in its right place; one
that turns up elsewhere (in a comment, in another element) is put back and parsed as it was sent. Works on
bytes and on a mapped file alike; memory stays flat, since the source is only ever sliced.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from lxml.etree import QName, _Element

from edxml_schemas import QCVN
from envelopes import safe_xml, shape
from envelopes.errors import EnvelopeCode, Fault
from envelopes.limits import Limits
from envelopes.payload import Octets, PayloadText, inline
from envelopes.places import Gap, Lines, line_of, name_of, path_of, shorten
from envelopes.runs import Run, find_runs, line_at, too_long
from envelopes.shape import Refusal

__all__ = ["Octets", "ParsedXml", "PayloadText", "parse"]

_TOKEN_OCTETS: Final = 16
_LIMITS: Final = Limits()
_ROOT: Final = f"{{{QCVN}}}edXML"
_PAYLOADS: Final = f"{{{QCVN}}}AttachmentEncoded/{{{QCVN}}}Attachment/{{{QCVN}}}ContentTransferEncoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedXml:
    """Stage 2: the octets are a well-formed, harmless edXML tree. Not yet: a valid message."""

    root: _Element
    elements: tuple[_Element, ...]  #: all of them, in document order
    source: Octets
    payloads: tuple[PayloadText, ...]  #: in document order
    has_comments: bool
    limits: Limits

    @property
    def lines(self) -> Lines:
        return Lines([Gap(p.content.line_ends, p.element) for p in self.payloads if p.stretch])


def parse(
    octets: Octets, *, limits: Limits = _LIMITS, chance: Callable[[int], bytes] = secrets.token_bytes
) -> ParsedXml | tuple[Fault, ...]:
    """The message as a tree with its payloads described, or what is wrong. Never raises for what was sent."""
    refusal = safe_xml.opening(octets[: limits.inline_text_octets])
    if refusal is not None:
        return (Fault(code=refusal.code, line=1, expected=refusal.expected, got=refusal.got),)
    runs = find_runs(octets, limits=limits)
    if isinstance(runs, Fault):
        return (runs,)
    secret = chance(_TOKEN_OCTETS).hex() if runs else ""
    parsed = _Assembly(octets, runs, limits, secret).parse()
    if isinstance(parsed, _Misplaced):  # put back what is no payload, and look again
        parsed = _Assembly(octets, parsed.placed, limits, secret).parse()
    match parsed:
        case ParsedXml():
            return parsed
        case _Misplaced(fault=fault) | (Fault() as fault):
            return (fault,)


@dataclass(frozen=True, slots=True)
class _Misplaced:
    """Some stand-ins were not where payloads belong: only ``placed`` may be set aside."""

    placed: tuple[Run, ...]
    fault: Fault


@dataclass(frozen=True, slots=True)
class _Assembly:
    """One attempt to parse ``octets`` with ``runs`` set aside."""

    octets: Octets
    runs: tuple[Run, ...]
    limits: Limits
    secret: str

    def parse(self) -> ParsedXml | _Misplaced | Fault:
        tree = safe_xml.parse(self._skeleton(), limits=self.limits)
        if isinstance(tree, Refusal):
            return self._refused(tree)
        if tree.root.tag != _ROOT:
            return _wrong_root(tree.root)
        waiting = {self._stand_in(number): run for number, run in enumerate(self.runs)}
        payloads, placed = [], []
        for element in tree.root.iterfind(_PAYLOADS):
            run = waiting.pop(element.text or "", None) if len(element) == 0 else None
            payloads.append(PayloadText(element, run.stretch, run.content) if run else inline(element))
            placed.extend([run] if run else [])
        if waiting:
            return self._misplaced(placed, list(waiting.values()))
        if len(payloads) > self.limits.max_attachments:
            return self._refused(shape.too_many(f"{self.limits.max_attachments} attachments", element=tree.root))
        return ParsedXml(
            root=tree.root,
            elements=tree.elements,
            source=self.octets,
            payloads=tuple(payloads),
            has_comments=tree.has_comments,
            limits=self.limits,
        )

    def _stand_in(self, number: int) -> str:
        return f"payload-{self.secret}-{number}"

    def _skeleton(self) -> bytes:
        pieces: list[bytes] = []
        start = 0
        for number, run in enumerate(self.runs):
            pieces += (self.octets[start : run.stretch.start], self._stand_in(number).encode())
            start = run.stretch.end
        pieces.append(self.octets[start:])
        return b"".join(pieces)

    def _misplaced(self, placed: Sequence[Run], astray: Sequence[Run]) -> _Misplaced | Fault:
        """Base64 elsewhere is text like any other, and has the bound of any other text."""
        first = astray[0].stretch
        behind = max(0, first.start - self.limits.inline_text_octets)
        start = behind + self.octets[behind : first.start].rfind(b"<") + 1
        fault = too_long(self.octets, start, first.end, self.limits)
        if sum(run.stretch.end - run.stretch.start for run in astray) > self.limits.max_text_octets:
            return fault
        return _Misplaced(tuple(placed), fault)

    def _refused(self, refusal: Refusal) -> Fault:
        element = refusal.element
        return Fault(
            code=refusal.code,
            line=self._line(refusal.offset or 0) if element is None else self._lines(element).of(element),
            path="" if element is None else path_of(element),
            expected=refusal.expected,
            got="" if self.secret and self.secret in refusal.got else refusal.got,
        )

    def _line(self, offset: int) -> int:
        """The line in the source of an offset in the skeleton."""
        for number, run in enumerate(self.runs):
            if offset <= run.stretch.start:
                break
            offset += run.stretch.end - run.stretch.start - len(self._stand_in(number))
        return line_at(self.octets, min(offset, len(self.octets)))

    def _lines(self, element: _Element) -> Lines:
        runs = {self._stand_in(number): run for number, run in enumerate(self.runs)}
        root = element.getroottree().getroot()
        gaps = ((runs.get(el.text or ""), el) for el in root.iter("{*}ContentTransferEncoded"))
        return Lines([Gap(run.content.line_ends, el) for run, el in gaps if run is not None])


def _wrong_root(root: _Element) -> Fault:
    namespace = QName(root).namespace or "no namespace"
    return Fault(
        code=EnvelopeCode.WRONG_ROOT,
        line=line_of(root),
        path=path_of(root),
        expected=f"edXML in {QCVN}",
        got=shorten(f"{name_of(root)} in {namespace}"),
    )
