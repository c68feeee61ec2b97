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
from pathlib import Path
from typing import Final

from scripts import floor
from scripts.bench import accepting, carrying, holding, idling, mixing, signatures
from scripts.bench.accepting import Wish
from scripts.bench.figures import Figures, as_data
from scripts.bench.show import console, draw, show
from scripts.bench.stand import STACKS, Stand, stand

STAGES: Final = {
    "accept": "envelopes of 25 KB accepted: as fast as it goes, and at 70 % of that",
    "sizes": "the same with 200 KB and 2 MB (production)",
    "carry": "to the recipient's confirmation and the sender's acknowledgement",
    "mixes": "circulars to 4 and 63, duplicates and bad ones (production)",
    "idle": "memory and processor of a process that nobody asks anything of",
    "memory": "envelopes of 100 MB, one and ten at once (production)",
    "signatures": "what verifying costs, in one process",
}


def main() -> int:
    """Run what is wished for; print, draw, write."""
    wish = _wish()
    started = time.monotonic()
    figures = Figures()
    for stack in STACKS:
        if wish.stack in (stack, "both") and _stages(wish, stack):
            console.print(f"{STACKS[stack]}: {', '.join(_stages(wish, stack))} …")
            with stand(stack, tree=wish.tree) as made:
                _measure(made, wish, figures)
    if "idle" in wish.only:
        figures.idle = idling.measure()
    if "signatures" in wish.only:
        measured = signatures.measure()
        signatures.show(measured)
        figures.signatures = signatures.as_data(measured)
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
    return 0


def _stages(wish: argparse.Namespace, stack: str) -> list[str]:
    """Those that need this stack."""
    there = ["accept", "carry"] if stack == "embedded" else ["accept", "sizes", "carry", "mixes", "memory"]
    return [stage for stage in there if stage in wish.only]


def _measure(made: Stand, wish: argparse.Namespace, figures: Figures) -> None:
    stages = _stages(wish, made.stack)
    figures.sync_ms = {**figures.sync_ms, made.stack: round(floor.sync_milliseconds(made.folder), 2)}
    wishes = [Wish(size="25k", envelopes=wish.envelopes, runs=wish.runs, paced=True)] if "accept" in stages else []
    if "sizes" in stages:
        wishes.append(Wish(size="200k", envelopes=max(wish.envelopes // 5, 50), runs=wish.runs))
        wishes.append(Wish(size="2m", envelopes=max(wish.envelopes // 40, 20), runs=wish.runs))
    for one in wishes:
        figures.accepting.append(accepting.measure(made, one))
    if "carry" in stages:
        figures.carrying.append(carrying.measure(made, documents=max(wish.envelopes // 2, 50), runs=wish.runs))
    if "mixes" in stages:
        figures.mixed = mixing.measure(made, envelopes=max(wish.envelopes // 10, 20), runs=wish.runs)
    if "memory" in stages:
        figures.holding = holding.measure(made)


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.bench",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="stages:\n" + "\n".join(f"  {name:12} {what}" for name, what in STAGES.items()),
    )
    parser.add_argument("--stack", choices=(*STACKS, "both"), default="both")
    parser.add_argument("--only", nargs="+", choices=tuple(STAGES), default=list(STAGES), metavar="STAGE")
    parser.add_argument("--envelopes", type=int, default=2000, help="of 25 KB in a run; fewer of larger ones")
    parser.add_argument("--runs", type=int, default=5, help="of each kind; the median counts")
    parser.add_argument("--tree", type=Path, help="measure the trunk of another working tree (its tables must be ours)")
    parser.add_argument("--plot", type=Path, help="draw processor time by party (PNG)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
