"""The same runs in two states, on two trunks that stand side by side, in turns: noise of the machine meets both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scripts.bench import accepting, carrying
from scripts.bench.accepting import Wish
from scripts.bench.figures import Compared, Turn
from scripts.bench.stand import Stand

Run = Callable[[Stand, str], Turn]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What is compared, and how it is called."""

    key: str
    what: str
    states: tuple[str, str]
    note: str = ""


def compare(topic: Topic, stands: tuple[Stand, Stand], run: Run, *, pairs: int) -> Compared:
    """A pair that does not count, then ``pairs``; whoever was first is second in the next one."""
    measured: list[tuple[Turn, Turn]] = []
    for number in range(pairs + 1):
        order = (0, 1) if number % 2 else (1, 0)
        turns = {place: run(stands[place], f"{topic.key}-{number}") for place in order}
        if number:
            measured.append((turns[0], turns[1]))
    return Compared(key=topic.key, what=topic.what, states=topic.states, pairs=measured, note=topic.note)


def accepted(envelopes: int) -> Run:
    """A closed run of envelopes of 25 KB to one recipient."""

    def run(stand: Stand, name: str) -> Turn:
        wish = Wish(size="25k", envelopes=envelopes, runs=1)
        return accepting.once(stand, accepting.signed(stand, wish, name, envelopes, accepting.content(wish.size)))

    return run


def carried(documents: int) -> Run:
    """A closed run of documents to the end, two recipients pulling."""

    def run(stand: Stand, name: str) -> Turn:
        return carrying.once(stand, carrying.signed(stand, name, documents))[0]

    return run
