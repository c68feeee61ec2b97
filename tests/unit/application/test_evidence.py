"""What an acceptance carries of its evidence: whole, and only what this process has not seen committed."""

from __future__ import annotations

import pytest

from signing.evidence import Evidence, EvidenceKind
from trunk.application import evidence
from trunk.application.evidence import EvidenceShelf
from trunk.errors import LedgerUnavailableError

CERTIFICATE = Evidence.of(EvidenceKind.CERTIFICATE, b"certificate")
LIST = Evidence.of(EvidenceKind.CRL, b"list")
IN_CACHE = Evidence(kind=LIST.kind, sha256=LIST.sha256, octets=None)


class Cache:
    def __init__(self, **octets: bytes) -> None:
        self.octets = {sha256.removeprefix("_"): value for sha256, value in octets.items()}
        self.read: list[str] = []

    def __call__(self, sha256: str) -> bytes | None:
        self.read.append(sha256)
        return self.octets.get(sha256)


def test_what_lies_in_the_cache_is_read_until_it_was_committed_and_never_again() -> None:
    cache = Cache(**{f"_{LIST.sha256}": b"list"})
    shelf = EvidenceShelf(read=cache)
    for _ in range(2):  # prepared, and not committed yet
        assert shelf.lacking([CERTIFICATE, IN_CACHE]) == (CERTIFICATE, LIST)
    shelf.entered([CERTIFICATE, LIST])
    assert shelf.lacking([CERTIFICATE, IN_CACHE]) == ()
    assert cache.read == [LIST.sha256] * 2


@pytest.mark.parametrize("there", [{}, {f"_{LIST.sha256}": b"another list"}])
def test_what_the_cache_lost_or_changed_is_no_evidence(there: dict[str, bytes]) -> None:
    with pytest.raises(LedgerUnavailableError, match="cache"):
        EvidenceShelf(read=Cache(**there)).lacking([IN_CACHE])


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evidence, "REMEMBERED", 1)
    shelf = EvidenceShelf()
    many = [Evidence.of(EvidenceKind.OCSP, bytes([n])) for n in range(3)]
    shelf.entered(many)
    shelf.entered([CERTIFICATE])
    assert shelf.lacking(many) == tuple(many)
    assert shelf.lacking([CERTIFICATE]) == ()
