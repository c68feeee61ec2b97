"""Whether an envelope costs the same in a full ledger, among thousands of agencies, by two processes, beside a backlog.

Each question is answered by two trunks that stand side by side and are measured in turns. What they cost is processor
time of the trunk and of PostgreSQL for each envelope; the ratio is that of each pair, and the median counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from scripts.bench import agencies, filling, filling_sqlite
from scripts.bench.comparing import Topic, accepted, carried, compare
from scripts.bench.figures import Compared
from scripts.bench.show import console
from scripts.bench.stand import ground, trunk_on
from scripts.province import AGENCIES, FIRST

_AGENCIES: Final = 3_000
_MIB: Final = 2**20
_YEAR_DAYS: Final = 365
_SQLITE_LESS: Final = 5
"""SQLite's ledger is filled with so many times fewer: it is for a trunk of one machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large the runs are, and what they are compared with."""

    envelopes: int  #: of each run
    pairs: int
    deliveries: int  #: in the full ledger
    waiting: int  #: for the recipient that is down
    agencies: int = _AGENCIES


def measure(question: Question, size: Size) -> Iterator[Compared]:
    """One answer after the other."""
    for answer in question(size):
        console.print(f"{answer.what}: {answer.ratio:.3f}")
        yield answer


def _ledger(size: Size) -> Iterator[Compared]:
    with ground("production") as place, trunk_on(place, "empty") as empty, trunk_on(place, "full") as full:
        model = filling.finished(full, FIRST)
        filling.fill(full, model, max(size.deliveries // filling.DELIVERIES_EACH, 1), days=_YEAR_DAYS)
        held, octets = filling.deliveries(full), filling.database_octets(full)
        topic = partial(
            Topic,
            key="cost_full_to_empty_ledger",
            states=("empty ledger", f"{held:,} deliveries"),
            note=f"the full one has {octets / _MIB:,.0f} MiB, the empty one what the runs themselves have left in it",
        )
        stands = (empty, full)
        yield compare(topic(what="ledger, to the end"), stands, carried(size.envelopes), pairs=size.pairs)
        yield compare(topic(what="ledger, accepting"), stands, accepted(size.envelopes), pairs=size.pairs)


def _sqlite_ledger(size: Size) -> Iterator[Compared]:
    with (
        ground("embedded") as small,
        ground("embedded") as large,
        trunk_on(small) as empty,
        trunk_on(large) as full,
    ):
        documents = max(size.deliveries // _SQLITE_LESS // filling_sqlite.DELIVERIES_EACH, 1)
        held = filling_sqlite.fill(full, FIRST, documents, days=_YEAR_DAYS)
        topic = partial(Topic, key="cost_full_to_empty_ledger_sqlite", states=("empty ledger", f"{held:,} deliveries"))
        stands = (empty, full)
        whole = topic(what="SQLite's ledger, to the end")
        yield compare(whole, stands, carried(size.envelopes), pairs=size.pairs)
        yield compare(topic(what="SQLite's ledger, accepting"), stands, accepted(size.envelopes), pairs=size.pairs)


def _backlog(size: Size) -> Iterator[Compared]:
    people = agencies.one_down
    with (
        ground("production") as place,
        trunk_on(place, "without", people=people) as without,
        trunk_on(place, "beside", people=people) as beside,
    ):
        filling.fill(beside, filling.waiting(beside, agencies.DOWN), size.waiting, days=1)
        topic = Topic(
            key="cost_beside_50000_waiting",
            what="backlog of another recipient, to the end",
            states=("nobody is down", f"{size.waiting:,} wait for one"),
        )
        yield compare(topic, (without, beside), carried(size.envelopes), pairs=size.pairs)


def _agencies(size: Size) -> Iterator[Compared]:
    few = len(AGENCIES)
    people = partial(agencies.thousands, count=size.agencies - few)
    with (
        ground("embedded") as small,
        ground("embedded") as large,
        trunk_on(small) as three,
        trunk_on(large, people=people) as thousands,
    ):
        topic = Topic(
            key="cost_3000_to_3_agencies",
            what="agencies, accepting (SQLite, embedded broker)",
            states=(f"{few} agencies", f"{size.agencies:,} agencies"),
        )
        yield compare(topic, (three, thousands), accepted(size.envelopes), pairs=size.pairs)


def _workers(size: Size) -> Iterator[Compared]:
    with ground("production") as place, trunk_on(place, "one", workers=1) as one, trunk_on(place, "two") as two:
        topic = Topic(
            key="cost_two_to_one_process",
            what="processes, accepting",
            states=("one process", "two processes"),
            note="load client and servers on the same processors",
        )
        yield compare(topic, (one, two), accepted(size.envelopes), pairs=size.pairs)


Question = Callable[[Size], Iterator[Compared]]
QUESTIONS: Final[Sequence[Question]] = (_ledger, _sqlite_ledger, _backlog, _agencies, _workers)
