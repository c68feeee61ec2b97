"""Fetches what verdicts were lacking: answers, lists, missing authorities. In the background, on nobody's time.

Law: verification never waits for the network. It says what it lacks (``Wanted``); this fetches it from hosts that
the operator named, weighs it and lays it on the shelf, which every process reads. Each certificate is a *case*: its
responders in order, then its lists; a place or a host that fails is left alone for a while, and costs nothing
meanwhile. What merely does not help one certificate counts against nobody else's. Callers take turns, and none holds
more than a share. What is in use is fetched again before it grows old.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Final
from urllib.parse import urlsplit

import structlog

from signing.evidence import EvidenceKind, Wanted
from signing.revocation.hosts import Hosts
from signing.revocation.shelf import Entry, Shelf
from signing.revocation.worth import Scales, Useful
from trunk.application.responders import Responder, Responders
from trunk.workers.download import NotGotError, Reply, Request, get
from trunk.workers.loops import Loop, Went
from trunk.workers.patience import Patience, Record
from trunk.workers.turns import Spot, Turns

log = structlog.get_logger()

_ORDER: Final = (EvidenceKind.CERTIFICATE, EvidenceKind.OCSP, EvidenceKind.CRL)
_MOST_CASES: Final = 4096
_SHARE: Final = 256  # of one caller
_MOST_WISHES: Final = 16  # begun for one report; the others at its next look
_MOST_LOOKED_AT: Final = 128  # of what one report lacks
_MOST_KEPT: Final = 10_000
_OWN: Final = ""  # the caller who keeps fresh what is in use
_LOOKED_EVERY: Final = timedelta(seconds=1)
_IN_USE: Final = timedelta(days=1)
_PRUNED_EVERY: Final = timedelta(hours=1)
_FORGIVEN: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator allows. ``refresh``: how long what was fetched is not fetched again."""

    hosts: Hosts = field(default_factory=Hosts)
    refresh: timedelta = timedelta(hours=1)
    timeout_seconds: float = 8.0
    list_octets: int = 20 * 2**20
    answer_octets: int = 64 * 2**10
    cache_octets: int = 512 * 2**20
    threads: int = 8  #: of which one host may hold half


@dataclass(slots=True, kw_only=True)
class _Case:
    """One certificate, for whom, and the places that may tell of it."""

    caller: str
    subject: bytes
    wanted: tuple[Wanted, ...]
    wanted_at: datetime
    places: list[tuple[Wanted, str]]
    done: Future[bool] = field(default_factory=Future)


@dataclass(slots=True, kw_only=True)
class _Kept:
    """A case that was settled well, and when to come back to it."""

    wanted: tuple[Wanted, ...]
    wanted_at: datetime
    due_at: datetime


@dataclass(slots=True)
class _Tally:
    fetched: int = 0
    failed: int = 0
    last_fetched_at: datetime | None = None
    last_failure: str = ""


class _NotUsefulError(Exception):
    """What came does not help this certificate: the place is not to blame."""


