"""What people see of a run: tables, and a picture."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from scripts.bench.figures import Accepting, Carrying, Compared, Figures, Holding, Idle, Mixed, circular_ratios, spread

console: Final = Console(highlight=False, width=None if sys.stdout.isatty() else 150)
_STACK: Final = {"embedded": "SQLite, embedded broker", "production": "PostgreSQL, RabbitMQ"}


def show(figures: Figures) -> None:
    """All tables."""
    for table in tables(figures):
        console.print(table)


def tables(figures: Figures) -> Iterator[Table]:
    """Of what was measured."""
    if figures.accepting:
        yield _accepting(figures.accepting)
        yield _parties("processor ms for each envelope accepted, by party", figures.accepting)
        yield _stages(figures.accepting)
    if figures.carrying:
        yield _carrying(figures.carrying)
    if figures.delivering:
        yield _carrying(figures.delivering)
    if figures.mixed:
        yield _mixed(figures.mixed)
    if figures.compared:
        yield _compared(figures.compared)
    if figures.idle:
        yield _idle(figures.idle)
    if figures.holding is not None:
        yield _holding(figures.holding)


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number else "left")
    return table


def _accepting(rows: Sequence[Accepting]) -> Table:
    table = _table(
        "signed envelopes accepted: verified, durable, sealed, queued; median (least-most)",
        "stack, size, recipients",
        "a second",
        "trunk CPU ms",
        ": floor",
        "floor ms",
        "p50 / p95 / p99 / p99.9 ms at 70 %",
        "written : received",
    )
    for one in rows:
        paced = " / ".join(f"{ms:.0f}" for ms in one.open.values()) + f" ({one.paced_at:.0f}/s)" if one.open else ""
        table.add_row(
            _named(one), spread(one.per_second), spread(one.cpu_ms, 2), f"{one.to_floor:.1f}", f"{one.floor_ms:.3f}",
            paced, f"{one.written:.1f}",
        )  # fmt: skip
    return table


def _parties(title: str, rows: Iterable[Accepting]) -> Table:
    shown = list(rows)
    names = list(dict.fromkeys(name for one in shown for name in one.parties_ms))
    table = _table(title, "stack, size, recipients", *names)
    for one in shown:
        table.add_row(_named(one), *(_milliseconds(one.parties_ms, name) for name in names))
    return table


def _stages(rows: Sequence[Accepting]) -> Table:
    names = sorted({name for one in rows for name in one.stages_ms})
    table = _table(
        "processor ms of the serving processes for each envelope, by stage", "stack, size, recipients", *names
    )
    for one in rows:
        table.add_row(_named(one), *(_milliseconds(one.stages_ms, name) for name in names))
    return table


def _carrying(rows: Sequence[Carrying]) -> Table:
    names = list(dict.fromkeys(name for one in rows for name in one.parties_ms))
    table = _table(
        "from submission to the recipient's confirmation and the sender's last acknowledgement",
        "stack, recipients", "a second", "p50 / p95 / p99 / p99.9 ms", *(f"{name}, ms" for name in names),
    )  # fmt: skip
    for one in rows:
        latency = " / ".join(f"{ms:.0f}" for ms in one.latency.values())
        parties = (_milliseconds(one.parties_ms, name) for name in names)
        table.add_row(f"{_STACK[one.stack]}; {one.mode}", spread(one.per_second), latency, *parties)
    return table


def _mixed(rows: Sequence[Mixed]) -> Table:
    ratios = circular_ratios(rows)
    table = _table(
        f"kinds of submissions of 25 KB, in turns; a circular to 63 costs the trunk {spread(ratios, 2)} single ones",
        "kind; recipients", "a second", "trunk CPU ms", "for each delivery", "PostgreSQL ms", "RabbitMQ ms",
    )  # fmt: skip
    for one in rows:
        each = [turn.trunk_ms / one.recipients for turn in one.turns]
        servers = ([turn.parties_ms.get(party, 0.0) for turn in one.turns] for party in ("PostgreSQL", "RabbitMQ"))
        table.add_row(
            f"{one.kind}; {one.recipients}",
            spread([turn.per_second for turn in one.turns]),
            spread([turn.trunk_ms for turn in one.turns], 2),
            spread(each, 2),
            *(spread(ms, 2) for ms in servers),
        )
    return table


def _compared(rows: Sequence[Compared]) -> Table:
    table = _table(
        "the same runs of 25 KB in two states, in turns; cost: trunk and PostgreSQL, for each envelope",
        "what", "state", "a second", "trunk CPU ms", "PostgreSQL ms", "cost : the first's",
    )  # fmt: skip
    for one in rows:
        for place, state in enumerate(one.states):
            turns = [pair[place] for pair in one.pairs]
            table.add_row(
                one.what if place == 0 else f"({one.note})" if one.note else "",
                state,
                spread([turn.per_second for turn in turns]),
                spread([turn.trunk_ms for turn in turns], 2),
                spread([turn.postgres_ms for turn in turns], 2),
                spread(one.ratios, 3) if place else "",
            )
    return table


def _idle(rows: Sequence[Idle]) -> Table:
    table = _table(
        "started and left alone; memory that is shared is counted once",
        "stack, processes", "resident MiB", "of them", "trunk CPU ms a second", "servers CPU ms a second",
    )  # fmt: skip
    for one in rows:
        parts = ", ".join(f"{party.removeprefix('trunk, ')} {mib:.0f}" for party, mib in one.processes)
        table.add_row(
            f"{_STACK[one.stack]}; {one.workers}",
            f"{one.resident_mib:.1f}",
            parts,
            f"{one.cpu_ms_per_s:.1f}",
            f"{one.servers_ms_per_s:.1f}",
        )
    return table


def _holding(one: Holding) -> Table:
    table = _table("anonymous memory of all processes, MiB above idle, envelopes of 100 MB", "what", "MiB")
    rows = {
        f"idle ({one.idle_resident:.0f} resident)": one.idle,
        "one on the way in": one.one_in,
        "one on the way out": one.one_out,
        "ten on the way in": one.ten_in,
        "ten on the way out": one.ten_out,
    }
    for name, value in rows.items():
        table.add_row(name, f"{value:.1f}")
    return table


def _named(one: Accepting) -> str:
    return f"{_STACK[one.stack]}; {one.size}; {one.recipients}"


def _milliseconds(parties: Mapping[str, float], name: str) -> str:
    return f"{parties[name]:.2f}" if name in parties else ""


def draw(figures: Figures, file: Path) -> None:
    """Processor time by party as a picture, in floors of the same run: for each envelope accepted, each one carried."""
    from matplotlib.figure import Figure  # noqa: PLC0415  half a second, for those who want a picture

    bars = [(_named(one), _in_floors(one.parties_ms, one.floor_ms)) for one in figures.accepting]
    small = next((one.floor_ms for one in figures.accepting if one.size == "25k"), None)
    if small is not None:
        bars += [(f"{_STACK[one.stack]}; to the end", _in_floors(one.parties_ms, small)) for one in figures.carrying]
    picture = Figure(figsize=(11, 1.8 + 0.6 * len(bars)), layout="constrained")
    axes = picture.subplots()
    left = [0.0] * len(bars)
    for party in dict.fromkeys(party for _, taken in bars for party in taken):
        widths = [taken.get(party, 0.0) for _, taken in bars]
        axes.barh([name for name, _ in bars], widths, left=left, label=party)
        left = [start + width for start, width in zip(left, widths, strict=True)]
    axes.axvline(1, color="black", label="the floor")
    axes.set_xlabel("processor time for each envelope, in floors (the bare work in C for its size)")
    axes.invert_yaxis()
    picture.legend(loc="outside upper center", ncols=4, fontsize="small")
    picture.savefig(file, dpi=110)


def _in_floors(parties: Mapping[str, float], floor_ms: float) -> dict[str, float]:
    return {party: milliseconds / floor_ms for party, milliseconds in parties.items()}
