"""A file on disk through the stages of acceptance that need no server: form, signatures, sense.

Law: what is found out is what a trunk would find out, by the same code, and in a process that may be killed. Whom to
trust is judged only where trust was given; else signatures are checked for form and integrity, and the report says so.
"""

from __future__ import annotations

import hashlib
import io
import mmap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from envelopes.errors import Fault
from envelopes.model import AttachmentForm, Document, StatusMessage
from signing.errors import SigningCode
from signing.report import AttachmentReport, Report, worst
from signing.verdict import Finding, Indication, Verdict
from trunk.application.examiners import TooCostly
from trunk.cli.world import Examiners, World
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code
from trunk.errors import ConfigurationError
from trunk.settings import Examination, Settings

if TYPE_CHECKING:
    from signing.examiner import Examiner
    from signing.pdf.verifier import PdfVerifier
    from trunk.workers.nursery import Work

_ZIP: Final = b"PK\x03\x04"
_PDF: Final = b"%PDF-"
_HEAD: Final = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Whom to trust: a folder's roots, else as a trunk's settings say; neither: whoever signed, for integrity alone."""

    settings: Settings | None = None
    folder: Path | None = None

    @property
    def trust(self) -> bool:
        return self.settings is not None or self.folder is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What there is to say of a file."""

    size: int
    sha256: str
    name: str = ""
    alone: bool = False  #: a PDF by itself: there is no message around it
    report: Report | None = None
    trust_judged: bool = False
    message: Document | StatusMessage | None = None
    form: tuple[Flaw, ...] = ()  #: what is wrong with it as a message
    warnings: tuple[Flaw, ...] = ()

    @property
    def signatures(self) -> Sequence[Verdict]:
        return self.report.signatures if self.report is not None else ()

    @property
    def indication(self) -> Indication:
        """Of all that is there; a PDF by itself owes nobody the signature of a message."""
        return self.report.indication if self.report is not None and not self.alone else worst(self.signatures)

    def refused(self, *, require_signature: bool = False) -> tuple[Flaw, ...]:
        """Why a trunk would refuse it; empty: it would not (unless sender or addressee are unknown there)."""
        failed = [finding for one in self.signatures if one.failed for finding in one.findings]
        header = self.report.envelope if self.report is not None else None
        if require_signature and isinstance(self.message, Document) and header is not None and not header.signed:
            failed += header.findings
        return (*self.form, *map(_from_finding, failed))

    @property
    def doubts(self) -> tuple[Flaw, ...]:
        """What cannot be told of its signatures: a trunk would ask to come again."""
        open_ones = [one for one in self.signatures if one.indication is Indication.INDETERMINATE]
        return tuple(_from_finding(finding) for one in open_ones for finding in one.findings)


Look = Callable[[Path], Looked]
"""Raises ``OSError`` for a file that cannot be read."""


@contextmanager
def looking(world: World, given: Given, *, at: datetime | None = None) -> Iterator[Look]:
    """Looks at files one after the other. Raises ``ConfigurationError`` where nobody is trusted."""
    limits = _limits(world)
    examiners: Examiners[Looked] = world.doors.examiners(
        partial(work, given), limits.model_copy(update={"processes": 1})
    )

    def look(file: Path) -> Looked:
        with file.open("rb") as source:  # raises here what a person may mend
            size = file.stat().st_size
            found = examiners.examine(file.resolve(), size=size, at=at or world.doors.now()).result()
            if isinstance(found, TooCostly):
                flaw = Flaw(code=Code.TOO_COSTLY, expected=found.limit, got=found.cost)
                digest = hashlib.file_digest(source, "sha256").hexdigest()
                return Looked(name=str(file), size=size, sha256=digest, form=(flaw,))
        return replace(found, name=str(file))

    try:
        yield look
    finally:
        examiners.close()


