"""Authorities whose certificates were fetched from where other certificates point (AIA). Steps, never anchors."""

from __future__ import annotations

from typing import Final

from cryptography import x509

from signing.evidence import EvidenceKind
from signing.revocation.hosts import Hosts
from signing.revocation.shelf import Shelf

_MOST: Final = 256


class FetchedIssuers:
    """``Steps`` for ``TrustFolder``, from the cache folder."""

    def __init__(self, shelf: Shelf, hosts: Hosts) -> None:
        self._shelf = shelf
        self._hosts = hosts

    def edition(self) -> object:
        return self._shelf.edition(EvidenceKind.CERTIFICATE)

    def certificates(self) -> tuple[x509.Certificate, ...]:
        """The last that came."""
        entries = (entry for _, entry in self._shelf.entries(EvidenceKind.CERTIFICATE))
        found: dict[str, x509.Certificate] = {}
        for entry in sorted(entries, key=lambda entry: entry.fetched_at, reverse=True):
            octets = self._shelf.read(entry.sha256) if len(found) < _MOST else None
            if octets is None:
                continue
            try:
                found[entry.sha256] = x509.load_der_x509_certificate(octets)
            except (ValueError, x509.InvalidVersion):
                continue
        return tuple(found.values())

    def obtainable(self, urls: tuple[str, ...]) -> tuple[str, ...]:
        """Those that are allowed, whatever they brought for others: a place may have several authorities to tell of."""
        return tuple(url for url in urls if self._hosts.allows(url))
