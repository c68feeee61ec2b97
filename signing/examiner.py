"""Stages 2 to 5 in one: from octets to what the message says and how far it is proved.

Pure work on what a caller sent: no lock, no network, no ledger. What comes out is plain data, so that it can be
made in a process that may be killed (``trunk.workers``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from envelopes.limits import Limits
from envelopes.model import Attachment, Document
from envelopes.payload import PayloadText
from envelopes.reader import Read, UnsignedXml, read
from envelopes.schema import ValidXml, validate
from envelopes.skeleton import Octets, ParsedXml, parse
from signing.coverage import content_id
from signing.examination import Examination
from signing.report import AttachmentReport, Report
from signing.verifier import Verifier


class AttachmentVerifier(Protocol):
    """Looks for signatures inside one attachment."""

    def report(self, payload: PayloadText, attachment: Attachment, *, main: bool, at: datetime) -> AttachmentReport:
        """Every signature inside, in the order in which they were made. Never raises for what was sent."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Examiner:
    """Examines messages. ``attachments`` is None where nobody looks into them."""

    verifier: Verifier
    attachments: AttachmentVerifier | None = None
    limits: Limits = Limits()  # noqa: RUF009 - frozen

    def examine(self, octets: Octets, *, at: datetime) -> Examination:
        """Everything there is to say of ``octets``, received at ``at``. Never raises for what is in them."""
        parsed = parse(octets, limits=self.limits)  # 2
        if not isinstance(parsed, ParsedXml):
            return Examination(message=None, report=None, faults=parsed)
        valid = validate(parsed)  # 3
        if not isinstance(valid, ValidXml):
            return Examination(message=None, report=None, faults=tuple(valid))
        verdict = self.verifier.verify(valid, at=at)  # 4
        known = read(verdict.document or UnsignedXml(valid))  # 5
        report = Report(at=at, envelope=verdict)
        if not isinstance(known, Read):
            return Examination(message=None, report=report.without_document(), faults=tuple(known))
        if not verdict.failed and isinstance(known.message, Document):
            inside = tuple(self._inside(parsed, known.message, at))
            report = Report(at=at, envelope=verdict, attachments=inside)
        return Examination(message=known.message, report=report.without_document(), warnings=tuple(known.warnings))

    def _inside(self, parsed: ParsedXml, document: Document, at: datetime) -> Iterator[AttachmentReport]:
        if self.attachments is None:
            return
        payloads = {content_id(payload): payload for payload in parsed.payloads}
        for place, attachment in enumerate(document.attachments):
            payload = payloads.get(attachment.content_id)
            if payload is not None:
                yield self.attachments.report(payload, attachment, main=place == 0, at=at)
