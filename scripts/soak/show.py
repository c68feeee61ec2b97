"""What a person sees of a run: a progress bar while it lasts, the table when it is over."""

from __future__ import annotations

import statistics
import sys
import time
from typing import Final, Self

from rich.console import Console, Group
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scripts.soak.run import WELL_AGAIN_SECONDS, Goal, Outcome

_LINE_SECONDS: Final = 15.0


class Screen:
    """A bar for the deliveries and one for the faults; without a terminal a line now and then."""

    def __init__(self, console: Console, goal: Goal) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self._bars = Progress(*columns, TextColumn("{task.fields[said]}"), console=console, transient=True)
        self._deliveries = self._bars.add_task("deliveries", total=goal.deliveries, said="")
        self._faults = self._bars.add_task("faults", total=None, said="")
        self._console = console
        self._last = 0.0
        self._rounds = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bars.stop()

    def show(self, outcome: Outcome) -> None:
        """Where it stands."""
        struck = sum(what.times for what in outcome.happened.values())
        wanted = outcome.goal.faults_each * len(outcome.happened)
        oracle = outcome.oracle
        if self._console.is_terminal:
            self._bars.update(self._deliveries, completed=oracle.deliveries, said=f"{oracle.open:,} under way")
            self._bars.update(self._faults, completed=struck, total=wanted, said=outcome.phase[:60])
        elif len(outcome.log) > self._rounds or time.monotonic() > self._last + _LINE_SECONDS:
            mail = f"{oracle.deliveries:,} deliveries, {oracle.open:,} under way; {struck} faults of {wanted}"
            told = [
                f"{', '.join(one['faults'])}: {one['lasted']} s, well again after {one['well_again']} s"
                for one in outcome.log[self._rounds :]
            ]
            for line in told or [f"under way: {outcome.phase}"]:
                print(f"{mail}; {line}", file=sys.stderr, flush=True)
            self._last, self._rounds = time.monotonic(), len(outcome.log)


def table(outcome: Outcome) -> Group:
    """The table, and what is to be said below it."""
    made = Table(title="what happened, and what became of the mail")
    for heading in (
        "fault",
        "times",
        "in flight",
        "well again: median s",
        "longest s",
        f"over {WELL_AGAIN_SECONDS:.0f} s",
    ):
        made.add_column(heading, justify="left" if heading == "fault" else "right")
    for name, what in outcome.happened.items():
        seconds = what.seconds or [0.0]
        slow = sum(one > WELL_AGAIN_SECONDS for one in seconds)
        median, longest = f"{statistics.median(seconds):.1f}", f"{max(seconds):.1f}"
        made.add_row(name, str(what.times), f"{what.in_flight:,}", median, longest, str(slow))
    oracle = outcome.oracle
    acknowledged = sum(len(ends) for ends in oracle.ends.values())
    said = (
        f"{len(oracle.envelopes):,} submissions accepted, {oracle.deliveries:,} deliveries in {outcome.seconds:.0f} s; "
        f"final acknowledgements {acknowledged:,}; refused {len(oracle.refused)}\n"
        f"lost {len(outcome.lost)}; offered again after their confirmation {oracle.offered_again} (allowed, same id); "
        f"violations {len(outcome.violations)}\n"
        f"trunk processes started {outcome.restarts}; journal {outcome.journal}; stuck {len(outcome.stuck)}\n"
        f"processor seconds {outcome.cpu}"
    )
    return Group(made, said)
