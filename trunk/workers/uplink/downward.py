"""The step that brings mail down and word both ways.

A list of the hub's is limited. Mail of ours stands on it until "done", unless the hub takes "processing" for our
responsibility (ours do). So that mail of yesterday that no agency has fetched does not hide mail of today, days are
asked for one by one where a list shows nothing new: today, yesterday, and one further day at each look.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import structlog

from trunk.application.submission import Submission
from trunk.application.uplink import FAIL, Outward
from trunk.application.uplink_mail import Due, Inward, is_stranger, is_temporary, reason_of
from trunk.domain.delivery import DeliveryState
from trunk.domain.hub_link import HubLink, LinkState
from trunk.domain.outcome import Accepted, Rejected
from trunk.errors import CorruptPayloadError, LedgerUnavailableError, OverloadedError
from trunk.workers.loops import Went
from trunk.workers.uplink.client import Client, Fate, Item, Messages, Refused, Word
from trunk.workers.uplink.exchange import HubFaultError
from trunk.workers.uplink.lease import Lease
from trunk.workers.uplink.standing import Standing
from trunk.workers.uplink.taking import Basin

log = structlog.get_logger()

_HANOI: Final = ZoneInfo("Asia/Ho_Chi_Minh")
_AT_ONCE: Final = 50  # taken in one step, so that word both ways is not kept waiting
_DAYS_BACK: Final = 30
_REMINDED_EVERY: Final = timedelta(minutes=2)
_STRANGERS_TRIED: Final = 5
_SUSPECTED: Final = 5  # times that a file whose end nobody marked is fetched again before it counts as broken
_AWAY_AFTER: Final = 2
_WORDS: Final = {LinkState.OPEN: Word.PROCESSING, LinkState.CLOSED: Word.DONE, LinkState.REFUSED: Word.FAIL}


class _HubIsAwayError(Exception):
    """It has failed several messages in a row: it is not the messages."""


class Intake(Protocol):
    """Takes a submission in, with what its verdict lacks fetched first."""

    def __call__(self, submission: Submission, /) -> Accepted | Rejected: ...


class AddressBook(Protocol):
    """Who is beyond the hub."""

    def read_if_due(self) -> None: ...
    def want(self) -> None:
        """It is to be read at the next chance."""
        ...


@dataclass(slots=True, kw_only=True)
class Downward:
    """What the loop ``uplink-down`` does."""

    inward: Inward
    outward: Outward
    client: Client
    standing: Standing
    lease: Lease
    basin: Basin
    intake: Intake
    address_book: AddressBook
    when_taken: bool  #: the hub is told "done" when we have its mail; else when our agency has
    now: Callable[[], datetime]
    wake_relay: Callable[[], None]
    _days: Iterator[int] = field(default_factory=lambda: iter(()), init=False)
    _parts: deque[Callable[[], bool]] = field(default_factory=deque, init=False)  #: of a step, in the order of today
    _in_a_row: int = field(default=0, init=False)  #: faults of the hub as a whole, in this step

    def __post_init__(self) -> None:
        taking = [partial(self._take, kind) for kind in Messages]
        self._parts.extend((self._read_address_book, self._tell, *taking, self._ask))

    def step(self) -> Went:
        """Tell, take, ask. Raises ``LedgerUnavailableError``.

        A hub that cannot do one of these is not asked for the others as well, at this moment; but what failed comes
        last the next time, so that one broken operation does not stand in the way of the rest.
        """
        if not self.lease.held:
            return Went.IDLE
        if not self.standing.open:
            return Went.HELD_UP
        self._in_a_row = 0
        took, away = self._round()
        if took:
            self.wake_relay()
        return Went.HELD_UP if away else Went.WORKED if took else Went.IDLE

    def _round(self) -> tuple[bool, bool]:
        """Whether anything was taken, and whether the hub failed."""
        took = False
        for part in tuple(self._parts):
            try:
                took = part() or took
            except (_HubIsAwayError, HubFaultError) as fault:
                if isinstance(fault, HubFaultError):
                    self.standing.failed(fault)
                self._parts.remove(part)
                self._parts.append(part)
                return took, True
        return took, False

    def _read_address_book(self) -> bool:
        self.address_book.read_if_due()
        return False

    def _tell(self) -> bool:
        """What became of its mail."""
        for due in self.inward.due():
            if not self._tried(due.link.remote_id, partial(self._tell_one, due)):
                self.inward.reminded([due.link])  # others come first the next time
        return False

    def _tell_one(self, due: Due) -> None:
        refused = self.client.say(due.link.remote_id, Word.DONE if due.done else Word.FAIL, due.reason)
        self.standing.answered("told")
        self.inward.told(due.link, reason=refused.number if refused else due.reason)

    def _ask(self) -> bool:
        """What became of ours."""
        for remote_id in self.outward.to_ask():
            if not self._tried(f"sent {remote_id}", partial(self._ask_one, remote_id)):
                self.outward.asked(remote_id)
        return False

    def _ask_one(self, remote_id: str) -> None:
        fates: list[Fate] = []
        try:
            fates = self.client.fates(remote_id)
        except HubFaultError as fault:
            if fault.whole:
                raise
            self.standing.failed(fault)  # it does not know the id; our own lifetime will end
        else:
            self.standing.answered("asked")
        self.outward.answered(remote_id, {one.to: (_state_of(one), one.words) for one in fates})

    def _tried(self, about: str, act: Callable[[], object]) -> bool:
        """One message's turn. What the hub cannot do with it must not hold up the others.

        Raises ``_HubIsAwayError`` when the hub as a whole has failed several messages one after the other.
        """
        if not self.standing.may(about):
            return False
        try:
            act()
        except HubFaultError as fault:
            self.standing.failed(fault, about=about)
            self._in_a_row += fault.whole
            if self._in_a_row >= _AWAY_AFTER:
                raise _HubIsAwayError from fault
            return False
        self._in_a_row = 0
        self.standing.settled(about)
        return True

    def _take(self, kind: Messages) -> bool:
        """Whether anything was new."""
        items = self.client.waiting(kind)
        self.standing.answered("listed")
        fresh = self._fresh(items)
        if items and not fresh:
            for day in self._other_days():
                fresh += self._fresh(self.client.waiting(kind, day=day))
        return sum(self._take_one(item, kind) for item in fresh[:_AT_ONCE]) > 0  # all have their turn

    def _fresh(self, items: Sequence[Item]) -> list[Item]:
        """Those that we have not met; of the others the hub is reminded now and then."""
        known = self.inward.known([item.doc_id for item in items])
        self._remind(list(known.values()))
        return [item for item in items if item.doc_id not in known and self.standing.may(item.doc_id)]

    def _remind(self, links: Sequence[HubLink]) -> None:
        """Its list still shows them: what we said of them may have been lost."""
        now = self.now()
        fresh = [one for one in links if one.checked_at and now - _REMINDED_EVERY <= one.checked_at <= now]
        for link in [one for one in links if one not in fresh][:_AT_ONCE]:
            self._tried(link.remote_id, partial(self.client.say, link.remote_id, _WORDS[link.state], link.reason))
            self.inward.reminded([link])

    def _other_days(self) -> list[datetime]:
        today = self.now().astimezone(_HANOI)
        further = next(self._days, None)
        if further is None:
            self._days = iter(range(2, _DAYS_BACK))
            further = next(self._days)
        return [today - timedelta(days=back) for back in (0, 1, further)]

    def _take_one(self, item: Item, kind: Messages) -> bool:
        try:
            return self._fetch(item, kind)
        except HubFaultError as fault:
            self.standing.failed(fault, about=item.doc_id)
            if fault.whole:
                raise
        except LedgerUnavailableError:
            raise
        except (OverloadedError, CorruptPayloadError):
            self.standing.put_off(item.doc_id)
        except Exception:  # one message's fault, whatever it is: the others have their turn
            log.exception("uplink_message_failed", remote=item.doc_id)
            self.standing.put_off(item.doc_id)
        return False

    def _fetch(self, item: Item, kind: Messages) -> bool:
        with self.basin.place() as path:
            got = self.client.download(item.doc_id, path)
            self.standing.answered("downloaded")
            if isinstance(got, Refused):
                self._refuse(item, f"{got.number} {got.words}")
                return False
            asked = kind is Messages.DOCUMENTS and item.to and self.inward.is_ours(item.to)
            only_to = (item.to,) if asked else ()
            submission = self.basin.submission(path, self.inward.caller, only_to=only_to, trace=item.trace)
            outcome = self.intake(submission)
        if isinstance(outcome, Accepted):
            self._took(item, outcome)
            return True
        self._rejected(item, outcome, framed=got.framed)
        return False

    def _took(self, item: Item, outcome: Accepted) -> None:
        link = self.inward.took(item.doc_id, item.to, outcome)
        self.standing.settled(item.doc_id)
        log.info("uplink_took", envelope=link.envelope_id, remote=item.doc_id, repeated=outcome.repeated)
        if self.when_taken or link.delivery_id is None:
            self._tell_one(Due(link=link, done=True))
            return
        self.client.say(item.doc_id, Word.PROCESSING)
        self.standing.answered("told")

    def _rejected(self, item: Item, rejected: Rejected, *, framed: bool) -> None:
        tries = self.standing.failures(item.doc_id)
        stranger = is_stranger(rejected) and tries < _STRANGERS_TRIED
        if stranger:
            self.address_book.want()
        suspect = not framed and tries < _SUSPECTED and any(f.code.startswith("ENV-0") for f in rejected.flaws)
        if stranger or suspect or is_temporary(rejected):
            self.standing.put_off(item.doc_id)
            log.info("uplink_put_off", remote=item.doc_id, codes=reason_of(rejected))
            return
        self._refuse(item, reason_of(rejected))

    def _refuse(self, item: Item, reason: str) -> None:
        log.warning("uplink_mail_refused", remote=item.doc_id, reason=reason[:80])
        ours = self.inward.refused(item.doc_id, reason[:200])
        self.standing.settled(item.doc_id)
        if ours:
            self.client.say(item.doc_id, Word.FAIL, reason)


def _state_of(fate: Fate) -> str:
    """The state of a delivery that it amounts to; "fail", where the hub has no better word."""
    return fate.state or {"done": DeliveryState.DELIVERED.value, "fail": FAIL}.get(fate.status, "")