class Fetcher:
    """``want`` and ``settled`` from anywhere; ``loop()`` does the work. One in each process that serves."""

    def __init__(
        self,
        shelf: Shelf,
        scales: Scales,
        rules: Rules,
        *,
        now: Callable[[], datetime],
        chance: Callable[[], float],
        fetch: Callable[[Request], Reply] = get,
    ) -> None:
        self._shelf = shelf
        self._scales = scales
        self._rules = rules
        self._now = now
        self._fetch = fetch
        self._places = Patience(forgiven=0, chance=chance)
        self._matters = Patience(forgiven=0, chance=chance)
        self._hosts = Patience(forgiven=_FORGIVEN, chance=chance)
        self._chance = chance
        self._door = threading.Lock()  # of what the event loop looks at: held for one look only
        self._cases: dict[tuple[str, bytes], _Case] = {}
        self._held: Counter[str] = Counter()
        self._new: deque[_Case] = deque()
        self._tallies: dict[str, _Tally] = {}
        self._lock = threading.Lock()  # of the work
        self._turns: Turns[_Case] = Turns(at_once=rules.threads)
        self._kept: dict[bytes, _Kept] = {}
        self._looked_at = self._pruned_at = now()
        self._pool = ThreadPoolExecutor(rules.threads, thread_name_prefix="fetching")
        self._wake: Callable[[], None] = lambda: None

    def loop(self) -> Loop:
        """What calls ``step`` until the trunk stops."""
        loop = Loop(name="fetcher", step=self.step, chance=self._chance, pause_seconds=5.0)
        self._wake = loop.wake
        return loop

    def close(self) -> None:
        """Begin nothing more. An exchange at hand ends by its own time."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        with self._door:
            waiting = list(self._cases.values())
        for case in waiting:
            case.done.cancel()

    def want(self, items: Iterable[Wanted], *, caller: str = _OWN) -> None:
        """Fetch these when there is a chance. Returns at once; wanting the same again is harmless."""
        now, begun = self._now(), 0
        for subject, wanted in _by_subject(islice(items, _MOST_LOOKED_AT)).items():
            kept = self._kept.get(subject)
            if kept is not None:
                kept.wanted_at = now
            begun += begun < _MOST_WISHES and self._begin(caller, subject, wanted, now)
        self._wake()

    async def settled(
        self,
        items: Iterable[Wanted],
        *,
        timeout: float,  # noqa: ASYNC109 - waits for others
        caller: str = _OWN,
    ) -> bool:
        """Wait until everything of these was fetched or given up, ``timeout`` seconds at most; True if it was.

        ``want`` them first, for the same caller. Holds no thread.
        """
        wanted = {(caller, item.subject) for item in items}
        with self._door:
            waiting = [self._cases[key].done for key in wanted if key in self._cases]
        if not waiting:
            return True
        _, late = await asyncio.wait([asyncio.wrap_future(done) for done in waiting], timeout=timeout)
        return not late

    def status(self) -> Responders:
        """How the responders do: shown to operators."""
        with self._door:
            hosts = tuple(self._host_status(host, tally) for host, tally in sorted(self._tallies.items()))
            return Responders(waiting=len(self._cases), in_use=len(self._kept), hosts=hosts)

    def step(self) -> Went:
        """Hand out what may be asked now. Never waits for a responder."""
        now = self._now()
        with self._lock:
            self._refresh(now)
            while self._new:
                self._line_up(self._new.popleft(), now)
            while (turn := self._turns.take()) is not None:
                self._hand_out(*turn, now)
        self._prune(now)
        return Went.IDLE

    def _begin(self, caller: str, subject: bytes, wanted: tuple[Wanted, ...], wanted_at: datetime) -> bool:
        """Whether there is a new case now: not without a place to ask, nor beyond the caller's share."""
        key = (caller, subject)
        places = [(item, url) for item in wanted for url in item.urls if self._may_ask(item, url, wanted_at)]
        if not places:
            return False
        case = _Case(caller=caller, subject=subject, wanted=wanted, wanted_at=wanted_at, places=places)
        with self._door:
            if key in self._cases or len(self._cases) >= _MOST_CASES or self._held[caller] >= _SHARE:
                return False
            self._cases[key] = case
            self._held[caller] += 1
            self._new.append(case)
        return True

    def _refresh(self, now: datetime) -> None:
        if now - self._looked_at < _LOOKED_EVERY:
            return
        self._looked_at = now
        for subject, kept in list(self._kept.items()):
            if now - kept.wanted_at > _IN_USE:
                del self._kept[subject]
            elif now >= kept.due_at and self._held[_OWN] < _SHARE:
                kept.due_at = now + self._rules.refresh
                self._begin(_OWN, subject, kept.wanted, kept.wanted_at)

    def _may_ask(self, item: Wanted, url: str, now: datetime) -> bool:
        return (
            self._places.has(_place(item, url), now=now)
            and self._matters.has(_matter(item, url), now=now)
            and self._hosts.has(_host(url), now=now)
            and self._rules.hosts.allows(url)
        )

    def _line_up(self, case: _Case, now: datetime) -> None:
        """Before the case's next place, if there is one that may be asked; give the case up if there is none."""
        while case.places and not self._may_ask(*case.places[0], now):
            case.places.pop(0)
        if not case.places:
            self._settle(case, well=False)
            return
        item, url = case.places[0]
        self._turns.join(Spot(caller=case.caller, host=_host(url), place=_place(item, url)), case)

    def _hand_out(self, spot: Spot, case: _Case, now: datetime) -> None:
        item, url = case.places[0]
        if self._may_ask(item, url, now):
            self._pool.submit(self._ask, spot, case, item, url)
            return
        self._turns.done(spot)
        self._line_up(case, now)

    def _ask(self, spot: Spot, case: _Case, item: Wanted, url: str) -> None:
        """In a thread of the pool: one exchange, or none if another process was faster."""
        useful: Useful | None = None
        fault: Exception | None = None
        try:
            useful = self._from_shelf(item, url) or self._from_host(item, url)
        except (NotGotError, _NotUsefulError) as error:
            fault = error
        except Exception as error:  # whatever a responder sends, the fetcher lives on
            fault = error
            log.exception("fetching_not_understood", host=spot.host)
        finally:
            self._answered(spot, case, useful, fault)

    def _from_shelf(self, item: Wanted, url: str) -> Useful | None:
        now = self._now()
        for entry in self._scales.stored(item, url):
            octets = self._shelf.read(entry.sha256) if now - entry.fetched_at < self._rules.refresh else None
            useful = None if octets is None else self._scales.weigh(item, octets, url=url, now=now)
            if useful is not None:
                return useful
        return None

    def _from_host(self, item: Wanted, url: str) -> Useful:
        key = self._scales.key(item, url)
        before = self._shelf.find(item.kind, key) if item.kind is EvidenceKind.CRL else None
        known = None if before is None else self._shelf.read(before.sha256)
        etag, modified = (before.etag, before.modified) if before is not None and known is not None else ("", "")
        reply = self._fetch(self._request(item, url, etag, modified))
        octets, now = known if reply.octets is None else reply.octets, self._now()
        useful = None if octets is None else self._scales.weigh(item, octets, url=url, now=now)
        if item.kind is EvidenceKind.CERTIFICATE and octets is not None:
            self._scales.keep_authorities(octets, url=url, now=now)
        if useful is None:
            raise _NotUsefulError
        entry = Entry.of(item.kind, useful.octets, url=url, fetched_at=now, etag=reply.etag, modified=reply.modified)
        if item.kind is not EvidenceKind.CERTIFICATE:
            self._shelf.put(key, entry, useful.octets)
        log.info("revocation_fetched", kind=item.kind.value, host=_host(url), sha256=entry.sha256)
        return useful

    def _request(self, item: Wanted, url: str, etag: str, modified: str) -> Request:
        rules = self._rules
        return Request(
            url=url,
            most_octets=rules.list_octets if item.kind is EvidenceKind.CRL else rules.answer_octets,
            timeout_seconds=rules.timeout_seconds,
            question=self._scales.question(item) if item.kind is EvidenceKind.OCSP else b"",
            etag=etag,
            modified=modified,
            hosts=rules.hosts,
        )

    def _answered(self, spot: Spot, case: _Case, useful: Useful | None, fault: Exception | None) -> None:
        now = self._now()
        item, url = case.places[0]
        with self._lock:
            self._turns.done(spot)
            if useful is not None:
                self._tell(spot.host, now)
                self._places.answered(spot.place)
                self._matters.answered(_matter(item, url))
                self._hosts.answered(spot.host)
                self._keep(case, useful, now)
                self._settle(case, well=True)
            else:
                reason = _reason(fault)
                self._tell(spot.host, now, failure=reason)
                times = self._blame(spot, item, url, fault, now).failures
                log.warning("revocation_not_fetched", kind=item.kind.value, host=spot.host, reason=reason, times=times)
                case.places.pop(0)
                self._line_up(case, now)
        self._wake()

    def _blame(self, spot: Spot, item: Wanted, url: str, fault: Exception | None, now: datetime) -> Record:
        """A place answers for itself alone: what anybody's certificate makes of its answer is that certificate's."""
        if not isinstance(fault, NotGotError):
            return self._matters.failed(_matter(item, url), now=now)
        anybodys = item.kind is EvidenceKind.CERTIFICATE  # the URL: its certificate was judged by nobody yet
        if fault.host_failed and not (anybodys and fault.reason.startswith("status_")):
            self._hosts.failed(spot.host, now=now)
        return self._places.failed(spot.place, now=now)

    def _tell(self, host: str, now: datetime, *, failure: str = "") -> None:
        with self._door:
            tally = self._tallies.setdefault(host, _Tally())
            if failure:
                tally.failed, tally.last_failure = tally.failed + 1, failure
            else:
                tally.fetched, tally.last_fetched_at = tally.fetched + 1, now

    def _keep(self, case: _Case, useful: Useful, now: datetime) -> None:
        if useful.until is None:
            return
        due_at = min(now + self._rules.refresh, useful.until - (useful.until - now) / 10)
        if len(self._kept) < _MOST_KEPT:
            self._kept[case.subject] = _Kept(wanted=case.wanted, wanted_at=case.wanted_at, due_at=due_at)

    def _settle(self, case: _Case, *, well: bool) -> None:
        with self._door:
            self._cases.pop((case.caller, case.subject), None)
            self._held -= Counter((case.caller,))
        if not case.done.done():
            case.done.set_result(well)

    def _prune(self, now: datetime) -> None:
        if now - self._pruned_at < _PRUNED_EVERY:
            return
        self._pruned_at = now
        dropped = self._shelf.prune(now=now, most_octets=self._rules.cache_octets)
        if dropped:
            log.info("revocation_cache_pruned", dropped=dropped)

    def _host_status(self, host: str, tally: _Tally) -> Responder:
        record = self._hosts.record(host)
        return Responder(
            host=host,
            fetched=tally.fetched,
            failed=tally.failed,
            last_fetched_at=tally.last_fetched_at,
            last_failure=tally.last_failure,
            left_alone_until=None if record is None or record.failures <= _FORGIVEN else record.until,
        )


