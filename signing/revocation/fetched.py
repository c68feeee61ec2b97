"""Authorities whose certificates were fetched from where other certificates point (AIA). Steps, never anchors."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cryptography import x509

from signing.evidence import EvidenceKind
from signing.revocation.hosts import Hosts
from signing.revocation.shelf import Shelf, key_of

_MOST: Final = 256
_AGAIN: Final = timedelta(days=1)  # a place that brought something unhelpful is asked again after this


class FetchedIssuers:
    """``Steps`` for ``TrustFolder``, from the cache folder."""

    def __init__(self, shelf: Shelf, hosts: Hosts, *, now: Callable[[], datetime]) -> None:
        self._shelf = shelf
        self._hosts = hosts
        self._now = now

    def edition(self) -> object:
        return self._shelf.edition(EvidenceKind.CERTIFICATE)

    def certificates(self) -> tuple[x509.Certificate, ...]:
        found: dict[str, x509.Certificate] = {}
        for _, entry in self._shelf.entries(EvidenceKind.CERTIFICATE):
            octets = self._shelf.read(entry.sha256) if len(found) < _MOST else None
            if octets is None:
                continue
            try:
                found[entry.sha256] = x509.load_der_x509_certificate(octets)
            except (ValueError, x509.InvalidVersion):
                continue
        return tuple(found.values())

    def obtainable(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are allowed and did not bring anything lately."""
        return tuple(url for url in urls if self._hosts.allows(url) and not self._asked(url))

    def _asked(self, url: str) -> bool:
        entry = self._shelf.find(EvidenceKind.CERTIFICATE, key_of(EvidenceKind.CERTIFICATE, url))
        return entry is not None and self._now() < entry.fetched_at + _AGAIN
