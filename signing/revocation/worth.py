"""Is what was fetched worth keeping? Judged before it goes on the shelf, by the same rules as afterwards.

Law: nothing replaces a statement but a younger one, so that whoever replays an old answer gains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509 import ocsp

from signing.certificate import UNREADABLE, fingerprint
from signing.evidence import EvidenceKind, Wanted
from signing.paths import Node, authorities
from signing.revocation.answers import Answer
from signing.revocation.facts import Fact, Freshness
from signing.revocation.lists import RevocationList
from signing.revocation.shelf import Entry, Shelf, key_of
from signing.signed import signed_by

_PEM: Final = b"-----BEGIN"
_MOST_AUTHORITIES: Final = 16  # kept of one bundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Useful:
    """Octets that tell something of what was wanted."""

    octets: bytes
    until: datetime | None  #: how long they will; None for certificates


class Scales:
    """Weighs fetched octets against what was wanted."""

    def __init__(self, shelf: Shelf, rules: Freshness) -> None:
        self._shelf = shelf
        self._rules = rules

    @staticmethod
    def key(wanted: Wanted, url: str) -> str:
        """Where the shelf keeps the answer or list that this place brings."""
        if wanted.kind is EvidenceKind.OCSP:
            return key_of(wanted.kind, fingerprint(x509.load_der_x509_certificate(wanted.subject)))
        return key_of(wanted.kind, url)

    def stored(self, wanted: Wanted, url: str) -> Iterator[Entry]:
        """What lies on the shelf from this place."""
        if wanted.kind is EvidenceKind.CERTIFICATE:
            yield from (entry for _, entry in self._shelf.entries(wanted.kind) if entry.url == url)
            return
        entry = self._shelf.find(wanted.kind, self.key(wanted, url))
        if entry is not None and entry.url == url:
            yield entry

    def keep_authorities(self, octets: bytes, *, url: str, now: datetime) -> None:
        """Lay every authority among ``octets`` on the shelf, whomever it signed; bounded. Raises ``OSError``.

        Each by itself, so that none takes the place of another that the same URL brought before.
        """
        try:
            found = [node.der for node in authorities(_certificates(octets))][:_MOST_AUTHORITIES]
        except UNREADABLE:
            return
        for der in found:
            entry = Entry.of(EvidenceKind.CERTIFICATE, der, url=url, fetched_at=now)
            key = key_of(entry.kind, entry.sha256)
            before = self._shelf.find(entry.kind, key)
            if before is None or now - before.fetched_at >= self._rules.refresh:  # else every reader would read anew
                self._shelf.put(key, entry, der)

    @staticmethod
    def question(wanted: Wanted) -> bytes:
        """What to ask a responder."""
        subject, issuer = _loaded(wanted)
        request = ocsp.OCSPRequestBuilder().add_certificate(subject, issuer, hashes.SHA1())  # noqa: S303 - a name
        return request.build().public_bytes(Encoding.DER)

    def weigh(self, wanted: Wanted, octets: bytes, *, url: str, now: datetime) -> Useful | None:
        """None where they are no help: forged, of another certificate, too old, or no such thing at all."""
        try:
            if wanted.kind is EvidenceKind.CERTIFICATE:
                return next(_issuers(wanted, octets), None)
            fact = self._fact(wanted, octets, url)
            if fact is None or not fact.is_fresh(now):
                return None
            known = self._known(wanted, url)
            if known is not None and known[1].produced_at > fact.produced_at:
                octets, fact = known
        except UNREADABLE:
            return None
        return Useful(octets=octets, until=fact.fresh_until)

    def _known(self, wanted: Wanted, url: str) -> tuple[bytes, Fact] | None:
        entry = self._shelf.find(wanted.kind, self.key(wanted, url))
        octets = None if entry is None else self._shelf.read(entry.sha256)
        fact = None if octets is None else self._fact(wanted, octets, url)
        return None if octets is None or fact is None else (octets, fact)

    def _fact(self, wanted: Wanted, octets: bytes, url: str) -> Fact | None:
        subject, issuer = _loaded(wanted)
        if wanted.kind is EvidenceKind.CRL:
            return RevocationList(octets, origin=url).fact(subject, issuer, self._rules)
        return Answer(octets, origin=url).fact(
            subject, issuer, self._rules, listed=lambda one: self._listed(one, issuer)
        )

    def _listed(self, responder: x509.Certificate, issuer: x509.Certificate) -> Fact | None:
        """What the lists on the shelf say of a responder."""
        for _, entry in self._shelf.entries(EvidenceKind.CRL):
            octets = self._shelf.read(entry.sha256)
            fact = None if octets is None else RevocationList(octets, origin="").fact(responder, issuer, self._rules)
            if fact is not None:
                return fact
        return None


def _loaded(wanted: Wanted) -> tuple[x509.Certificate, x509.Certificate]:
    return x509.load_der_x509_certificate(wanted.subject), x509.load_der_x509_certificate(wanted.issuer)


def _issuers(wanted: Wanted, octets: bytes) -> Iterator[Useful]:
    """The authorities among ``octets`` (DER, PEM or PKCS #7) that signed the subject."""
    subject = Node(x509.load_der_x509_certificate(wanted.subject))
    for node in authorities(_certificates(octets)):
        if node.subject == subject.issuer and signed_by(subject.certificate, node.certificate.public_key()):
            yield Useful(octets=node.der, until=None)


def _certificates(octets: bytes) -> list[x509.Certificate]:
    if octets.startswith(_PEM):
        return x509.load_pem_x509_certificates(octets)
    try:
        return [x509.load_der_x509_certificate(octets)]
    except ValueError:
        return pkcs7.load_der_pkcs7_certificates(octets)
