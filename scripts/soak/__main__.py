"""``python -m scripts.soak``: the proof, as long as wanted; prints the table and writes ``soak.json``."""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType

from rich.console import Console

from scripts.soak.clock import library
from scripts.soak.record import record
from scripts.soak.run import Goal, Outcome, run
from scripts.soak.show import Screen, table
from scripts.soak.world import Plan, ground


def main() -> int:
    wish = _wish()
    signal.signal(signal.SIGTERM, _leave)
    console = Console()
    if wish.stack == "production" and library() is None:
        console.print("faketime is not installed (apt-get install faketime): no clock will jump", style="bold red")
    folder = Path(tempfile.mkdtemp(prefix="edoc-soak-", dir=wish.folder))
    folder.chmod(0o755)  # PostgreSQL and RabbitMQ are others than we
    outcome = _run(wish, folder, console)
    console.print(table(outcome))
    for violation in outcome.violations[:40]:
        console.print(f"  {violation}", style="bold red", markup=False)
    if wish.json:
        told = record(outcome, seed=wish.seed, command=shlex.join(["python", "-m", "scripts.soak", *sys.argv[1:]]))
        wish.json.write_text(json.dumps(told, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return 1 if outcome.violations else 0


def _run(wish: argparse.Namespace, folder: Path, console: Console) -> Outcome:
    plan = Plan(
        folder=folder,
        production=wish.stack == "production",
        nodes=wish.nodes,
        pulling=wish.recipients,
        seed=wish.seed,
        rate=wish.rate,
    )
    goal = Goal(deliveries=wish.deliveries, faults_each=wish.faults, only=tuple(wish.only))
    with ground(plan) as made, Screen(console, goal) as screen:
        return asyncio.run(run(made, goal, screen.show))


def _wish() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m scripts.soak", description=__doc__)
    parser.add_argument("--stack", choices=("production", "embedded"), default="production")
    parser.add_argument("--deliveries", type=int, default=2_000, help="at least so many")
    parser.add_argument("--faults", type=int, default=1, help="each fault at least so often")
    parser.add_argument("--rate", type=float, default=30.0, help="deliveries a second, at most")
    parser.add_argument("--recipients", type=int, default=40, help="agencies that pull; others push and consume")
    parser.add_argument("--nodes", type=int, default=3, help="trunk processes (one with --stack embedded)")
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed: the same letters and faults in the same order"
    )
    parser.add_argument("--only", nargs="*", default=[], help="beginnings of names of faults")
    parser.add_argument("--folder", type=Path, help="where everything is put (else the temporary folder)")
    parser.add_argument("--json", type=Path, help="write what happened here")
    return parser.parse_args()


def _leave(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
