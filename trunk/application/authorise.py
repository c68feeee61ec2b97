"""Stage 6: may this caller send this message, signed by this certificate, to these agencies?

Every refusal at once: a sender learns of all unknown addressees in one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from envelopes.model import Document, Message, StatusMessage, TrunkCode
from signing.errors import SigningCode
from signing.verdict import Verdict
from trunk.application.submission import Authorised, Readable
from trunk.domain.agency import Agency, Caller, Directory, SignaturePolicy
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code

_HEADER: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader"
_FROM: Final = f"{_HEADER}/edXML:MessageHeader/edXML:From/edXML:OrganId"
_SIGNATURE: Final = f"{_HEADER}/ds:Signature"
_STATUS_CODE: Final = f"{_HEADER}/edXML:MessageHeader/edXML:StatusCode"


@dataclass(frozen=True, slots=True)
class Authority:
    """The rules of addressing and mandate; pure."""

    def decide(
        self, caller: Caller, readable: Readable, directory: Directory, *, at: datetime
    ) -> tuple[Authorised | None, tuple[Flaw, ...]]:
        """Sender and recipients as the directory knows them, or every reason why not."""
        message, verdict = readable.message, readable.report.envelope
        sender = directory.find(message.sender.organ_id)
        if sender is None:
            return None, (Flaw(code=Code.SENDER_UNKNOWN, path=_FROM, got=message.sender.organ_id),)
        recipients, flaws = _addressees(message, directory)
        flaws = [*_sender_flaws(caller, sender), *_signature_flaws(message, verdict, sender, at), *flaws]
        if flaws:
            return None, tuple(flaws)
        marked = isinstance(message, Document) and not verdict.signed
        return Authorised(sender=sender, recipients=recipients, marked=marked), ()


def _sender_flaws(caller: Caller, sender: Agency) -> list[Flaw]:
    if not caller.speaks_for(sender.code):
        return [Flaw(code=Code.SENDER_NOT_CALLER, path=_FROM, got=sender.code)]
    return [] if sender.active else [Flaw(code=Code.SENDER_INACTIVE, path=_FROM, got=sender.code)]


def _signature_flaws(message: Message, verdict: Verdict, sender: Agency, at: datetime) -> list[Flaw]:
    """Who signed, and whether somebody had to. A status counts by its system's word; a signature is still checked."""
    if verdict.signer is not None and verdict.document is not None:
        # at both times: when it was signed is the signer's own claim, and who was dismissed could claim the day before
        times = (verdict.signing_time, at)
        mandated = all(sender.may_be_signed_by(verdict.signer.fingerprint, at=time) for time in times)
        return (
            []
            if mandated
            else [Flaw(code=Code.SIGNER_WITHOUT_MANDATE, path=_SIGNATURE, got=verdict.signer.fingerprint)]
        )
    if verdict.signed or isinstance(message, StatusMessage):
        return []
    if sender.signature_policy is SignaturePolicy.DELIVER_MARKED:
        return []
    placeholder = any(f.code is SigningCode.PLACEHOLDER for f in verdict.findings)
    return [Flaw(code=Code.PLACEHOLDER if placeholder else Code.UNSIGNED, path=_SIGNATURE)]


def _addressees(message: Message, directory: Directory) -> tuple[Sequence[Agency], list[Flaw]]:
    """Each agency once, also where the message names it under its old and its new code."""
    if isinstance(message, StatusMessage):
        named = [(f"{_HEADER}/edXML:MessageHeader/edXML:ResponseFor/edXML:OrganId", message.response_for.organ_id)]
    else:
        named = [
            (f"{_HEADER}/edXML:MessageHeader/edXML:To[{n}]/edXML:OrganId", to.organ_id)
            for n, to in enumerate(message.recipients, start=1)
        ]
    found: dict[str, Agency] = {}
    flaws = _status_flaws(message)
    for path, organ_id in named:
        agency = directory.find(organ_id)
        if agency is None:
            flaws.append(Flaw(code=Code.ADDRESSEE_UNKNOWN, path=path, got=organ_id))
        elif not agency.active:
            flaws.append(Flaw(code=Code.ADDRESSEE_INACTIVE, path=path, got=organ_id))
        else:
            found[agency.code] = agency
    return tuple(found.values()), flaws


def _status_flaws(message: Message) -> list[Flaw]:
    """The trunk's own codes are the trunk's: an agency that sends one is forging an acknowledgement."""
    if isinstance(message, StatusMessage) and (message.evidence or message.code in set(TrunkCode)):
        expected = "01-06, 13, 15, 16"
        return [Flaw(code=Code.BAD_VALUE, path=_STATUS_CODE, expected=expected, got=message.code)]
    return []
