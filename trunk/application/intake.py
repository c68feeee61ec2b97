"""Acceptance: the seven stages between an agency's octets and the trunk's promise.

1. admit      the HTTP door: authenticated, counted, digested (``Submission``)
2. parse      ``envelopes.skeleton``: malformed, DTD, too deep, too many
3. validate   ``envelopes.schema``: every violation at once
4. verify     ``signing``: forged, not covered, weak, untrusted; inside attachments too
5. read       ``envelopes.reader``: contradictions a schema cannot see (2 to 5: ``signing.examiner``)
6. authorise  ``trunk.application.authorise``: caller, mandate, addressees
7. enter      the ledger: all or nothing; the same again gets the first answer

``look`` is stages 2 to 5, done by examiners who may be ended; ``decide`` is stage 6; ``enter`` is stage 7 and answers
after the commit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from envelopes.errors import Fault
from envelopes.model import Document, StatusMessage
from trunk.application.authorise import Authority
from trunk.application.brought import not_yet_had
from trunk.application.enter import Entrance
from trunk.application.examiners import Examiners, Found, TooCostly
from trunk.application.prepare import Preparer
from trunk.application.submission import (
    Authorised,
    Examined,
    Prepared,
    PreparedDocument,
    PreparedRejection,
    PreparedRepetition,
    PreparedStatus,
    Readable,
    Submission,
)
from trunk.domain.agency import Directory
from trunk.domain.outcome import Accepted, Flaw, Rejected, refuse
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import is_temporary
from trunk.domain.weighing import findings_of_header
from trunk.failpoints import reach
from trunk.storage.ledger import Ledger
from trunk.storage.payloads import PayloadStore

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Takes submissions in. Synchronous and thread-safe."""

    directory: Callable[[], Directory]
    examiners: Examiners
    authority: Authority
    preparer: Preparer
    ledger: Ledger
    payloads: PayloadStore
    entrance: Entrance
    now: Clock

    def submit(self, submission: Submission) -> Accepted | Rejected:
        """All stages, blocking until the commit."""
        prepared = self.examine(submission)
        return prepared if isinstance(prepared, Rejected) else self.enter(prepared).result()

    def examine(self, submission: Submission) -> Prepared | Rejected:
        """Stages 2 to 6, blocking. Raises only faults of the house."""
        at = self.now()
        return self.decide(submission, self.look(submission, at).result(), at)

    def look(self, submission: Submission, at: datetime) -> Future[Found]:
        """Stages 2 to 5: what it says and how far it is proved. Raises ``OverloadedError`` when the line is full."""
        reach("intake.spooled")
        return self.examiners.examine(submission.octets, size=submission.size, at=at, caller=submission.caller.system)

    def decide(self, submission: Submission, found: Found, at: datetime) -> Prepared | Rejected:
        """Stage 6, and the stored octets of a large envelope. Raises only faults of the house."""
        readable = _understood(found)
        if isinstance(readable, Rejected):
            return readable
        authorised, flaws = self.authority.decide(submission, readable, self.directory(), at=at)
        if flaws or authorised is None:
            return self._reject(submission, readable, flaws, at)
        reach("intake.verified")
        prepared = self._prepare(submission, readable, authorised, at)
        if isinstance(prepared, PreparedRepetition):
            return prepared
        if not isinstance(submission.octets, bytes):
            self.payloads.place(submission.octets, submission.sha256, submission.size)
        reach("intake.payload_stored")
        return prepared

    def enter(self, prepared: Prepared) -> Future[Accepted | Rejected]:
        """Stage 7: resolved after the commit. Raises ``OverloadedError`` at once when the line is full."""
        return self.entrance.enter(prepared)

    def rehearse(self, submission: Submission, found: Found, at: datetime) -> Examined:
        """Stage 6 without consequences: what an acceptance would say."""
        readable = _understood(found)
        if isinstance(readable, Rejected):
            return Examined(readable=None, flaws=readable.flaws)
        _, flaws = self.authority.decide(submission, readable, self.directory(), at=at)
        return Examined(readable=readable, flaws=flaws)

    def _prepare(self, submission: Submission, readable: Readable, authorised: Authorised, at: datetime) -> Prepared:
        match readable.message:
            case Document() as document:
                lacking = self._lacking(submission, document, authorised)
                if isinstance(lacking, PreparedRepetition):
                    return lacking
                acceptance = self.preparer.document(submission, document, readable.report, lacking, at=at)
                return PreparedDocument(
                    acceptance=acceptance,
                    caller=submission.caller,
                    warnings=readable.warnings,
                    recipients=[to.organ_id for to in document.recipients],
                    reason=document.business.reason,
                )
            case StatusMessage() as status:
                return PreparedStatus(
                    acceptance=self.preparer.status(submission, status, readable.report, authorised, at=at),
                    caller=submission.caller,
                    message=status,
                    reporter=authorised.sender,
                    addressee=authorised.recipients[0],
                    warnings=readable.warnings,
                )

    def _lacking(
        self, submission: Submission, document: Document, authorised: Authorised
    ) -> Authorised | PreparedRepetition:
        """Those who have not had it; an agency's own system says all of them at once, so stage 7 can tell."""
        if submission.caller.hub is None:
            return authorised
        with self.ledger.read() as view:
            return not_yet_had(view, submission, document, authorised)

    def _reject(
        self, submission: Submission, readable: Readable, flaws: Sequence[Flaw], at: datetime
    ) -> Rejected | PreparedRejection:
        """A refusal under seal, where the caller is the sender: nobody else is told about a forged name.

        What was accepted once stays accepted: an addressee that has closed since, or a signing time that has grown
        old, does not change the answer to the same submission.
        """
        rejected = Rejected(flaws=flaws)
        if {Code.SENDER_UNKNOWN, Code.SENDER_NOT_CALLER} & {flaw.code for flaw in flaws}:
            return rejected
        sender = self.directory().find(readable.message.sender.organ_id)
        if sender is None:
            return rejected
        identity = self.preparer.identity(submission, readable.message, sender)
        seal = partial(self.preparer.rejection, submission, readable.message, sender, rejected, at=at)
        come_again = all(is_temporary(flaw.code) for flaw in flaws)  # the sender's own system repeats it
        return PreparedRejection(rejected=rejected, identity=identity, seal=None if come_again else seal)


def _understood(found: Found) -> Readable | Rejected:
    if isinstance(found, TooCostly):
        return refuse(Code.TOO_COSTLY, expected=found.limit, got=found.cost)
    if found.message is None or found.report is None:
        broken = findings_of_header(found.report) if found.report is not None else ()
        return Rejected(flaws=(*_faults(found.faults), *broken))
    return Readable(message=found.message, report=found.report, warnings=_faults(found.warnings))


def _faults(faults: Sequence[Fault]) -> tuple[Flaw, ...]:
    return tuple(Flaw(code=Code(f.code), line=f.line, path=f.path, expected=f.expected, got=f.got) for f in faults)
