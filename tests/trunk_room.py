"""A whole trunk in the test's own process, in a clock that the test moves; HTTP left out, everything else real."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from scripts.province import FIRST, SECOND, SENDER, Province
from trunk.application.handover import Confirmed, Content, Taken
from trunk.application.submission import Submission
from trunk.bootstrap import Service, open_service
from trunk.domain.agency import Caller, SystemId
from trunk.domain.delivery import AgencyCode
from trunk.domain.outcome import Accepted, Rejected
from trunk.domain.rejection import Code
from trunk.domain.tracking import InboxItem, InboxPage

__all__ = ["FIRST", "SECOND", "SENDER", "Room", "open_room"]


class MovedClock:
    """Stands still until it is moved."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, time: timedelta) -> None:
        self.at += time


@dataclass(frozen=True)
class Room:
    """What a story needs, in its own words."""

    province: Province
    service: Service
    clock: MovedClock

    def submit(self, octets: bytes, *, by: str = SENDER, key: str | None = None) -> Accepted | Rejected:
        submission = Submission(
            caller=self.caller(by),
            octets=octets,
            size=len(octets),
            sha256=hashlib.sha256(octets).hexdigest(),
            idempotency_key=key,
        )
        return self.service.intake.submit(submission)

    def caller(self, agency: str) -> Caller:
        """The agency's system, with what became it."""
        own = caller(agency)
        return replace(own, agencies=self.service.registry.directory().spoken_for(own.agencies))

    def accepted(self, octets: bytes, *, by: str = SENDER) -> Accepted:
        outcome = self.submit(octets, by=by)
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def refusal(self, octets: bytes, *, by: str = SENDER) -> list[tuple[Code, str]]:
        """Codes and what was got, of a submission that must be refused."""
        outcome = self.submit(octets, by=by)
        assert isinstance(outcome, Rejected), outcome
        return [(flaw.code, flaw.got) for flaw in outcome.flaws]

    def inbox(self, agency: str) -> Sequence[InboxItem]:
        page = self.service.handover.inbox(caller(agency))
        assert isinstance(page, InboxPage)
        return page.items

    def facts(self, agency: str = SENDER) -> list[str]:
        """What the trunk and other agencies have told ``agency``: acknowledgements by kind, statuses by code."""
        return sorted(
            item.envelope.acknowledges or item.envelope.status_code
            for item in self.inbox(agency)
            if item.envelope.kind != "document"
        )

    def take(self, agency: str) -> list[bytes]:
        """Fetch and confirm everything that waits for ``agency``."""
        taken = []
        for item in self.inbox(agency):
            content = self.service.handover.fetch(caller(agency), item.delivery.id)
            assert isinstance(content, Content)
            octets = content.octets if isinstance(content.octets, bytes) else content.octets.read_bytes()
            word = Taken(hashlib.sha256(octets).hexdigest())
            assert isinstance(self.service.handover.confirm(caller(agency), item.delivery.id, word), Confirmed)
            taken.append(octets)
        return taken


def caller(agency: str) -> Caller:
    return Caller(system=SystemId(f"{agency.lower()}-qlvb"), agencies=frozenset({AgencyCode(agency)}))


@contextmanager
def open_room(province: Province) -> Iterator[Room]:
    clock = MovedClock(datetime.now(UTC))  # noqa: TID251  certificates are of today
    settings = province.settings()
    here = settings.examination.model_copy(update={"processes": 0})  # the processes have tests of their own
    with open_service(settings.model_copy(update={"examination": here}), now=clock) as service:
        yield Room(province, service, clock)
