"""A rehearsal: what an acceptance would say, without entering anything. Nothing is sent, nobody is told."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from pydantic import Field

from envelopes.model import Document
from trunk.application.submission import Examined, Readable, Submission
from trunk.http.description import Operation, Reply, Route
from trunk.http.doors import Call
from trunk.http.problems import Fault
from trunk.http.submitting import ADMISSION_REFUSALS, ENVELOPE_BODY, examine, submission
from trunk.http.wire import Digest, Shape, answer


class Understood(Shape):
    """What the message says, as far as it could be read."""

    kind: str = Field(examples=["document"])
    document_id: str
    document_code: str
    sender: str
    recipients: list[str]
    attachments: int
    signature: dict[str, Any] = Field(
        description="every verdict: signature in the header, signatures inside attachments"
    )

    @classmethod
    def of(cls, readable: Readable) -> Understood:
        message = readable.message
        whole = isinstance(message, Document)
        spoken_of = message if isinstance(message, Document) else message.response_for
        return cls(
            kind="document" if whole else "status",
            document_id=spoken_of.document_id,
            document_code=str(spoken_of.code),
            sender=message.sender.organ_id,
            recipients=[to.organ_id for to in message.recipients]
            if isinstance(message, Document)
            else [message.response_for.organ_id],
            attachments=len(message.attachments) if isinstance(message, Document) else 0,
            signature=readable.report.as_data(),
        )


class Rehearsal(Shape):
    """The outcome of a rehearsal."""

    acceptable: bool = Field(description="whether the trunk would accept it now, from this caller")
    sha256: Digest
    size: int
    faults: list[Fault] = Field(description="everything that would refuse it")
    warnings: list[Fault] = Field(description="what would not refuse it, and should be mended")
    message: Understood | None = Field(description="null where it cannot be read")

    @classmethod
    def of(cls, submitted: Submission, examined: Examined) -> Rehearsal:
        readable = examined.readable
        return cls(
            acceptable=not examined.flaws,
            sha256=submitted.sha256,
            size=submitted.size,
            faults=[Fault.of(flaw) for flaw in examined.flaws],
            warnings=[Fault.of(flaw) for flaw in readable.warnings] if readable else [],
            message=Understood.of(readable) if readable else None,
        )


async def validate(call: Call) -> web.StreamResponse:
    """Examine an envelope and let it go."""
    async with submission(call) as submitted:
        examined = await examine(call, submitted, call.doors.intake.rehearse)
    return answer(Rehearsal.of(submitted, examined))


ROUTES: Final = (
    Route(
        method="POST",
        path="/api/v1/validate",
        handle=validate,
        operation=Operation(
            id="validateEnvelope",
            tag="Sending",
            summary="Check an envelope without sending it",
            summary_vi="Kiểm tra gói tin, không gửi",
            about="Everything that an acceptance checks (form, signature, sender, addressees), all faults at once.",
            body=ENVELOPE_BODY,
            replies=(Reply(status=200, about="What an acceptance would say", shape=Rehearsal),),
            refusals=ADMISSION_REFUSALS,
        ),
    ),
)
