"""Stage 6: may this caller send this message, signed by this certificate, to these agencies?

Every refusal at once: a sender learns of all unknown addressees in one answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from envelopes.model import Message, StatusMessage, TrunkCode
from trunk.application.submission import Authorised, Readable
from trunk.domain.agency import Agency, Caller, Directory
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import Policies, Weighed, is_temporary
from trunk.domain.weighing import findings_of_header, weigh

log = structlog.get_logger()

_HEADER: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader"
_FROM: Final = f"{_HEADER}/edXML:MessageHeader/edXML:From/edXML:OrganId"
_STATUS_CODE: Final = f"{_HEADER}/edXML:MessageHeader/edXML:StatusCode"


@dataclass(frozen=True, slots=True)
class Authority:
    """The rules of addressing and mandate, and the sender's policy of signatures."""

    policies: Policies = field(default_factory=Policies)
    _warned: set[tuple[str, str]] = field(default_factory=set, init=False, compare=False)

    def decide(
        self, caller: Caller, readable: Readable, directory: Directory, *, at: datetime
    ) -> tuple[Authorised | None, tuple[Flaw, ...]]:
        """Sender and recipients as the directory knows them, or every reason why not: the temporary ones last."""
        message, report = readable.message, readable.report
        sender = directory.find(message.sender.organ_id)
        if sender is None:
            unknown = Flaw(code=Code.SENDER_UNKNOWN, path=_FROM, got=message.sender.organ_id)
            return None, (*findings_of_header(report), unknown)
        recipients, flaws = _addressees(message, directory)
        weighed = self._weigh(readable, sender, at)
        flaws = [*_sender_flaws(caller, sender), *weighed.flaws, *flaws]
        if flaws:
            return None, tuple(sorted(flaws, key=lambda flaw: is_temporary(flaw.code)))
        return Authorised(sender=sender, recipients=recipients, weighed=weighed), ()

    def _weigh(self, readable: Readable, sender: Agency, at: datetime) -> Weighed:
        policy = self.policies.named(sender.signature_policy)
        if isinstance(readable.message, StatusMessage):
            policy = policy.of_statuses()
        weighed = weigh(policy, readable.report, sender, at=at)
        if policy.name == sender.signature_policy:
            return weighed
        self._warn(sender)
        return replace(weighed, named=sender.signature_policy)

    def _warn(self, sender: Agency) -> None:
        """Once in the life of a process: the check of the settings says it too."""
        if (said := (sender.code, sender.signature_policy)) not in self._warned:
            self._warned.add(said)
            log.warning("signature_policy_unknown", agency=sender.code, named=sender.signature_policy)


def _sender_flaws(caller: Caller, sender: Agency) -> list[Flaw]:
    if not caller.speaks_for(sender.code):
        return [Flaw(code=Code.SENDER_NOT_CALLER, path=_FROM, got=sender.code)]
    return [] if sender.active else [Flaw(code=Code.SENDER_INACTIVE, path=_FROM, got=sender.code)]


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
