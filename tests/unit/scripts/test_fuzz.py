"""The fuzz, short: nothing forged passes. And proof that it would tell: mistakes planted on purpose are noticed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from signxml.verifier import VerifyResult, XMLVerifier

from scripts.fuzz import MOST_GROWTH, Memory, breaches
from scripts.fuzz_law import Bench, Tally
from signing import cms, coverage
from signing.engine import PinnedVerifier
from signing.verifier import Verifier

VECTORS = Path(__file__).parents[2] / "vectors"
SHORT = 3_000


@pytest.fixture
def bench() -> Bench:
    return Bench(VECTORS)


def noticed(bench: Bench, *, at_most: int = SHORT) -> Iterator[str]:
    """What the fuzz says is forged."""
    for first in range(0, at_most, 50):
        yield from bench.run(1, range(first, first + 50)).forged


def test_no_mutated_message_passes_for_what_it_is_not(bench: Bench) -> None:
    tally = bench.run(1, range(SHORT))
    assert list(breaches(tally)) == []
    assert tally.made.total() == SHORT
    assert tally.refused.total() + tally.equivalent.total() == SHORT
    assert tally.refused.total() > 0.8 * SHORT


def test_the_same_seed_makes_the_same_mutations(bench: Bench) -> None:
    assert [bench.mutated(5, n)[2] for n in range(50)] == [bench.mutated(5, n)[2] for n in range(50)]
    assert bench.mutated(5, 1)[2] != bench.mutated(6, 1)[2]


def test_it_notices_digests_that_nobody_compares(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: PinnedVerifier, reference: Any, *_: Any) -> VerifyResult:
        self.verified.append(reference.get("URI"))
        return VerifyResult(b"", None, self._pinned, signature_key=b"")

    monkeypatch.setattr(PinnedVerifier, "_verify_reference", careless)
    assert next(noticed(bench))


def test_it_notices_a_value_that_nobody_verifies(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(self: XMLVerifier, *, signed_info_c14n: bytes, **_: Any) -> tuple[bytes, bytes]:
        return signed_info_c14n, b""

    monkeypatch.setattr(XMLVerifier, "_verify_signature_with_pubkey", careless)
    assert next(noticed(bench))


def test_it_notices_parts_that_are_found_by_identifier(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What wrapping lives on: the signed part is looked up wherever it stands, and another one is read."""
    real = coverage._places

    def careless(valid: Any, shape: Any) -> Any:
        places = real(valid, shape)
        for element in valid.parsed.root.iter("{*}MessageHeader"):
            uri = f"#{element.get('Id')}"
            if element.get("Id") and uri not in places.targets:
                places.targets[uri] = coverage.Target(name="MessageHeader", path="", element=element)
        places.required.clear()
        return places

    monkeypatch.setattr(coverage, "_places", careless)
    assert "wrapped" in next(noticed(bench, at_most=10_000))


def test_it_notices_pdfs_that_nobody_verifies(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cms, "verify", lambda *_, **__: None)
    assert "PDF" in next(noticed(bench))


def test_it_notices_exceptions(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Verifier, "verify", lambda *_, **__: 1 / 0)
    tally = bench.run(1, range(20))
    assert any("ZeroDivisionError" in crash for crash in tally.crashes)
    assert any("crashes" in breach for breach in breaches(tally))


def test_it_notices_slowness_and_memory_that_grows() -> None:
    tally = Tally(slowest=(2_001, "x"), memory=[(1, 0), (2, 0), (1, MOST_GROWTH), (2, 0), (1, MOST_GROWTH + 1)])
    assert Memory.of(tally) == Memory(start=0, middle=MOST_GROWTH, end=MOST_GROWTH + 1)
    assert [breach.partition(" ")[0] for breach in breaches(tally)] == ["slowest:", "memory"]