def work(given: Given) -> Work:
    """What an examiner does with a file. Raises ``ConfigurationError`` where nobody is trusted."""
    examiner, inside = _judges(given)

    def look(octets: bytes | mmap.mmap, at: datetime) -> Looked:
        found = _pdf(octets, inside, at) if _is_file(octets[:_HEAD]) else _message(octets, examiner, at)
        return replace(found, trust_judged=given.trust)

    return look


def _judges(given: Given) -> tuple[Examiner, PdfVerifier]:
    from signing.examiner import Examiner  # noqa: PLC0415  heavy, and needed in the examiner alone
    from signing.judge import Judge  # noqa: PLC0415
    from signing.pdf.verifier import PdfVerifier  # noqa: PLC0415
    from signing.policy import Policy  # noqa: PLC0415
    from signing.verifier import Verifier  # noqa: PLC0415
    from trunk.cli import trusting  # noqa: PLC0415

    trust, source = trusting.nobody()
    policy = Policy()
    if given.folder is not None:
        trust, source, policy = trusting.folder(given.folder, given.settings)
    elif given.settings is not None:
        trust, source, policy = trusting.settings(given.settings)
    inside = PdfVerifier(Judge(trust, policy, revocation=source))
    return Examiner(verifier=Verifier(trust, policy, revocation=source), attachments=inside), inside


def _is_file(head: bytes) -> bool:
    """Whether it is a PDF, or a ZIP that wraps one, rather than a message."""
    return head.startswith(_ZIP) or (_PDF in head and not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"))


def _message(octets: bytes | mmap.mmap, examiner: Examiner, at: datetime) -> Looked:
    found = examiner.examine(octets, at=at)
    return Looked(
        size=len(octets),
        sha256=hashlib.sha256(octets).hexdigest(),
        report=found.report,
        message=found.message,
        form=_from_faults(found.faults),
        warnings=_from_faults(found.warnings),
    )


def _pdf(octets: bytes | mmap.mmap, inside: PdfVerifier, at: datetime) -> Looked:
    looked = Looked(size=len(octets), sha256=hashlib.sha256(octets).hexdigest(), alone=True)
    pdf = _unpacked(octets) if octets[: len(_ZIP)] == _ZIP else octets[:]
    if isinstance(pdf, Fault):
        return replace(looked, form=_from_faults((pdf,)))
    if _PDF not in pdf[:_HEAD]:
        return replace(looked, form=(Flaw(code=Code.PDF_UNREADABLE, expected="a PDF", got="a ZIP of something else"),))
    verdicts = inside.verdicts(pdf, at=at)
    absent = Verdict(
        indication=Indication.INDETERMINATE, signing_time=at, findings=(Finding(code=SigningCode.UNSIGNED),)
    )
    told = AttachmentReport(content_id="", main=False, file="pdf", verdicts=verdicts)
    return replace(looked, report=Report(at=at, envelope=absent, attachments=(told,)))


@dataclass(frozen=True, slots=True)
class _Raw:
    octets: bytes | mmap.mmap

    def chunks(self) -> Iterator[bytes]:
        step = 2**18
        for start in range(0, len(self.octets), step):
            yield self.octets[start : start + step]


def _unpacked(octets: bytes | mmap.mmap) -> bytes | Fault:
    from envelopes.attachments import unpack  # noqa: PLC0415  needed in the examiner alone

    into = io.BytesIO()
    return unpack(_Raw(octets), form=AttachmentForm.ZIP, into=into) or into.getvalue()


def _limits(world: World) -> Examination:
    try:
        return world.settings.examination
    except ConfigurationError:
        return Examination()  # files can be looked at without any settings


def _from_faults(faults: Sequence[Fault]) -> tuple[Flaw, ...]:
    return tuple(Flaw(code=Code(f.code), line=f.line, path=f.path, expected=f.expected, got=f.got) for f in faults)


def _from_finding(finding: Finding) -> Flaw:
    return Flaw(code=Code(finding.code.value), path=finding.path, expected=finding.expected, got=finding.got)
