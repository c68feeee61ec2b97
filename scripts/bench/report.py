"""``python -m scripts.bench.report figures.json page.md``: a run's tables, where the page has its marks for them.

Everything between the marks is written from the record alone; what stands around them is written by hand. Beside the
page, pictures: how far each promised figure is reached, and where processor time goes.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from scripts.bench.figures import Accepting, Carrying, Compared, Figures, Holding, Idle, Mixed, Turn
from scripts.bench.show import draw, tables

BEGIN: Final = "<!-- figures: written by scripts.bench.report, do not edit -->"
END: Final = "<!-- end of figures -->"
_SHARES: Final = (0.1, 0.2, 0.5, 1, 2, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A figure that was promised. ``most``: it may be no more; else it must be no less."""

    key: str
    what: str
    value: float
    most: bool = False

    def reached(self, got: float) -> float:
        """1 and more: as promised."""
        return self.value / got if self.most else got / self.value


TARGETS: Final = (
    Target(key="accept_25k_postgres_rabbitmq_per_s", what="accepted a second, PostgreSQL + RabbitMQ", value=1500),
    Target(key="accept_25k_sqlite_embedded_per_s", what="accepted a second, SQLite + embedded", value=1200),
    Target(key="end_to_end_25k_per_s", what="to the sender's acknowledgement, a second", value=600),
    Target(key="signature_to_floor_25k", what="signature stage, CPU to floor, 25 KB", value=2.5, most=True),
    Target(key="signature_to_floor_2m", what="signature stage, CPU to floor, 2 MB", value=1.7, most=True),
    Target(key="signature_to_floor_20m", what="signature stage, CPU to floor, 20 MB", value=1.5, most=True),
    Target(key="cpu_to_floor_25k", what="accept path, CPU to floor, 25 KB", value=5, most=True),
    Target(key="cpu_to_floor_200k", what="accept path, CPU to floor, 200 KB", value=5, most=True),
    Target(key="cpu_to_floor_2m", what="accept path, CPU to floor, 2 MB", value=4, most=True),
    Target(key="memory_above_idle_100m_mib", what="100 MB: MiB above idle", value=16, most=True),
    Target(key="circular_63_to_single", what="a circular to 63, in single ones", value=8, most=True),
    Target(key="idle_largest_process_mib", what="idle: MiB resident, the process that serves", value=120, most=True),
)


def main() -> int:
    """Write tables into the page and pictures beside it."""
    source, page = map(Path, sys.argv[1:3])
    told = json.loads(source.read_text(encoding="utf-8"))
    figures = from_data(told["all"])
    pictures = {"parties": page.with_suffix(".parties.png"), "targets": page.with_suffix(".targets.png")}
    draw(figures, pictures["parties"])
    draw_targets(told, pictures["targets"])
    head, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, tail = rest.partition(END)
    lines = [BEGIN, "", *_told(told, figures, source, pictures), "", END]
    page.write_text(head + "\n".join(lines) + tail, encoding="utf-8")
    return 0


def from_data(told: Mapping[str, Any]) -> Figures:
    """What ``figures.as_data`` has written below ``all``."""

    def turn(one: Mapping[str, Any]) -> Turn:
        return Turn(**one)

    held = told["holding"]
    return Figures(
        accepting=[Accepting(**one) for one in told["accepting"]],
        carrying=[Carrying(**one) for one in told["carrying"]],
        delivering=[Carrying(**one) for one in told["delivering"]],
        mixed=[Mixed(**{**one, "turns": list(map(turn, one["turns"]))}) for one in told["mixed"]],
        compared=[_compared(one) for one in told["compared"]],
        idle=[Idle(**one) for one in told["idle"]],
        holding=None if held is None else Holding(**held),
        signatures=told["signatures"],
    )


def _compared(one: Mapping[str, Any]) -> Compared:
    pairs = [(Turn(**first), Turn(**second)) for first, second in one["pairs"]]
    known = {name: value for name, value in one.items() if name != "ratios"}
    return Compared(**{**known, "states": tuple(one["states"]), "pairs": pairs})


def _told(told: Mapping[str, Any], figures: Figures, source: Path, pictures: Mapping[str, Path]) -> Iterator[str]:
    machine = told["machine"]
    yield "```sh"
    yield f"BENCH_JSON={source.name} {told['command']}"
    yield "```"
    yield ""
    yield f"{told['seconds'] / 60:.0f} minutes; {machine['processors']} × {machine['model']}, "
    yield f"{machine['memory_mib']:,} MiB, Linux {machine['kernel']}, Python {machine['python']}; a bare fdatasync: "
    yield ", ".join(f"{ms} ms ({stack})" for stack, ms in told["fdatasync_ms"].items()) + "."
    yield ""
    yield from targets(told)
    yield ""
    for name, picture in pictures.items():
        yield f"![{name}]({picture.name})"
        yield ""
    for table in tables(figures):
        yield from markdown(table)
        yield ""
    yield from _signatures(figures.signatures.get("all", ()))


def targets(told: Mapping[str, Any]) -> Iterator[str]:
    """What was promised, and what it is."""
    yield "| what | promised | measured | reached |"
    yield "|---|--:|--:|--:|"
    for one in TARGETS:
        if one.key in told:
            sign = "≤" if one.most else "≥"
            yield f"| {one.what} | {sign} {one.value:,g} | {told[one.key]:,g} | {one.reached(told[one.key]):.0%} |"


def markdown(table: Table) -> Iterator[str]:
    """A table for a terminal as one for a page."""
    yield f"**{table.title}**"
    yield ""
    yield _row(column.header for column in table.columns)
    yield _row("--:" if column.justify == "right" else "---" for column in table.columns)
    yield from map(_row, zip(*(column.cells for column in table.columns), strict=True))


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell) for cell in cells)} |"


def _signatures(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not rows:
        return
    yield "**verifying a signed envelope, from octets to verdict, in one process**"
    yield ""
    yield "| size | signed | base64 in | CPU ms, median (least-most) | n | : floor | memory : octets, mapped |"
    yield "|---|---|---|--:|--:|--:|--:|"
    for one in rows:
        times = one["times"]
        spread = f"{statistics.median(times):.2f} ({min(times):.2f}-{max(times):.2f})"
        memory = f"{one['memory_bytes']:.2f}, {one['memory_mapped']:.2f}"
        cells = (one["size"], one["profile"], one["lines"], spread, len(times), f"{one['to_floor']:.2f}", memory)
        yield _row(cells)


def draw_targets(told: Mapping[str, Any], file: Path) -> None:
    """How far each promised figure is reached, as a picture."""
    from matplotlib.figure import Figure  # noqa: PLC0415  half a second, for those who want a picture

    shown = [(one.what, one.reached(told[one.key])) for one in TARGETS if one.key in told]
    picture = Figure(figsize=(10, 1.2 + 0.4 * len(shown)), layout="constrained")
    axes = picture.subplots()
    axes.barh([what for what, _ in shown], [reached for _, reached in shown])
    axes.axvline(1, color="black")
    axes.set_xscale("log")
    axes.set_xticks([], minor=True)
    axes.set_xticks(_SHARES, labels=[f"{share:.0%}" for share in _SHARES])
    axes.set_xlabel("of what was promised (the line); longer is better")
    axes.invert_yaxis()
    picture.savefig(file, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
