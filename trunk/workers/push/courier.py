"""The courier: looks who has mail, and has it carried by threads of its own, so that nobody waits for a slow recipient.

Law: a recipient has a bounded number of letters under way, and one probe only after failures; all recipients that
failed last share half of the places. So the other half is always there for those that answer.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import structlog

from trunk.application.handover import Content
from trunk.application.pushing import Figures, Pushing
from trunk.domain.agency import Agency
from trunk.domain.delivery import AgencyCode, DeliveryId
from trunk.domain.outcome import Rejected
from trunk.domain.push_reply import Verdict, judge
from trunk.errors import CorruptPayloadError, LedgerUnavailableError
from trunk.failpoints import reach
from trunk.workers.loops import Went
from trunk.workers.patience import Patience
from trunk.workers.push.letters import LetterWriter
from trunk.workers.push.shares import Shares
from trunk.workers.push.standings import Standings
from trunk.workers.push.wire import NotSentError, Wire

log = structlog.get_logger()

_LASTING: Final = frozenset({"not_allowed", "address_not_allowed", "no_ca_file", "tls"})
_STOPPING: Final = "stopping"
_MOST_PUT_OFF: Final = 500
_AHEAD: Final = 20
"""Letters to one recipient that are chosen with one look into the ledger."""
_FRESH: Final = timedelta(seconds=1)
"""So long a choice is good: what is more urgent and came later waits no longer than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the courier works with."""

    pushing: Pushing
    letters: LetterWriter
    wire: Wire
    standings: Standings
    shares: Shares
    now: Callable[[], datetime]
    chance: Callable[[], float]
    at_once: int


@dataclass(slots=True)
class _UnderWay:
    """Which letters are out, by recipient."""

    ids: dict[DeliveryId, AgencyCode] = field(default_factory=dict)
    suspects: set[DeliveryId] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, delivery: DeliveryId, agency: AgencyCode, *, suspect: bool) -> None:
        with self.lock:
            self.ids[delivery] = agency
            if suspect:
                self.suspects.add(delivery)

    def end(self, delivery: DeliveryId) -> None:
        with self.lock:
            self.ids.pop(delivery, None)
            self.suspects.discard(delivery)

    def look(self) -> tuple[dict[DeliveryId, AgencyCode], int]:
        with self.lock:
            return dict(self.ids), len(self.suspects)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    """Letters to one recipient, in the order in which they go out. Each is looked at again before it leaves."""

    at: datetime
    letters: deque[DeliveryId]

    def good(self, now: datetime) -> bool:
        return bool(self.letters) and timedelta() <= now - self.at < _FRESH


class Courier:
    """What the loop ``push`` does. ``wake`` is called when a place became free."""

    def __init__(self, means: Means) -> None:
        self._means = means
        self.wake: Callable[[], None] = lambda: None
        self._threads = ThreadPoolExecutor(means.at_once, thread_name_prefix="push")
        self._under_way = _UnderWay()
        self._turns: Counter[AgencyCode] = Counter()
        self._chosen: dict[AgencyCode, _Chosen] = {}
        self._unproven: set[AgencyCode] = set()
        self._put_off = Patience(forgiven=0, chance=means.chance, longest=timedelta(minutes=30))
        self._put_off_ids: dict[DeliveryId, None] = {}
        self._first = 0

    def step(self) -> Went:
        """Set some letters on their way. Raises ``LedgerUnavailableError``."""
        means = self._means
        recipients = means.pushing.recipients()
        self._tell_unproven(recipients)
        under_way, _ = self._under_way.look()
        for agency in set(under_way.values()):
            means.shares.hold(agency)  # for as long as the letter is out
        free = {one.code: one for one in recipients if one.endpoint.open and self._places(one.code) > 0}
        now = means.now()
        chosen = {code for code in free if code in self._chosen and self._chosen[code].good(now)}
        unknown = [code for code in free if code not in chosen]
        with_mail = sorted(chosen.union(means.pushing.with_mail(unknown) if unknown else ()))
        self._first = (self._first + 1) % max(len(with_mail), 1)
        started = [self._serve(free[code]) for code in with_mail[self._first :] + with_mail[: self._first]]
        return Went.WORKED if any(started) else Went.IDLE

    @property
    def at_work(self) -> int:
        """How many letters are under way."""
        return len(self._under_way.look()[0])

    def figures(self) -> Sequence[Figures]:
        """Raises ``LedgerUnavailableError``."""
        return self._means.standings.figures(self._means.pushing.recipients())

    def finish(self) -> None:
        """Cut off what is under way: it is repeated, with the same ids. Raises ``LedgerUnavailableError``."""
        self.close()
        self._means.shares.give_up()

    def close(self) -> None:
        """Nobody carries anything any more."""
        self._means.wire.close()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _serve(self, recipient: Agency) -> bool:
        agency, means = recipient.code, self._means
        places = self._places(agency)
        if places <= 0 or not means.shares.hold(agency):
            return False
        letters = self._choose(agency)
        started = [letters.popleft() for _ in range(min(places, len(letters)))]
        for delivery in started:
            self._turns[agency] += 1
            self._under_way.start(delivery, agency, suspect=means.standings.suspect(agency))
            self._threads.submit(self._carry, recipient, delivery)
        return bool(started)

    def _places(self, agency: AgencyCode) -> int:
        """How many letters may be started to it now."""
        means = self._means
        under_way, suspects = self._under_way.look()
        places = means.standings.room(agency) - sum(1 for one in under_way.values() if one == agency)
        places = min(places, means.at_once - len(under_way))
        return min(places, means.at_once // 2 - suspects) if means.standings.suspect(agency) else places

    def _choose(self, agency: AgencyCode) -> deque[DeliveryId]:
        now, chosen = self._means.now(), self._chosen.get(agency)
        if chosen is None or not chosen.good(now):
            under_way, _ = self._under_way.look()
            without = {*under_way, *self._left_out()}
            turn = self._turns[agency]
            letters = deque(self._means.pushing.next(agency, places=_AHEAD, without=without, turn=turn))
            chosen = self._chosen[agency] = _Chosen(at=now, letters=letters)
        return chosen.letters

    def _left_out(self) -> list[DeliveryId]:
        now = self._means.now()
        left = [one for one in self._put_off_ids if not self._put_off.has(one, now=now)]
        self._put_off_ids = dict.fromkeys(left[-_MOST_PUT_OFF:])
        return left

    def _carry(self, recipient: Agency, delivery: DeliveryId) -> None:
        try:
            self._deliver(recipient, delivery)
        except LedgerUnavailableError as fault:
            log.warning("push_not_written_down", delivery=delivery, fault=type(fault).__name__)
            self._put(delivery)
        except CorruptPayloadError:
            log.exception("push_payload_damaged", delivery=delivery)
            self._put(delivery)
        except Exception:  # one letter's fault is not the courier's end
            log.exception("push_failed", delivery=delivery)
            self._put(delivery)
        finally:
            self._under_way.end(delivery)
            self.wake()

    def _put(self, delivery: DeliveryId) -> None:
        self._put_off.failed(delivery, now=self._means.now())
        self._put_off_ids[delivery] = None

    def _deliver(self, recipient: Agency, delivery: DeliveryId) -> None:
        agency, means = recipient.code, self._means
        if not means.shares.held(agency):
            return
        content = means.pushing.take(agency, delivery)
        if content is None:  # recalled, or taken in another way
            return
        verdict = self._post(recipient, content)
        if verdict.code == _STOPPING:
            return
        reach("push.sent")
        means.standings.note(agency, verdict)
        settled = means.pushing.settle(content, verdict)
        reach("push.settled")
        state = "" if isinstance(settled, Rejected) else settled.delivery.state.value
        log.info("push_tried", delivery=delivery, agency=agency, outcome=verdict.code, state=state)

    def _post(self, recipient: Agency, content: Content) -> Verdict:
        try:
            said = self._means.wire.post(self._means.letters.mail(recipient.endpoint, content))
        except NotSentError as fault:
            return Verdict(code=fault.reason, lasting=fault.reason in _LASTING)
        return judge(said, sha256=content.envelope.sha256, now=self._means.now())

    def _tell_unproven(self, recipients: Sequence[Agency]) -> None:
        unproven = {one.code for one in recipients if not one.endpoint.open}
        for agency in sorted(unproven - self._unproven):
            log.warning("push_endpoint_not_proven", agency=agency, remedy=f"trunk admin agency try-push {agency}")
        self._unproven = unproven
