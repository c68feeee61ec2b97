"""What is sent, and when: fixed before the run, by a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import cycle, islice
from typing import Final

from trunk.load.mix import Part, Size, apportion

_APART_SECONDS: Final = 1.0


class Spacing(StrEnum):
    """How arrivals follow each other."""

    EVEN = "even"
    POISSON = "poisson"


class Kind(StrEnum):
    """What a submission is."""

    FRESH = "fresh"
    REPEAT = "repeat"  #: octet for octet what was sent before
    BAD = "bad"  #: one octet of it was changed after signing


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is asked of a run."""

    sender: str
    recipients: Sequence[str]
    per_second: float
    seconds: float
    sizes: Sequence[Part[Size]]
    at_once: Sequence[Part[int]] = (Part(1),)  #: recipients of one document
    repeats: float = 0.0  #: share of all submissions
    bad: float = 0.0
    spacing: Spacing = Spacing.EVEN
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Draft:
    """A document to be written."""

    size: Size
    recipients: tuple[str, ...]
    bad: bool = False


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submission."""

    kind: Kind
    document: int  #: its place in ``Plan.drafts``


@dataclass(frozen=True, slots=True)
class Plan:
    """Documents, submissions, and when each of these is due (seconds from the start)."""

    drafts: list[Draft] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)
    dues: list[float] = field(default_factory=list)


def make_plan(wish: Wish) -> Plan:
    """Raises ``ValueError`` if the wish cannot be meant so."""
    count = round(wish.per_second * wish.seconds)
    if count < 1:
        raise ValueError("not one submission: more a second, or more seconds")
    if wish.repeats + wish.bad >= 1:
        raise ValueError("duplicates and bad ones leave nothing that is new")
    most = max(part.value for part in wish.at_once)
    if most > len(set(wish.recipients)):
        raise ValueError(f"{most} recipients of one document, and {len(set(wish.recipients))} are named: more --to")
    chance = random.Random(wish.seed)  # noqa: S311  a load that can be repeated, no secret
    dues = _dues(count, wish, chance)
    kinds = _kinds(count, wish, chance)
    drafts = _drafts(kinds, wish, chance)
    return Plan(drafts=drafts, arrivals=_arrivals(kinds, drafts, dues, chance), dues=dues)


def _dues(count: int, wish: Wish, chance: random.Random) -> list[float]:
    if wish.spacing is Spacing.EVEN:
        return [number / wish.per_second for number in range(count)]
    # the arrivals of a Poisson process, given how many there are, lie anywhere with equal chance
    return sorted(chance.uniform(0, wish.seconds) for _ in range(count))


def _kinds(count: int, wish: Wish, chance: random.Random) -> list[Kind]:
    """The first is fresh, or there would be nothing to repeat."""
    asked = {Kind.REPEAT: wish.repeats, Kind.BAD: wish.bad}
    others = [kind for kind, share in asked.items() for _ in range(_number(share, count))]
    if len(others) >= count:
        raise ValueError(f"{count} submissions are too few for duplicates and bad ones: more a second, or more seconds")
    kinds = [*others, *[Kind.FRESH] * (count - 1 - len(others))]
    chance.shuffle(kinds)
    return [Kind.FRESH, *kinds]


def _number(share: float, count: int) -> int:
    """What is asked for is there at least once."""
    return max(round(share * count), 1) if share else 0


def _drafts(kinds: Sequence[Kind], wish: Wish, chance: random.Random) -> list[Draft]:
    wanted = [kind for kind in kinds if kind is not Kind.REPEAT]
    sizes, numbers = apportion(wish.sizes, len(wanted)), apportion(wish.at_once, len(wanted))
    chance.shuffle(sizes)
    chance.shuffle(numbers)
    turn = cycle(dict.fromkeys(wish.recipients))  # each as often as any other
    return [
        Draft(size=size, recipients=tuple(islice(turn, number)), bad=kind is Kind.BAD)
        for kind, size, number in zip(wanted, sizes, numbers, strict=True)
    ]


def _arrivals(
    kinds: Sequence[Kind], drafts: Sequence[Draft], dues: Sequence[float], chance: random.Random
) -> list[Arrival]:
    """A repetition is of something that was due a second before, where there is such a thing."""
    arrivals: list[Arrival] = []
    fresh: list[tuple[float, int]] = []
    settled = documents = 0  # how many of ``fresh`` are old enough
    for kind, due in zip(kinds, dues, strict=True):
        if kind is Kind.REPEAT:
            while settled < len(fresh) and fresh[settled][0] <= due - _APART_SECONDS:
                settled += 1
            arrivals.append(Arrival(kind, fresh[chance.randrange(settled or len(fresh))][1]))
            continue
        if kind is Kind.FRESH:
            fresh.append((due, documents))
        arrivals.append(Arrival(kind, documents))
        documents += 1
    assert documents == len(drafts)  # noqa: S101  both are made of ``kinds``
    return arrivals
