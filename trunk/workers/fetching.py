"""Fetches what verdicts were lacking: answers, lists, missing authorities. In the background, on nobody's time.

Law: verification never waits for the network. It says what it lacks (``Wanted``); this fetches it from hosts that
the operator named, weighs it and lays it on the shelf, which every process reads. Each certificate is a *case*: its
responders in order, then its lists; a place or a host that fails is left alone for a while, and costs nothing
meanwhile. What is in use is fetched again before it grows old.
"""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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
from trunk.workers.patience import Patience

log = structlog.get_logger()

_ORDER: Final = (EvidenceKind.CERTIFICATE, EvidenceKind.OCSP, EvidenceKind.CRL)
_MOST_CASES: Final = 10_000
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
    """One certificate, and the places that may tell of it."""

    subject: bytes
    wanted: tuple[Wanted, ...]
    wanted_at: datetime
    places: list[tuple[Wanted, str]]
    done: Future[bool] = field(default_factory=Future)
    asking: bool = False


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
        self._hosts = Patience(forgiven=_FORGIVEN, chance=chance)
        self._chance = chance
        self._lock = threading.RLock()
        self._cases: dict[bytes, _Case] = {}
        self._kept: dict[bytes, _Kept] = {}
        self._busy: Counter[str] = Counter()
        self._tallies: dict[str, _Tally] = {}
        self._pruned_at = now()
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
        with self._lock:
            for case in self._cases.values():
                case.done.cancel()

    def want(self, items: Iterable[Wanted]) -> None:
        """Fetch these when there is a chance. Returns at once; wanting the same again is harmless."""
        with self._lock:
            for subject, wanted in _by_subject(items).items():
                kept = self._kept.get(subject)
                if kept is not None:
                    kept.wanted_at = self._now()
                if subject not in self._cases and len(self._cases) < _MOST_CASES:
                    self._cases[subject] = self._open(subject, wanted, self._now())
        self._wake()

    async def settled(self, items: Iterable[Wanted], *, timeout: float) -> bool:  # noqa: ASYNC109 - waits for others
        """Wait until everything of these was fetched or given up, ``timeout`` seconds at most; True if it was.

        ``want`` them first. Holds no thread.
        """
        with self._lock:
            waiting = [self._cases[subject].done for subject in _by_subject(items) if subject in self._cases]
        if not waiting:
            return True
        _, late = await asyncio.wait([asyncio.wrap_future(done) for done in waiting], timeout=timeout)
        return not late

    def status(self) -> Responders:
        """How the responders do: shown to operators."""
        with self._lock:
            hosts = tuple(self._host_status(host, tally) for host, tally in sorted(self._tallies.items()))
            return Responders(waiting=len(self._cases), in_use=len(self._kept), hosts=hosts)

    def step(self) -> Went:
        """Hand out what may be asked now. Never waits for a responder."""
        with self._lock:
            now = self._now()
            self._refresh(now)
            for case in list(self._cases.values()):
                if not case.asking:
                    self._advance(case, now)
        self._prune(now)
        return Went.IDLE

    def _open(self, subject: bytes, wanted: tuple[Wanted, ...], wanted_at: datetime) -> _Case:
        places = [(item, url) for item in wanted for url in item.urls]
        return _Case(subject=subject, wanted=wanted, wanted_at=wanted_at, places=places)

    def _refresh(self, now: datetime) -> None:
        for subject, kept in list(self._kept.items()):
            if now - kept.wanted_at > _IN_USE:
                del self._kept[subject]
            elif now >= kept.due_at and subject not in self._cases:
                kept.due_at = now + self._rules.refresh
                self._cases[subject] = self._open(subject, kept.wanted, kept.wanted_at)

    def _advance(self, case: _Case, now: datetime) -> None:
        """Ask the case's next place, if there is one that may be asked; give the case up if there is none."""
        while case.places:
            item, url = case.places[0]
            host = _host(url)
            allowed = self._rules.hosts.allows(url)
            if not allowed or not self._places.has(_place(item, url), now=now) or not self._hosts.has(host, now=now):
                case.places.pop(0)
                continue
            if self._busy[_place(item, url)] or self._busy[host] >= max(self._rules.threads // 2, 1):
                return
            case.asking = True
            self._busy.update((_place(item, url), host))
            self._pool.submit(self._ask, case, item, url)
            return
        self._settle(case, well=False)

    def _ask(self, case: _Case, item: Wanted, url: str) -> None:
        """In a thread of the pool: one exchange, or none if another process was faster."""
        reason, useful, failed_host = "", None, False
        try:
            useful = self._from_shelf(item, url) or self._from_host(item, url)
        except NotGotError as error:
            reason, failed_host = error.reason, error.host_failed
        except Exception as error:  # whatever a responder sends, the fetcher lives on
            reason = type(error).__name__
            log.exception("fetching_not_understood", host=_host(url))
        finally:
            self._answered(case, item, url, useful, reason, failed_host=failed_host)

    def _from_shelf(self, item: Wanted, url: str) -> Useful | None:
        now = self._now()
        entry = self._shelf.find(item.kind, self._scales.key(item, url))
        if entry is None or entry.url != url or now - entry.fetched_at >= self._rules.refresh:
            return None
        octets = self._shelf.read(entry.sha256)
        return None if octets is None else self._scales.weigh(item, octets, url=url, now=now)

    def _from_host(self, item: Wanted, url: str) -> Useful:
        key = self._scales.key(item, url)
        before = self._shelf.find(item.kind, key) if item.kind is EvidenceKind.CRL else None
        known = None if before is None else self._shelf.read(before.sha256)
        etag, modified = (before.etag, before.modified) if before is not None and known is not None else ("", "")
        reply = self._fetch(self._request(item, url, etag, modified))
        octets = known if reply.octets is None else reply.octets
        useful = None if octets is None else self._scales.weigh(item, octets, url=url, now=self._now())
        if useful is None:
            raise NotGotError("not_useful")
        entry = Entry.of(
            item.kind, useful.octets, url=url, fetched_at=self._now(), etag=reply.etag, modified=reply.modified
        )
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

    def _answered(
        self, case: _Case, item: Wanted, url: str, useful: Useful | None, reason: str, *, failed_host: bool
    ) -> None:
        now, host = self._now(), _host(url)
        with self._lock:
            self._busy.subtract((_place(item, url), host))
            self._busy += Counter()  # forgets who is idle
            case.asking = False
            tally = self._tallies.setdefault(host, _Tally())
            if useful is not None:
                tally.fetched, tally.last_fetched_at = tally.fetched + 1, now
                self._places.answered(_place(item, url))
                self._hosts.answered(host)
                self._keep(case, useful, now)
                self._settle(case, well=True)
            else:
                tally.failed, tally.last_failure = tally.failed + 1, reason
                record = self._places.failed(_place(item, url), now=now)
                if failed_host:
                    self._hosts.failed(host, now=now)
                case.places.pop(0)
                log.warning(
                    "revocation_not_fetched", kind=item.kind.value, host=host, reason=reason, times=record.failures
                )
        self._wake()

    def _keep(self, case: _Case, useful: Useful, now: datetime) -> None:
        if useful.until is None:
            return
        due_at = min(now + self._rules.refresh, useful.until - (useful.until - now) / 10)
        if len(self._kept) < _MOST_CASES:
            self._kept[case.subject] = _Kept(wanted=case.wanted, wanted_at=case.wanted_at, due_at=due_at)

    def _settle(self, case: _Case, *, well: bool) -> None:
        self._cases.pop(case.subject, None)
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


def _place(item: Wanted, url: str) -> str:
    """What is backed off from: a list or an issuer by its URL; a responder for this one certificate."""
    return f"{item.kind.value} {url} {hash(item.subject) if item.kind is EvidenceKind.OCSP else ''}"
