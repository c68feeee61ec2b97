"""Push: what is to be posted to agencies' own endpoints, and what becomes of it.

The posting itself is the workers' (``trunk.workers.push``). Everything that decides is the hand-over that pulling
agencies use: nothing leaves that a recall holds, and only a digest that is right makes a delivery ``delivered``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from trunk.application.handover import Confirmed, Content, Failed, Handover, Offered, Taken
from trunk.domain.agency import Agency, Caller, DeliveryMode, Directory, SystemId
from trunk.domain.delivery import WAITING, AgencyCode, Delivery, DeliveryId, DeliveryState
from trunk.domain.outcome import Rejected
from trunk.domain.priority import SHARE
from trunk.domain.push_reply import Verdict
from trunk.storage.ledger import Ledger

ACTOR: Final = SystemId("push")
"""Who fetched and confirmed, in the journal."""

_OFFERED: Final = WAITING - {DeliveryState.DEFERRED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How pushing to one agency goes, in this process."""

    agency: AgencyCode
    outcomes: Mapping[str, int]  #: attempts by what came of them
    proven: bool  #: whether mail may go to its endpoint
    left_alone: bool = False
    failing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushing:
    """The use cases of the courier."""

    ledger: Ledger
    handover: Handover
    directory: Callable[[], Directory]
    slowly: timedelta  #: how long a failure waits that will come again until somebody mends something

    def recipients(self) -> Sequence[Agency]:
        """Agencies in mode ``push`` that are not closed, whether or not their endpoint is open."""
        return [one for one in self.directory().agencies if one.mode is DeliveryMode.PUSH and one.active]

    def with_mail(self, codes: Collection[AgencyCode]) -> Collection[AgencyCode]:
        """Those for whom something waits, maybe for later."""
        return self.handover.newest(codes)

    def next(self, agency: AgencyCode, *, places: int, without: Collection[DeliveryId], turn: int) -> list[DeliveryId]:
        """What to post now: the most urgent; and in every fifth turn the oldest, whatever its urgency."""
        with self.ledger.read() as view:
            offered = view.offered(agency, each=places, without=without)
        chosen: list[DeliveryId] = []
        for number in range(turn, turn + min(places, len(offered))):
            oldest = number % SHARE == SHARE - 1
            choice = min(offered, key=_place) if oldest else offered[0]
            offered.remove(choice)
            chosen.append(choice[0].id)
        return chosen

    def take(self, agency: AgencyCode, delivery_id: DeliveryId) -> Content | None:
        """The octets for posting; it counts as fetched from now on. None: it is not to be sent any more.

        Raises ``CorruptPayloadError``, ``LedgerUnavailableError``.
        """
        content = self.handover.fetch(_caller(agency), delivery_id)
        if isinstance(content, Rejected) or content.delivery.state not in _OFFERED:
            return None
        return content

    def settle(self, content: Content, verdict: Verdict) -> Confirmed | Rejected:
        """Write down what the recipient said. Raises ``LedgerUnavailableError``."""
        seen = Offered(envelope=content.envelope, delivery=content.delivery)
        caller = _caller(seen.delivery.addressee)
        if verdict.confirmed:
            return self.handover.confirm_seen(caller, seen, Taken(content.envelope.sha256))
        wait = max(verdict.again_after, self.slowly if verdict.lasting else timedelta())
        return self.handover.confirm_seen(caller, seen, Failed(f"push: {verdict.code}", again_after=wait))


def _caller(agency: AgencyCode) -> Caller:
    return Caller(system=ACTOR, agencies=frozenset({agency}))


def _place(offered: tuple[Delivery, int]) -> int:
    return offered[1]
