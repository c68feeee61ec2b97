"""Shows what came out: a table for people, JSON for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from scripts.vectors_check.frame import Outcome, Tally

_COUNTED: Final = (Outcome.PASSED, Outcome.REFUSED, Outcome.UNSUPPORTED, Outcome.OPEN, Outcome.WRONG)


def show(tallies: Sequence[Tally], console: Console) -> None:
    table = Table(title="public vectors: what their authors state, and what we answer")
    for heading in ("set", "verdict"):
        table.add_column(heading)
    for heading in ("cases", "passed", "refused", "not supported", "open", "WRONG", "slowest ms"):
        table.add_column(heading, justify="right")
    table.add_column("sealed")
    for tally in tallies:
        counts = [len(tally.of(outcome)) for outcome in _COUNTED]
        wrong = f"[bold red]{counts[-1]}[/]" if counts[-1] else "0"
        cells = [str(len(tally.judged)), *(f"{count or ''}" for count in counts[:-1]), wrong]
        table.add_row(tally.set.name, tally.set.kind, *cells, f"{tally.slowest * 1000:.0f}", _sealed(tally))
    table.add_section()
    totals = [sum(len(tally.of(outcome)) for tally in tallies) for outcome in _COUNTED]
    table.add_row("all", "", *map(str, (sum(totals), *totals)))
    console.print(table)
    for tally in tallies:
        _explain(tally, console)


def _sealed(tally: Tally) -> str:
    if not tally.set.sealed:
        return "no"
    return "yes" if tally.watched else "not watched"


def _explain(tally: Tally, console: Console) -> None:
    label = f"{tally.set.name} {tally.set.kind}"
    if tally.set.note:
        console.print(f"[bold]{label}[/]: {tally.set.note}")
    for outcome, words in ((Outcome.UNSUPPORTED, "not supported by choice"), (Outcome.OPEN, "left open")):
        for reason, count in tally.reasons(outcome).items():
            console.print(f"  {label}: {words}: {count} × {reason}")
    for one in tally.of(Outcome.WRONG):
        console.print(f"  [red]{label}: WRONG: {one.case.name} (stated: {one.case.stated}): {one.why}[/]")


def as_data(tallies: Sequence[Tally]) -> dict[str, Any]:
    """The same for ``--json``."""
    return {
        "wrong": sum(len(tally.of(Outcome.WRONG)) for tally in tallies),
        "sets": [
            {
                "set": tally.set.name,
                "verdict": tally.set.kind,
                "cases": len(tally.judged),
                **{outcome.value: len(tally.of(outcome)) for outcome in _COUNTED},
                "slowest_ms": round(tally.slowest * 1000, 1),
                "access_watched": tally.watched,
                "note": tally.set.note,
                "unsupported_reasons": tally.reasons(Outcome.UNSUPPORTED),
                "open_reasons": tally.reasons(Outcome.OPEN),
                "wrong_cases": [
                    {"case": one.case.name, "stated": one.case.stated.value, "why": one.why}
                    for one in tally.of(Outcome.WRONG)
                ],
            }
            for tally in tallies
        ],
    }
