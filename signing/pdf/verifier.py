"""Looks into attachments for PDFs, and into PDFs for signatures. Implements ``signing.examiner.AttachmentVerifier``.

Law: nothing is done for a file without a signature but one look at its octets; a file that is looked into lies in a
temporary file without a name, not in memory; no exception leaves.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import IO, BinaryIO, Final, TypeVar, cast

from envelopes.attachments import unpack
from envelopes.errors import Fault
from envelopes.limits import Limits
from envelopes.model import Attachment, AttachmentForm
from envelopes.payload import PayloadText
from signing.judge import Judge
from signing.pdf.boxes import boxes
from signing.pdf.errors import NoPdfError, fault_of_file, unreadable
from signing.pdf.held import Held, held
from signing.pdf.octets import HEADER, Lending, Search
from signing.pdf.reading import StrictReader, open_pdf
from signing.pdf.signature import DOCUMENT_TIMESTAMP, Context, document_timestamp, failed, signature
from signing.pdf.survey import survey
from signing.report import AttachmentReport
from signing.timestamp import Stamped
from signing.verdict import Finding, Verdict

_log = logging.getLogger(__name__)
_FILE: Final = "pdf"
_T = TypeVar("_T")


class PdfVerifier:
    """Verifies the signatures inside PDFs by one judge. Safe to share between threads."""

    def __init__(self, judge: Judge, *, folder: Path | None = None, limits: Limits = Limits()) -> None:  # noqa: B008
        """``folder`` is where files lie while they are looked into; the system's own for temporary files by default."""
        self._judge = judge
        self._folder = folder
        self._limits = limits

    def report(self, payload: PayloadText, attachment: Attachment, *, main: bool, at: datetime) -> AttachmentReport:
        """See ``AttachmentVerifier``."""
        nothing = AttachmentReport(content_id=attachment.content_id, main=main)
        named = attachment.name.lower().endswith(".pdf")
        if attachment.form is AttachmentForm.PLAIN and not named and HEADER not in payload.head:
            return nothing
        search = Search(only_pdf=not named)
        try:
            fault = unpack(payload, form=attachment.form, into=cast("BinaryIO", search), limits=self._limits)
        except NoPdfError:
            return nothing
        if fault is not None and (named or search.is_pdf):
            return replace(nothing, file=_FILE, verdicts=(failed(at, _packed(fault)),))
        if not search.is_pdf:
            return nothing
        verdicts = self._unpacked(payload, attachment, search, at) if search.marks else ()
        return replace(nothing, file=_FILE, verdicts=verdicts)

    def verdicts(self, octets: bytes, *, at: datetime) -> tuple[Verdict, ...]:
        """On every signature in a PDF, received at ``at``; none for a file that carries none. Never raises."""
        search = Search(only_pdf=False)
        search.write(octets)
        if not (search.is_pdf and search.marks):
            return ()
        with tempfile.TemporaryFile(dir=self._folder) as file:
            file.write(octets)
            return self._verdicts(file, search, at)

    def _unpacked(
        self, payload: PayloadText, attachment: Attachment, search: Search, at: datetime
    ) -> tuple[Verdict, ...]:
        with tempfile.TemporaryFile(dir=self._folder) as file:
            unpack(payload, form=attachment.form, into=cast("BinaryIO", file), limits=self._limits)
            return self._verdicts(file, search, at)

    def _verdicts(self, file: IO[bytes], search: Search, at: datetime) -> tuple[Verdict, ...]:
        if search.disguised:
            return (failed(at, unreadable("the names of a signature in letters", "numbers of letters")),)
        file.flush()
        try:
            octets = Lending(file)
            reader = open_pdf(octets)
            if isinstance(reader, Finding):
                return (failed(at, reader),)
            return self._of_document(reader, held(reader, octets, marks=search.marks), at)
        except Exception as error:  # noqa: BLE001 - see fault_of_file
            fault = fault_of_file(error)
            _log.warning("pdf_not_understood %s", fault)
            return (failed(at, unreadable("PDF as ISO 32000 has it", fault)),)

    def _of_document(
        self, reader: StrictReader, found: tuple[Held | Finding, ...] | Finding, at: datetime
    ) -> tuple[Verdict, ...]:
        if isinstance(found, Finding):
            return (failed(at, found),)
        seen = survey(reader)
        reader.know(seen)
        if seen.broken:
            return (failed(at, unreadable("objects that can be read")),)
        taken = tuple(one for one in found if isinstance(one, Held))
        context = Context(
            judge=self._judge, now=at, survey=seen, held=taken, boxes=boxes(reader) if len(found) > 1 else ()
        )
        made: dict[int, Verdict] = {}
        vouched: list[tuple[int, Stamped]] = []
        for one in taken:
            if one.kind == DOCUMENT_TIMESTAMP:
                made[one.order], stamped = _guarded(document_timestamp, one, context) or (_lost(one, at), None)
                vouched += [(one.order, stamped)] if stamped is not None else []
        context = replace(context, vouched=tuple(vouched))
        for one in taken:
            if one.order not in made:
                made[one.order] = _guarded(signature, one, context) or _lost(one, at)
        refused = {
            order: failed(at, one, order=order) for order, one in enumerate(found, start=1) if isinstance(one, Finding)
        }
        return tuple(verdict for _, verdict in sorted((made | refused).items()))


def _guarded(judge: Callable[[Held, Context], _T], one: Held, context: Context) -> _T | None:
    """None where the library gave up on this signature; the others are judged all the same."""
    try:
        return judge(one, context)
    except Exception as error:  # noqa: BLE001 - see fault_of_file
        _log.warning("pdf_signature_not_understood %s", fault_of_file(error))
        return None


def _lost(one: Held, at: datetime) -> Verdict:
    return failed(at, unreadable("PDF as ISO 32000 has it", path=one.field), order=one.order)


def _packed(fault: Fault) -> Finding:
    return unreadable(fault.expected, fault.got)