def _by_subject(items: Iterable[Wanted]) -> dict[bytes, tuple[Wanted, ...]]:
    """All that would tell of one certificate, in the order in which to try."""
    found: dict[bytes, list[Wanted]] = {}
    for item in items:
        found.setdefault(item.subject, []).append(item)
    return {subject: _ordered(wanted) for subject, wanted in found.items()}


def _ordered(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    return tuple(sorted(dict.fromkeys(wanted), key=lambda item: _ORDER.index(item.kind)))


def _host(url: str) -> str:
    return urlsplit(url).netloc.lower()


def _reason(fault: Exception | None) -> str:
    """A word for logs and figures."""
    if isinstance(fault, NotGotError):
        return fault.reason
    return "not_useful" if isinstance(fault, _NotUsefulError) else type(fault).__name__


def _place(item: Wanted, url: str) -> str:
    """What is backed off from: a list or an issuer by its URL; a responder for this one certificate."""
    return f"{item.kind.value} {url} {hash(item.subject) if item.kind is EvidenceKind.OCSP else ''}"


def _matter(item: Wanted, url: str) -> str:
    """For whom a place was of no use: for this certificate, or as a list for all of this issuer."""
    return f"{item.kind.value} {url} {hash(item.issuer if item.kind is EvidenceKind.CRL else item.subject)}"
