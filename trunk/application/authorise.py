"""Stage 6: may this caller send this message, signed by this certificate, to these agencies?

Every refusal at once: a sender learns of all unknown addressees in one answer.

Another hub that calls brings others' mail (docs/adr/0015-hubs.md): the one above us, that of agencies that are beyond
it; one below us, that of its own. What it delivers itself is its business, and nothing comes in that was here before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

import structlog

from envelopes.model import Message, StatusMessage, TrunkCode
from trunk.application.submission import Authorised, Readable, Submission, trace_of
from trunk.domain.agency import Agency, Caller, Directory, HubSide
from trunk.domain.outcome import Flaw
from trunk.domain.rejection import Code
from trunk.domain.signature_policy import Policies, Weighed, is_temporary
from trunk.domain.weighing import findings_of_header, weigh

log = structlog.get_logger()

_HEADER: Final = "/edXML/edXML:edXMLEnvelope/edXML:edXMLHeader"
_FROM: Final = f"{_HEADER}/edXML:MessageHeader/edXML:From/edXML:OrganId"
_STATUS_CODE: Final = f"{_HEADER}/edXML:MessageHeader/edXML:StatusCode"
_TO: Final = f"{_HEADER}/edXML:MessageHeader/edXML:To"
_TRACE: Final = f"{_HEADER}/edXML:TraceHeaderList"


@dataclass(frozen=True, slots=True)
class Authority:
    """The rules of addressing and mandate, and the sender's policy of signatures."""

    policies: Policies = field(default_factory=Policies)
    trunk_id: str = ""  #: what this trunk is called in traces
    _warned: set[tuple[str, str]] = field(default_factory=set, init=False, compare=False)

    def decide(
        self, submission: Submission, readable: Readable, directory: Directory, *, at: datetime
    ) -> tuple[Authorised | None, tuple[Flaw, ...]]:
        """Sender and recipients as the directory knows them, or every reason why not: the temporary ones last."""
        message, report, caller = readable.message, readable.report, submission.caller
        loop = self._loop(submission, readable)
        sender = directory.find(message.sender.organ_id)
        if sender is None:
            unknown = Flaw(code=Code.SENDER_UNKNOWN, path=_FROM, got=message.sender.organ_id)
            return None, (*findings_of_header(report), unknown, *loop)
        recipients, flaws = _addressees(submission, message, directory)
        weighed = self._weigh(readable, sender, at, over_hub=caller.hub is not None)
        may_send = _may_send(caller, sender, message.sender.organ_id, directory)
        flaws = [*_sender_flaws(sender, may_send=may_send), *weighed.flaws, *loop, *flaws]
        if flaws:
            return None, tuple(sorted(flaws, key=lambda flaw: is_temporary(flaw.code)))
        return Authorised(sender=sender, recipients=recipients, weighed=weighed), ()

    def _loop(self, submission: Submission, readable: Readable) -> list[Flaw]:
        """Whether it was here before. An agency's own system may send anew what has been around: that is no loop."""
        if not self.trunk_id or self.trunk_id not in trace_of(submission, readable.message):
            return []
        return [Flaw(code=Code.LOOP, path=_TRACE, got=self.trunk_id)]

    def _weigh(self, readable: Readable, sender: Agency, at: datetime, *, over_hub: bool) -> Weighed:
        policy = self.policies.named(sender.signature_policy)
        if isinstance(readable.message, StatusMessage):
            policy = policy.of_statuses()
        weighed = weigh(policy, readable.report, sender, at=at, over_hub=over_hub)
        if policy.name == sender.signature_policy:
            return weighed
        self._warn(sender)
        return replace(weighed, named=sender.signature_policy)

    def _warn(self, sender: Agency) -> None:
        """Once in the life of a process: the check of the settings says it too."""
        if (said := (sender.code, sender.signature_policy)) not in self._warned:
            self._warned.add(said)
            log.warning("signature_policy_unknown", agency=sender.code, named=sender.signature_policy)


def _sender_flaws(sender: Agency, *, may_send: bool) -> list[Flaw]:
    if not may_send:
        return [Flaw(code=Code.SENDER_NOT_CALLER, path=_FROM, got=sender.code)]
    return [] if sender.active else [Flaw(code=Code.SENDER_INACTIVE, path=_FROM, got=sender.code)]


def _may_send(caller: Caller, sender: Agency, organ_id: str, directory: Directory) -> bool:
    """The hub above us speaks for whoever is beyond it, and for nobody of ours."""
    return sender.beyond if caller.hub is HubSide.ABOVE else directory.may_write_as(caller, organ_id)


def _addressees(submission: Submission, message: Message, directory: Directory) -> tuple[Sequence[Agency], list[Flaw]]:
    """Each agency once, also where the message names it under its old and its new code."""
    found: dict[str, Agency] = {}
    flaws: list[Flaw] = []
    for path, organ_id in _concerned(submission, _named(message), directory):
        agency = directory.find(organ_id)
        if agency is None:
            flaws.append(Flaw(code=Code.ADDRESSEE_UNKNOWN, path=path, got=organ_id))
        elif not agency.active:
            flaws.append(Flaw(code=Code.ADDRESSEE_INACTIVE, path=path, got=organ_id))
        else:
            found[agency.code] = agency
    if not found and not flaws:
        got = ", ".join(submission.only_to or (organ_id for _, organ_id in _named(message)))
        flaws.append(Flaw(code=Code.ADDRESSEE_UNKNOWN, path=_TO, expected="an agency that is reached here", got=got))
    return tuple(found.values()), [*_status_flaws(message), *flaws]


def _named(message: Message) -> list[tuple[str, str]]:
    """Whom the message names, each with its place."""
    if isinstance(message, StatusMessage):
        return [(f"{_HEADER}/edXML:MessageHeader/edXML:ResponseFor/edXML:OrganId", message.response_for.organ_id)]
    return [(f"{_TO}[{n}]/edXML:OrganId", to.organ_id) for n, to in enumerate(message.recipients, start=1)]


def _concerned(submission: Submission, named: Sequence[tuple[str, str]], directory: Directory) -> list[tuple[str, str]]:
    """Those whom the caller asks us to deliver to. A hub may ask for some only, and delivers to its own by itself."""
    caller = submission.caller
    if caller.hub is None:
        return list(named)
    asked = {_code(organ_id, directory) for organ_id in submission.only_to}
    return [
        (path, organ_id)
        for path, organ_id in named
        if (not asked or _code(organ_id, directory) in asked) and not _left_to(caller, directory.find(organ_id))
    ]


def _left_to(hub: Caller, agency: Agency | None) -> bool:
    """Whether the hub that calls delivers there itself: the one above, wherever we do not."""
    if hub.hub is HubSide.ABOVE:
        return agency is None or agency.beyond
    return agency is not None and hub.speaks_for(agency.code)


def _code(organ_id: str, directory: Directory) -> str:
    agency = directory.find(organ_id)
    return organ_id if agency is None else agency.code


def _status_flaws(message: Message) -> list[Flaw]:
    """The trunk's own codes are the trunk's: an agency that sends one is forging an acknowledgement."""
    if isinstance(message, StatusMessage) and (message.evidence or message.code in set(TrunkCode)):
        expected = "01-06, 13, 15, 16"
        return [Flaw(code=Code.BAD_VALUE, path=_STATUS_CODE, expected=expected, got=message.code)]
    return []
