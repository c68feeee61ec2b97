"""``python -m scripts.bench``: measures the trunk on this machine, load client and servers on the same processors.

Every figure stands beside the floor (``scripts.floor``) and a bare fdatasync of the same run. Prints tables;
``--plot FILE.png`` draws; ``BENCH_JSON=file`` writes one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from scripts import floor
from scripts.bench import accepting, agencies, carrying, holding, idle, mixes, scale, signatures
from scripts.bench.accepting import Wish
from scripts.bench.figures import Figures, as_data
from scripts.bench.receiving import MODES
from scripts.bench.show import console, draw, show
from scripts.bench.stand import STACKS, People, Stand, stand

STAGES: Final = {
    "accept": "envelopes of 25 KB accepted: as fast as it goes, and at 70 % of that",
    "sizes": "the same with 200 KB and 2 MB (production)",
    "carry": "to the recipient's confirmation and the sender's acknowledgement",
    "delivery": "the same to recipients that pull, are pushed to, consume by AMQP (production)",
    "mixes": "circulars to 4 and 63, duplicates, bad ones, VXP and LGSP beside plain ones (production)",
    "memory": "envelopes of 100 MB, one and ten at once (production)",
    "signatures": "what verifying costs, in one process",
    "scale": "ledgers empty and full, 3 and 3,000 agencies, one process and two, 50,000 waiting for one",
    "idle": "memory and processor time of a trunk that is left alone",
}
_LESS: Final = 6
"""Runs of stages that ask for many runs are so much shorter."""


def main() -> int:
    """Run what is wished for; print, draw, write. 1 if something could not be measured."""
    wish = _wish()
    started = time.monotonic()
    figures = Figures()
    troubles: list[str] = []
    for stack in STACKS:
        if wish.stack in (stack, "both") and _stages(wish, stack):
            console.print(f"{STACKS[stack]}: {', '.join(_stages(wish, stack))} …")
            with _going_on(stack, troubles), stand(stack, people=_people(wish, stack), tree=wish.tree) as made:
                _measure(made, wish, figures)
    _measure_apart(wish, figures, troubles)
    show(figures)
    told = as_data(
        figures,
        command=shlex.join(["python", "-m", "scripts.bench", *sys.argv[1:]]),
        seconds=time.monotonic() - started,
    )
    console.print(f"bare fdatasync {figures.sync_ms} ms; {told['machine']}")
    if wish.plot:
        draw(figures, wish.plot)
    if file := os.environ.get("BENCH_JSON"):  # noqa: TID251  named so by the makefile's users
        Path(file).write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    for trouble in troubles:
        console.print(f"not measured to the end: {trouble}")
    return 1 if troubles else 0


@contextmanager
def _going_on(what: str, troubles: list[str]) -> Iterator[None]:
    """What has been measured is not lost because something later went wrong."""
    try:
        yield
    except SystemExit as trouble:
        troubles.append(f"{what}: {trouble}")
        console.print(troubles[-1])


def _measure_apart(wish: argparse.Namespace, figures: Figures, troubles: list[str]) -> None:
    """The stages that make their own trunks, or need none."""
    if "signatures" in wish.only:
        measured = signatures.measure()
        signatures.show(measured)
        figures.signatures = signatures.as_data(measured)
    if "scale" in wish.only:
        size = scale.Size(
            envelopes=max(wish.envelopes // _LESS, 10),
            pairs=wish.runs,
            deliveries=wish.deliveries,
            waiting=wish.waiting,
        )
        for question in scale.QUESTIONS:
            with _going_on("scale", troubles):
                figures.compared += scale.measure(question, size)
    if "idle" in wish.only:
        with _going_on("idle", troubles):
            figures.idle = idle.measure()


def _stages(wish: argparse.Namespace, stack: str) -> list[str]:
    """Those that need this stack, in the order in which they are measured: the first find no backlog."""
    there = ["carry", "accept"]
    if stack == "production":
        there = ["carry", "delivery", "accept", "mixes", "sizes", "memory"]
    return [stage for stage in there if stage in wish.only]


def _people(wish: argparse.Namespace, stack: str) -> People | None:
    return agencies.of_all_modes if {"delivery", "mixes"} & set(_stages(wish, stack)) else None


def _measure(made: Stand, wish: argparse.Namespace, figures: Figures) -> None:
    stages = _stages(wish, made.stack)
    less = max(wish.envelopes // _LESS, 10)
    figures.sync_ms = {**figures.sync_ms, made.stack: round(floor.sync_milliseconds(made.folder), 2)}
    if "carry" in stages:
        figures.carrying.append(carrying.measure(made, documents=max(wish.envelopes // 2, 50), runs=wish.runs))
    if "delivery" in stages:
        documents = max(wish.envelopes // 3, 20)
        figures.delivering = [carrying.measure(made, documents=documents, runs=wish.runs, to=mode) for mode in MODES]
    for one in _wishes(wish, stages):
        figures.accepting.append(accepting.measure(made, one))
    if "mixes" in stages:
        figures.mixed = mixes.measure(made, envelopes=less, runs=wish.runs)
    if "memory" in stages:
        figures.holding = holding.measure(made)


def _wishes(wish: argparse.Namespace, stages: Sequence[str]) -> Iterator[Wish]:
    if "accept" in stages:
        yield Wish(size="25k", envelopes=wish.envelopes, runs=wish.runs, paced=True)
    if "sizes" in stages:
        yield Wish(size="200k", envelopes=max(wish.envelopes // 5, 50), runs=wish.runs)
        yield Wish(size="2m", envelopes=max(wish.envelopes // 40, 20), runs=wish.runs)


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="stages:\n" + "\n".join(f"  {name:12} {what}" for name, what in STAGES.items()),
    )
    parser.add_argument("--stack", choices=(*STACKS, "both"), default="both")
    parser.add_argument("--only", nargs="+", choices=tuple(STAGES), default=list(STAGES), metavar="STAGE")
    parser.add_argument("--envelopes", type=int, default=1200, help="of 25 KB in a run; fewer in many stages")
    parser.add_argument("--runs", type=int, default=5, help="of each kind; the median counts")
    parser.add_argument(
        "--deliveries",
        type=int,
        default=1_000_000,
        help="in the full ledger of the stage scale (10 million: 40 GB, an hour)",
    )
    parser.add_argument("--waiting", type=int, default=50_000, help="for the recipient that is down, in the same stage")
    parser.add_argument("--tree", type=Path, help="measure the trunk of another working tree (its tables must be ours)")
    parser.add_argument("--plot", type=Path, help="draw processor time by party (PNG)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
