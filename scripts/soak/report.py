"""``python -m scripts.soak.report soak.json soak.md``: what a run showed, as a page that people read."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def main() -> int:
    source, target = map(Path, sys.argv[1:3])
    told = json.loads(source.read_text(encoding="utf-8"))
    target.write_text("\n".join(page(told)) + "\n", encoding="utf-8")
    return 0


def page(told: Mapping[str, Any]) -> Iterator[str]:
    """Lines of Markdown. Written from the record alone: nothing is said here that is not in it."""
    yield "# What faults did to the mail"
    yield ""
    yield "Written by `python -m scripts.soak.report` from [soak.json](soak.json); do not edit. The agencies' systems,"
    yield "the roads between all parties and the oracle stand outside the trunk, and know only what it told them."
    yield ""
    for run in told.get("runs", [told]):
        yield from _run(run)
    yield from _mail(told)
    yield ""
    yield from _faults(told)
    if told["violations"]:
        yield ""
        yield "## What broke the law"
        yield ""
        yield from (f"* {one}" for one in told["violations"][:100])


def _run(told: Mapping[str, Any]) -> Iterator[str]:
    machine, versions = told["machine"], told["versions"]
    yield "```sh"
    yield str(told["command"])
    yield "```"
    yield ""
    yield f"Seed {told['seed']}, commit `{told['commit'][:12]}`, {told['seconds'] / 60:.0f} minutes:"
    yield f"{told['deliveries']:,} deliveries, {sum(told['faults'].values()):,} faults."
    yield f"{machine['processors']} × {machine['model']}, {machine['memory_mib']:,} MiB, Linux {machine['kernel']};"
    yield "; ".join(f"{name} {version}" for name, version in versions.items() if version) + "."
    yield ""


def _mail(told: Mapping[str, Any]) -> Iterator[str]:
    yield "| mail | |"
    yield "|---|--:|"
    rows = {
        "submissions that the trunk acknowledged": told["submissions"],
        "deliveries of them": told["deliveries"],
        "**lost**": told["lost"],
        "final acknowledgements, one for each delivery of a document": told["final_acknowledgements"],
        "offered again after their confirmation, under the same delivery id (allowed)": told["offered_again"],
        "refused, as they should be": told["refused"],
        "breaches of the law": len(told["violations"]),
        "trunk processes started": told["trunk_processes_started"],
    }
    yield from (f"| {name} | {number:,} |" for name, number in rows.items())


def _faults(told: Mapping[str, Any]) -> Iterator[str]:
    yield "Well again: from the end of a fault (and of those that happened with it) until a letter that was sent then"
    yield "was delivered and acknowledged through every node, to one agency of each mode. In flight: deliveries"
    yield "whose sender had not been told the end when the fault struck, all times together."
    yield ""
    yield "| fault | times | in flight | well again: median s | longest s | over 30 s |"
    yield "|---|--:|--:|--:|--:|--:|"
    for name, times in told["faults"].items():
        again = told["recovery_seconds"][name]
        line = f"{again['median']} | {again['longest']} | {again['slow']}"
        yield f"| {name} | {times} | {told['in_flight'][name]:,} | {line} |"


if __name__ == "__main__":
    sys.exit(main())
