"""What comes in at the door, and what stage after stage makes of it: each has its own type, so none is skipped.

``Submission → (parse) ParsedXml → (validate) ValidXml → (verify) Verdict → (read) Message → (authorise)
Authorised → (enter) Accepted | Rejected``
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from envelopes.model import Document, Message, StatusMessage
from signing.report import Report
from trunk.domain.agency import Agency, Caller
from trunk.domain.entry import Acceptance, AcceptedEnvelope, Entry
from trunk.domain.outcome import Flaw, Rejected
from trunk.domain.signature_policy import Weighed


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """Admitted octets: authenticated caller, counted and digested on the way in (stage 1)."""

    caller: Caller
    octets: bytes | Path  #: small ones in memory, large ones in a spool file
    size: int
    sha256: str
    idempotency_key: str | None = None
    only_to: tuple[str, ...] = ()  #: another hub asks for some of the addressees only; empty: all that it names
    trace: tuple[str, ...] = ()  #: ids of hubs that had it before, as the caller tells


def trace_of(submission: Submission, message: Message) -> tuple[str, ...]:
    """The hubs that a message has come through, each once, the first one first; nothing where no hub brought it.

    Never empty for what a hub brought: a hub that names none, not even itself, stands there under its system's id.
    """
    if submission.caller.hub is None:
        return ()
    written = [hop.organ_id for hop in message.trace] if isinstance(message, Document) else []
    ids = ("_".join(organ_id.split()) for organ_id in (*written, *submission.trace))
    return tuple(dict.fromkeys(organ_id for organ_id in ids if organ_id)) or (submission.caller.system,)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """Stages 2 to 5 passed: what the message says, and how far it is proved."""

    message: Document | StatusMessage
    report: Report
    warnings: Sequence[Flaw]


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorised:
    """Stage 6 passed: who sends it, to whom, each agency once."""

    sender: Agency
    recipients: Sequence[Agency]
    weighed: Weighed  #: by the sender's policy of signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDocument:
    """A document ready for stage 7: everything is decided but whether it is the first of its kind."""

    acceptance: Acceptance
    caller: Caller
    warnings: Sequence[Flaw]
    recipients: Sequence[str] = ()  #: codes as written
    reason: str = ""  #: ``BussinessDocReason``: why it revokes, updates or replaces an earlier one


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedStatus:
    """A status message ready for stage 7 (``receipts``)."""

    acceptance: Acceptance
    caller: Caller
    message: StatusMessage
    reporter: Agency
    addressee: Agency
    warnings: Sequence[Flaw]


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRejection:
    """A refusal that is told to its sender, unless the same submission had been accepted before."""

    rejected: Rejected
    identity: str  #: of the submission
    seal: Callable[[], Entry] | None  #: makes the acknowledgement; None: come again, which is no rejection


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedRepetition:
    """The same submission had been accepted before: its first answer holds, whatever has changed since."""

    accepted: AcceptedEnvelope


Prepared = PreparedDocument | PreparedStatus | PreparedRejection | PreparedRepetition


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """What ``validate`` tells: everything an acceptance would, without entering anything."""

    readable: Readable | None
    flaws: Sequence[Flaw]  #: empty: it would be accepted
