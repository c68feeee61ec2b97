from __future__ import annotations

import pytest

from envelopes.errors import EnvelopeCode
from signing.errors import SigningCode
from trunk import errors
from trunk.domain.rejection import CATALOGUE, Code, Nature, Refusal


def test_every_code_has_words() -> None:
    assert set(CATALOGUE) == set(Code)


@pytest.mark.parametrize("code", [*EnvelopeCode, *SigningCode])
def test_every_fault_of_a_lower_package_maps_to_a_refusal(code: str) -> None:
    assert Code(str(code)) in CATALOGUE


def test_every_fault_of_the_house_has_a_code_of_the_catalogue() -> None:
    def leaves(kind: type[errors.TrunkError]) -> list[type[errors.TrunkError]]:
        below = kind.__subclasses__()
        return [leaf for child in below for leaf in leaves(child)] if below else [kind]

    for fault in leaves(errors.TrunkError):
        assert Code(fault.code) in CATALOGUE
        assert isinstance(fault.temporary, bool)


@pytest.mark.parametrize("refusal", CATALOGUE.values(), ids=lambda r: r.code)
def test_sentences_and_remedies_are_short_and_in_both_languages(refusal: Refusal) -> None:
    entry = refusal
    for text in (entry.title, entry.remedy):
        assert 5 < len(text.vi) < 160
        assert 5 < len(text.en) < 160
        assert text.vi != text.en
        assert not text.en.endswith(".")


def test_only_overload_and_outage_are_temporary() -> None:
    assert {r.nature for r in CATALOGUE.values() if r.temporary} == {
        Nature.OVERLOADED,
        Nature.THROTTLED,
        Nature.UNAVAILABLE,
    }
