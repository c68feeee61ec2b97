"""Mixes: what is wanted, and in which shares; sizes and shares as people write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_UNITS: Final = {"": 1, "k": 1_000, "m": 1_000_000}
_SIZE: Final = re.compile(r"(\d+)(k|m|)b?", re.IGNORECASE)
_SHARE: Final = re.compile(r"(\d+(?:\.\d+)?)(%?)")


@dataclass(frozen=True, slots=True)
class Part(Generic[T]):
    """One kind of a mix."""

    value: T
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Size:
    """Octets of a whole envelope, and how they were written."""

    name: str
    octets: int


def parse_size(text: str) -> Size:
    """``25k``, ``2m``, ``100MB``. Raises ``ValueError``."""
    found = _SIZE.fullmatch(text.strip())
    octets = int(found[1]) * _UNITS[found[2].lower()] if found else 0
    if not octets:
        raise ValueError(f"{text!r} is no size; write 25k, 200k, 2m")
    return Size(name=text.strip().lower().removesuffix("b"), octets=octets)


def parse_share(text: str) -> float:
    """``1%`` or ``0.01``, below 1. Raises ``ValueError``."""
    found = _SHARE.fullmatch(text.strip())
    share = float(found[1]) / (100 if found[2] else 1) if found else 1.0
    if share >= 1:
        raise ValueError(f"{text!r} is no share; write 1% or 0.01, less than all")
    return share


def parse_part(text: str, parse: Callable[[str], T]) -> Part[T]:
    """``VALUE`` or ``VALUE=WEIGHT``, a whole number. Raises ``ValueError``."""
    spelled, equals, weight = text.partition("=")
    if not equals:
        return Part(parse(spelled))
    if not weight.isascii() or not weight.isdigit() or int(weight) == 0:
        raise ValueError(f"{weight!r} is no weight; write a whole number from 1, as in {spelled}=5")
    return Part(parse(spelled), int(weight))


def apportion(parts: Sequence[Part[T]], count: int) -> list[T]:
    """``count`` values in the shares of ``parts``, as near as whole numbers go: the largest remainders get the rest.

    Not by chance: two runs of the same mix send the same.
    """
    whole = sum(part.weight for part in parts)
    exact = [Fraction(count * part.weight, whole) for part in parts]
    numbers = [int(one) for one in exact]
    by_remainder = sorted(range(len(parts)), key=lambda n: exact[n] - numbers[n], reverse=True)
    for n in by_remainder[: count - sum(numbers)]:
        numbers[n] += 1
    return [part.value for part, number in zip(parts, numbers, strict=True) for _ in range(number)]
