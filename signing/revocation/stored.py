"""Revocation from what is stored: the cache folder that a fetcher fills, and the operator's own lists.

What a statement says is worked out once for each certificate and edition of the folders, and kept as plain facts; a
known signer costs a look at two file sizes. Law: without a fresh proof for each certificate below the root the
answer is UNKNOWN, and says what to fetch. ``wanted`` comes with GOOD too, when what is in use should be fetched anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from signing.certificate import fingerprint
from signing.evidence import Evidence, EvidenceKind, RevocationNote, RevocationState, Wanted
from signing.revocation.answers import Answer
from signing.revocation.facts import Fact, Freshness
from signing.revocation.lists import RevocationList
from signing.revocation.offline import OfflineLists
from signing.revocation.places import list_urls, responder_urls
from signing.revocation.shelf import Shelf, key_of
from signing.revocation.source import RevocationAnswer

_REMEMBERED: Final = 8192
_LISTS_AT_HAND: Final = 32

Edition = tuple[object, ...]
_Known = tuple[str, tuple[Fact, ...]]  # fingerprint, and what is said of it


class StoredRevocation:
    """A ``RevocationSource``. Safe to share between threads; each process keeps its own memory."""

    checks = True

    def __init__(
        self,
        *,
        shelf: Shelf | None = None,
        offline: OfflineLists | None = None,
        rules: Freshness = Freshness(),  # noqa: B008 - frozen
    ) -> None:
        self.rules = rules
        self._shelf = shelf
        self._offline = offline
        self._known: OrderedDict[tuple[Certificate, Certificate], tuple[Edition, _Known]] = OrderedDict()
        self._lists: OrderedDict[tuple[str, str], RevocationList] = OrderedDict()
        self._lock = threading.Lock()

    def check(self, path: Sequence[Certificate], *, at: datetime, now: datetime) -> RevocationAnswer:
        """See ``RevocationSource.check``."""
        edition = self._edition()
        notes, evidence, wanted = list[RevocationNote](), list[Evidence](), list[Wanted]()
        for certificate, issuer in pairwise(path):
            name, facts = self._facts(certificate, issuer, edition)
            fact, state = _decide(facts, at=at, now=now)
            if fact is None:
                notes.append(RevocationNote(certificate=name, state=state))
            else:
                notes.append(fact.note(name, state))
                kind = EvidenceKind.CRL if fact.source == "crl" else EvidenceKind.OCSP
                evidence.append(Evidence(kind=kind, sha256=fact.sha256, octets=None))
            if fact is None or self._is_due(fact, now):
                wanted.extend(_wanted(certificate, issuer, fact))
        once = {one.sha256: one for one in evidence}
        return RevocationAnswer(notes=tuple(notes), evidence=tuple(once.values()), wanted=tuple(wanted))

    def read(self, sha256: str) -> bytes | None:
        """The octets of evidence that came without them."""
        octets = None if self._shelf is None else self._shelf.read(sha256)
        if octets is None and self._offline is not None:
            self._offline.refresh()
            octets = self._offline.read(sha256)
        return octets

    def _edition(self) -> Edition:
        offline = 0 if self._offline is None else self._offline.refresh()
        if self._shelf is None:
            return (offline,)
        return offline, self._shelf.edition(EvidenceKind.CRL), self._shelf.edition(EvidenceKind.OCSP)

    def _is_due(self, fact: Fact, now: datetime) -> bool:
        return fact.fetched_at is not None and now > min(fact.fetched_at + self.rules.refresh, fact.fresh_until)

    def _facts(self, certificate: Certificate, issuer: Certificate, edition: Edition) -> _Known:
        key = (certificate, issuer)
        known = self._known.get(key)
        if known is not None and known[0] == edition:
            return known[1]
        found = fingerprint(certificate), tuple(self._gather(certificate, issuer))
        with self._lock:
            self._known[key] = (edition, found)
            self._known.move_to_end(key)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    def _gather(self, certificate: Certificate, issuer: Certificate) -> Iterator[Fact]:
        yield from self._listed(certificate, issuer)
        for answer in self._answers(certificate):
            fact = answer.fact(certificate, issuer, self.rules, listed=lambda one: self._cleared(one, issuer))
            if fact is not None:
                yield fact

    def _listed(self, certificate: Certificate, issuer: Certificate) -> Iterator[Fact]:
        for one in self._lists_for(certificate):
            fact = one.fact(certificate, issuer, self.rules)
            if fact is not None:
                yield fact

    def _cleared(self, responder: Certificate, issuer: Certificate) -> Fact | None:
        """What lists say of a responder: the worst, else the one that holds longest."""
        facts = list(self._listed(responder, issuer))
        revoked = [fact for fact in facts if fact.revoked_at is not None]
        return next(iter(revoked), None) or max(facts, key=lambda fact: fact.fresh_until, default=None)

    def _answers(self, certificate: Certificate) -> Iterator[Answer]:
        if self._offline is not None:
            yield from (one for one in self._offline.answers if one.serial == certificate.serial_number)
        if self._shelf is None:
            return
        entry = self._shelf.find(EvidenceKind.OCSP, key_of(EvidenceKind.OCSP, fingerprint(certificate)))
        octets = None if entry is None else self._shelf.read(entry.sha256)
        if entry is not None and octets is not None:
            try:
                yield Answer(octets, origin=entry.url, fetched_at=entry.fetched_at)
            except ValueError:
                return

    def _lists_for(self, certificate: Certificate) -> Iterator[RevocationList]:
        if self._offline is not None:
            yield from self._offline.lists
        for url in list_urls(certificate) if self._shelf is not None else ():
            one = self._at_hand(url)
            if one is not None:
                yield one

    def _at_hand(self, url: str) -> RevocationList | None:
        """The list of a distribution point: parsed once, and its signature verified once."""
        assert self._shelf is not None  # noqa: S101 - asked by the caller
        entry = self._shelf.find(EvidenceKind.CRL, key_of(EvidenceKind.CRL, url))
        if entry is None:
            return None
        with self._lock:
            known = self._lists.get((url, entry.sha256))
        if known is not None:
            known.fetched_at = entry.fetched_at
            return known
        octets = self._shelf.read(entry.sha256)
        if octets is None:
            return None
        try:
            fresh = RevocationList(octets, origin=url, fetched_at=entry.fetched_at)
        except ValueError:
            return None
        with self._lock:
            self._lists[url, entry.sha256] = fresh
            while len(self._lists) > _LISTS_AT_HAND:
                self._lists.popitem(last=False)
        return fresh


def _decide(facts: Sequence[Fact], *, at: datetime, now: datetime) -> tuple[Fact | None, RevocationState]:
    """Whoever says *revoked* is believed before whoever says *good*; the longest valid proof counts."""
    revoked = next((fact for fact in facts if fact.revokes(at=at, now=now)), None)
    if revoked is not None:
        return revoked, RevocationState.REVOKED
    good = [fact for fact in facts if fact.clears(at=at, now=now)]
    if good:
        return max(good, key=lambda fact: fact.produced_at), RevocationState.GOOD
    return None, RevocationState.UNKNOWN


def _wanted(certificate: Certificate, issuer: Certificate, fact: Fact | None) -> Iterator[Wanted]:
    """What would tell: a responder's answer first, else a list; a fresher one of what is in use already."""
    source = "" if fact is None else fact.source
    told = (EvidenceKind.OCSP, responder_urls(certificate)), (EvidenceKind.CRL, list_urls(certificate))
    for kind, urls in told:
        if urls and source in {"", kind.value}:
            yield Wanted(kind=kind, urls=urls, subject=_der(certificate), issuer=_der(issuer))


def _der(certificate: Certificate) -> bytes:
    return certificate.public_bytes(Encoding.DER)
