"""Where payload text stands in the octets of a message, found by looking for ``<`` and nothing else.

A run is the text directly behind a start tag ``ContentTransferEncoded``, of 4 KiB and more. Looking costs one
pass over the octets; each run is decoded and digested in the same pass, while it is in the cache. Long text of
any other element is refused here, before a parser sees it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from envelopes.errors import EnvelopeCode, Fault
from envelopes.limits import Limits
from envelopes.payload import Content, Octets, Stretch, describe
from envelopes.places import shorten

_PAYLOAD_TAG: Final = re.compile(rb"(?:[^\s:/>]{1,100}:)?ContentTransferEncoded(?:\s.*)?", re.DOTALL)
_LONGEST_NAME: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Payload text that is set aside, already described."""

    stretch: Stretch
    content: Content


def find_runs(octets: Octets, *, limits: Limits) -> tuple[Run, ...] | Fault:
    """Every run of payload text in ``octets``, or the one bound that the text outside breaks."""
    runs: list[Run] = []
    markup = len(octets)
    for start, end in _stretches(octets, limits):
        run = _run(octets, start, end, limits)
        if run is not None:
            runs.append(run)
            markup -= run.stretch.end - run.stretch.start
        elif end - start > limits.max_text_octets:
            return too_long(octets, start, end, limits)
    if markup > limits.max_markup_octets:
        expected = f"at most {limits.max_markup_octets} octets outside attachments"
        return Fault(code=EnvelopeCode.TEXT_TOO_LONG, line=1, expected=expected, got=f"{markup} octets")
    return tuple(runs)


def line_at(octets: Octets, offset: int, *, chunk_octets: int = 256 * 1024) -> int:
    """The line on which ``offset`` stands."""
    starts = range(0, offset, chunk_octets)
    return 1 + sum(octets[start : min(start + chunk_octets, offset)].count(b"\n") for start in starts)


def too_long(octets: Octets, start: int, end: int, limits: Limits) -> Fault:
    """The refusal of a long text that is no payload; ``start`` is behind the ``<`` of what it stands in."""
    behind = _find(octets, b">", start, end, limits)
    name = octets[start : min(behind, start + _LONGEST_NAME)].decode("utf-8", "replace").split(None)[:1]
    return Fault(
        code=EnvelopeCode.TEXT_TOO_LONG,
        line=line_at(octets, start),
        expected=f"at most {limits.max_text_octets} octets outside ContentTransferEncoded",
        got=shorten(f"<{name[0] if name else ''}> and {end - start} octets"),
    )


def _stretches(octets: Octets, limits: Limits) -> Iterator[tuple[int, int]]:
    """Long stretches without ``<``: each begins behind one (or at 0) and ends before the next (or at the end)."""
    window, start = limits.inline_text_octets, 0
    while len(octets) - start >= window:
        last = octets[start : start + window].rfind(b"<")
        if last >= 0:
            start += last + 1
            continue
        end = _find(octets, b"<", start + window, len(octets), limits)
        yield start, end
        start = end + 1


def _find(octets: Octets, mark: bytes, start: int, end: int, limits: Limits) -> int:
    """Like ``find``, but ``end`` if there is none. In slices: a mapped file's own search is ten times slower."""
    for at in range(start, end, limits.chunk_octets):
        found = octets[at : min(at + limits.chunk_octets, end)].find(mark)
        if found >= 0:
            return at + found
    return end


def _run(octets: Octets, start: int, end: int, limits: Limits) -> Run | None:
    """The run in a stretch, if a start tag of a payload stands before it."""
    behind = octets[start : start + limits.inline_text_octets].find(b">")
    if behind < 0:
        return None
    tag = octets[start : start + behind]
    text = start + behind + 1
    if end - text < limits.inline_text_octets or not _PAYLOAD_TAG.fullmatch(tag):
        return None
    stretch = Stretch(octets, text, end, limits.chunk_octets)
    return Run(stretch=stretch, content=describe(stretch.chunks()))
