"""Mutates signed messages by the hundred thousand and sees that none passes for what it is not: ``make fuzz``.

COUNT and SEED say how many and which; the originals are ``tests/vectors/signed``. Exit code 1 on any message that is
forged and accepted, any exception, any one that takes too long, and memory that grows. ``--show N`` writes one.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.fuzz_law import VECTORS, Bench, Tally, run_in_process

COUNT = 100_000
SLICE = 250
LONGEST_MS = 2_000
MOST_GROWTH = 32 * 2**20
_MIB = 2**20
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Of the process that grew most: after its first slice, in the middle, at the end."""

    start: int
    middle: int
    end: int

    @classmethod
    def of(cls, tally: Tally) -> Memory:
        by_process: dict[int, list[int]] = {}
        for process, octets in tally.memory:
            by_process.setdefault(process, []).append(octets)
        worst = max(by_process.values(), key=lambda seen: seen[-1] - seen[0])
        return cls(start=worst[0], middle=worst[len(worst) // 2], end=worst[-1])


def fuzz(*, count: int, seed: int, processes: int, vectors: Path = VECTORS, console: Console) -> Tally:
    """Every mutation from 0 to ``count``, of the vectors as they are now: they may be made anew meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for part in ("signed", "trust"):
            shutil.copytree(vectors / part, copy / part)
        return _fuzz(count, seed, processes, copy, console)


def _fuzz(count: int, seed: int, processes: int, vectors: Path, console: Console) -> Tally:
    tally = Tally()
    context = multiprocessing.get_context("spawn")
    bar = Progress(TextColumn("mutations"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console)
    with ProcessPoolExecutor(processes, mp_context=context) as pool, bar:
        task = bar.add_task("", total=count)
        waiting: dict[Future[Tally], int] = {}
        for first in range(0, count, SLICE):
            size = min(SLICE, count - first)
            waiting[pool.submit(run_in_process, vectors, seed, first, size)] = size
        for done in as_completed(waiting):
            tally.add(done.result())
            bar.advance(task, waiting[done])
    return tally


def breaches(tally: Tally) -> Iterator[str]:
    """What must not be."""
    if tally.forged:
        yield f"accepted and forged: {len(tally.forged)}"
    if tally.crashes:
        yield f"crashes: {len(tally.crashes)}"
    if tally.slowest[0] > LONGEST_MS:
        yield f"slowest: {tally.slowest[0]:.0f} ms, more than {LONGEST_MS}"
    memory = Memory.of(tally)
    if memory.end - memory.start > MOST_GROWTH:
        yield f"memory grew by {(memory.end - memory.start) / _MIB:.0f} MiB"


def report(tally: Tally, console: Console, *, seconds: float) -> None:
    kinds = Table("mutation", "made", "refused", "equivalent", title="Mutated messages")
    for kind in sorted(tally.made):
        made, refused, equal = tally.made[kind], tally.refused[kind], tally.equivalent[kind]
        kinds.add_row(kind, *(f"{number:,}" for number in (made, refused, equal)))
    made, refused, equal = (c.total() for c in (tally.made, tally.refused, tally.equivalent))
    kinds.add_section()
    kinds.add_row("all", *(f"{number:,}" for number in (made, refused, equal)))
    for column in kinds.columns[1:]:
        column.justify = "right"
    console.print(kinds)
    refusals = Table("refused by", "times", title="Codes")
    for code, times in sorted(tally.codes.items()):
        refusals.add_row(code, f"{times:,}")
    refusals.columns[1].justify = "right"
    console.print(refusals)
    memory = Memory.of(tally)
    console.print(f"accepted forged  {len(tally.forged)}")
    console.print(f"crashes          {len(tally.crashes)}")
    console.print(f"slowest          {tally.slowest[0]:.0f} ms ({tally.slowest[1]})")
    console.print(
        f"memory, MiB      {memory.start / _MIB:.0f} start, {memory.middle / _MIB:.0f} middle, "
        f"{memory.end / _MIB:.0f} end"
    )
    console.print(f"by the last net  {tally.not_understood.total()} {dict(tally.not_understood) or ''}")
    console.print(f"took             {seconds:.0f} s")
    for line in (*tally.forged[:_SHOWN], *tally.crashes[:_SHOWN], *breaches(tally)):
        console.print(line, style="red")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--show", type=int, metavar="N", help="write the mutation of that number to standard output")
    arguments = parser.parse_args()
    if arguments.show is not None:
        sys.stdout.buffer.write(Bench(VECTORS).mutated(arguments.seed, arguments.show)[2])
        return 0
    console = Console(highlight=False, soft_wrap=True)
    started = time.monotonic()
    tally = fuzz(count=arguments.count, seed=arguments.seed, processes=arguments.processes, console=console)
    report(tally, console, seconds=time.monotonic() - started)
    return 1 if any(breaches(tally)) else 0


if __name__ == "__main__":
    sys.exit(main())
