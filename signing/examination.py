"""What an examination of a message has found out: plain data, known wherever it is read (``signing.examiner``)."""

from __future__ import annotations

from dataclasses import dataclass

from envelopes.errors import Fault
from envelopes.model import Message
from signing.report import Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    """What was found out. A readable message may come with faults: then it is refused, but we know whose it was."""

    message: Message | None
    report: Report | None  #: None where the message has no valid form
    faults: tuple[Fault, ...] = ()  #: of form and sense; those of signatures stand in the report
    warnings: tuple[Fault, ...] = ()
